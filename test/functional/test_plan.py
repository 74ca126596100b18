# SPDX-License-Identifier: Apache-2.0
"""Plans, and copies that do not converge by themselves."""
import base64
import contextlib
import json
import os
import re
import signal
import socket
import time

import hostile
import frames
from labrun import check, equal, run
from statements import Accepted
from test_disk import small_disk
from test_migrate import completed
from test_stop import halted

RANGE = {"expected", "low", "high"}


def plan(lab, src, dst, *args):
    r = lab.korora(src, "plan", lab.vm, "--to", dst, *args)
    check(isinstance(r.json, dict), "plan: %r" % r)
    return r


def ids(lab):
    return {m["migration"] for m in lab.migrations("a")}


def way(j, name):
    return [w for w in j["strategies"] if w["strategy"] == name][0]


def statement(path):
    with open(path) as f:
        return json.loads(base64.b64decode(json.load(f)["payload"]))


# ---- what is known without one --------------------------------------------

def said(lab, r):
    """What both hosts, the receipt and the result say was predicted."""
    p = r.json["predicted"]
    check(p and all(p[k] > 0 for k in ("total_ms", "downtime_ms",
                                       "wire_bytes")), "%r" % r)
    equal(statement(r.json["receipt"])["predicate"]["predicted"], p,
          "predicted in the receipt")
    for h in "ab":
        equal(lab.told(h, "receipt", "verify", r.json["receipt"])["predicted"],
              p, "predicted, by receipt verify on " + h)
        lab.until(lambda: lab.status(h, r.json["migration"])["state"] ==
                  "completed", "its end on " + h)
        equal(lab.status(h, r.json["migration"])["predicted"], p,
              "predicted, by status on " + h)
        text = lab.exec(h, "korora", "receipt", "show", r.json["migration"])
        check(re.search("^Predicted by: +%s$" % p["basis"], text.out, re.M),
              "%r" % text)
    return p


def each_migration_is_predicted(lab):
    """By size and link at first, then by what it took, by a plan if there
    is one. Each knows what its own host knows."""
    equal(len(ids(lab)), 0, "migrations before")
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    p = said(lab, r)
    equal(p["basis"], "size", "basis of the first one")
    check(p["wire_bytes"] <= 64 << 20, "%s of 64 MiB" % p["wire_bytes"])
    took = r.json
    r = lab.migrate("b", "a")
    completed(lab, r, "a")
    p = said(lab, r)
    equal(p["basis"], "history", "basis of the way back")
    check(abs(p["total_ms"] - took["total_ms"]) <= took["total_ms"] / 4,
          "%s, after %s" % (p, took))
    for strategy in "offline", "hybrid", "postcopy":
        for src, dst in "ab", "ba":
            r = lab.migrate(src, dst, "--strategy", strategy)
            completed(lab, r, dst)
            equal(said(lab, r)["basis"], "history", "basis, " + strategy)
    plan(lab, "a", "b", "--seconds", "1")
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    equal(said(lab, r)["basis"], "plan", "basis after a plan")
    r = lab.migrate("b", "a", "--bandwidth", "10MB")
    completed(lab, r, "a")
    equal(said(lab, r)["basis"], "history", "basis of another bandwidth")


def a_vm_that_never_moved_goes_by_others(lab):
    """Of its tenant: of another's it is told nothing."""
    lab.works()
    for tenant, basis in ("default", "history"), ("acme", "size"):
        path = lab.dir + "/other.vm"
        with open(path, "w") as f:
            f.write(hostile.diskless(lab).replace(
                "= trojan", "= %s-1" % tenant).replace(
                "= default", "= " + tenant))
        for args in ("define", path), ("start", tenant + "-1"):
            equal(lab.korora("a", "vm", *args).rc, 0, "vm %s" % args[0])
        r = lab.migrate("a", "b", vm=tenant + "-1")
        equal(r.rc, 0, "%r" % r)
        equal(said(lab, r)["basis"], basis, "basis, tenant " + tenant)
        for what in "stop", "remove":
            equal(lab.korora("b", "vm", what, tenant + "-1").rc, 0, what)
    lab.works()


def a_peer_that_knows_no_basis_is_told_of_plans_alone(lab):
    """The same offers to a host of version 2, and to one of 3."""
    lab.works()
    for version, basis in ((2, None), (3, "history")):
        s = hostile.session(lab, to="a", speaks=(2, version))
        p = lab.start("a", "korora", "--json", "migrate", lab.vm, "--to",
                      "evil", "--strategy", "offline")
        kind = None
        while kind != frames.OFFER:
            kind, body = s.receive()
        offered = Accepted(hostile.evil(lab), body).p.get("predicted")
        equal(offered and offered["basis"], basis, "basis in the offer")
        s.send(frames.FAIL, frames.word(body[1:17], 4010, "no"))
        lab.refused(p.result(), "KR-4010", status="refused")
        s.close()
    lab.works()


# ---- plans ----------------------------------------------------------------

def a_plan_leaves_the_vm_where_it_is(lab):
    before = [lab.korora(h, "vm", "list").json for h in "ab"]
    r = plan(lab, "a", "b", "--seconds", "2")
    equal((r.rc, r.json["status"], r.json["error"]), (0, "completed", None),
          "plan: exit, status, error")
    equal({w["strategy"] for w in r.json["strategies"]},
          {"precopy", "offline", "hybrid", "postcopy"}, "strategies")
    for w in r.json["strategies"]:
        for key in ("total_ms", "downtime_ms", "wire_bytes"):
            equal(set(w[key]), RANGE, "keys of " + key)
            check(0 < w[key]["low"] <= w[key]["expected"] <= w[key]["high"],
                  "%s: %s" % (key, w[key]))
    m = r.json["measured"]
    check(m["rate_bytes_s"] > 0 and 0 < m["seen_bytes"] <= m["ram_bytes"],
          "measured: %s" % m)
    lab.runs("a")
    equal([lab.korora(h, "vm", "list").json for h in "ab"], before, "VMs")
    for h in "ab":
        s = lab.status(h, r.json["migration"])
        equal((s["state"], s["error"]["code"]), ("probed", "KR-1019"),
              "the probe's state and error on " + h)
        said = [e for e in lab.evidence(h, 20)
                if e.get("migration") == r.json["migration"]]
        check(any("KR-1019" in json.dumps(e) for e in said),
              "the log of %s does not say that it was a probe" % h)
        equal(lab.korora(h, "log", "verify").rc, 0, "log verify on " + h)
    lab.works()


def receipts_hold_the_prediction(lab):
    p = plan(lab, "a", "b", "--seconds", "1").json
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    want = {k: way(p, "precopy")[k]["expected"]
            for k in ("total_ms", "downtime_ms", "wire_bytes")}
    equal(said(lab, r), dict(want, basis="plan"), "what was predicted")
    completed(lab, lab.migrate("b", "a"), "a")


def a_plan_can_be_cancelled(lab):
    known = ids(lab)
    p = lab.start("a", "korora", "--json", "plan", lab.vm, "--to", "b",
                  "--seconds", "60", "--bandwidth", "1MB")
    id = lab.until(lambda: ids(lab) - known, "the probe in status").pop()
    lab.await_phase("a", id, "copy")
    equal(lab.korora("a", "cancel", id).rc, 0, "exit of cancel")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1012"), "exit, code of the plan")
    lab.runs("a")
    lab.works()


def a_plan_that_cannot_begin(lab):
    for code, args in (("KR-4010", ["a"]), ("KR-1005", ["nowhere"])):
        r = plan(lab, "a", *args)
        equal((r.rc, r.code), (1, code), "exit, code of plan %s" % args)
    for args in (["--seconds", "0"], ["--seconds", "61"], ["--dry-run"]):
        r = plan(lab, "a", "b", *args)
        equal((r.rc, r.code), (2, "KR-1001"), "exit, code of %s" % args)


def a_crash_ends_a_plan(lab):
    known = ids(lab)
    p = lab.start("a", "korora", "--json", "plan", lab.vm, "--to", "b",
                  "--seconds", "60", "--bandwidth", "1MB")
    id = lab.until(lambda: ids(lab) - known, "the probe in status").pop()
    lab.await_phase("a", id, "copy")
    lab.lab("daemon", "a", "kill")
    lab.lab("daemon", "a", "start")
    p.result()
    lab.until(lambda: lab.status("a", id)["phase"] == "undone", "its end")
    lab.runs("a")
    lab.works()


# ---- the strategy auto ----------------------------------------------------

def auto_picks_one(lab):
    r = lab.migrate("a", "b", "--strategy", "auto")
    completed(lab, r, "b")
    # which is the better one depends on how busy the machine is
    check(r.json["strategy"] in ("precopy", "offline"), "%r" % r)
    equal(r.json["predicted"]["basis"], "plan", "basis")
    lab.await_log("a", "by strategy %s: about" % r.json["strategy"])
    completed(lab, lab.migrate("b", "a"), "a")


def auto_refuses_what_would_take_too_long(lab):
    r = lab.migrate("a", "b", "--strategy", "auto", "--bandwidth", "3MB",
                    "--max-downtime-ms", "100")
    lab.refused(r, "KR-1020", status="refused")
    p = plan(lab, "a", "b", "--bandwidth", "3MB", "--max-downtime-ms", "100")
    equal((p.rc, p.code), (1, "KR-1020"), "exit, code of the plan")
    check(not any(w["works"] for w in p.json["strategies"]
                  if w["strategy"] in ("precopy", "offline")), "%r" % p)


def auto_goes_offline_if_it_may(lab):
    r = lab.migrate("a", "b", "--strategy", "auto", "--bandwidth", "60MB",
                    "--max-downtime-ms", "60000")
    completed(lab, r, "b")
    check(r.json["strategy"] in ("precopy", "offline"), "%r" % r)
    completed(lab, lab.migrate("b", "a"), "a")


# ---- between the probe and what follows it ---------------------------------

class Auto:
    """A migration by strategy auto, chosen but not begun for a moment."""

    def __init__(self, lab):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(120)
        self.s.connect(lab.api_path("a"))
        self.lines = self.s.makefile("rw")
        self.lines.write(json.dumps({
            "id": 1, "method": "migrate", "params": {
                "vm": lab.vm, "to": "b", "strategy": "auto"}}) + "\n")
        self.lines.flush()
        self.probe = self.next("plan")["event"]["migration"]

    def next(self, kind=None):
        """The next event of that kind; None: the answer."""
        for line in self.lines:
            j = json.loads(line)
            if j.get("event", {}).get("kind") == kind:
                return j
        raise AssertionError("kororad hung up")

    def refused(self, code, status="refused"):
        r = self.next()["result"]
        equal((r["status"], r["error"]["code"], r["strategy"]),
              (status, code, "probe"), "status, code, strategy")
        self.s.close()


def only_probes(lab, known):
    """None of the migrations since was more than a probe."""
    for m in lab.migrations("a"):
        check(m["migration"] in known or m["state"] == "probed", "%r" % m)


def stopped_in_between(lab):
    """vm stop waits for a hypervisor that is halted: no migration begins."""
    known, m = ids(lab), Auto(lab)
    with halted(lab.qemus("a")[0]):
        p = lab.start("a", "korora", "--json", "vm", "stop", lab.vm)
        m.refused("KR-1008")
    equal(p.result().rc, 0, "exit of vm stop")
    equal(lab.state("a"), "stopped", "state")
    only_probes(lab, known)
    for h in "ab":
        with contextlib.suppress(FileNotFoundError):
            os.truncate("%s/%s/var/lib/korora/console/%s.log" % (
                lab.dir, h, lab.vm), 0)
    equal(lab.korora("a", "vm", "start", lab.vm).rc, 0, "exit of vm start")
    lab.works()


def cancelled_in_between(lab):
    known, m = ids(lab), Auto(lab)
    r = lab.api("a", {"id": 2, "method": "cancel", "params": {"id": m.probe}})
    check("error" not in r, "cancel: %s" % r)
    m.refused("KR-1012", "cancelled")
    r = lab.korora("a", "cancel", m.probe)
    equal((r.rc, r.code), (1, "KR-1006"), "exit, code of a second one")
    time.sleep(0.5)
    only_probes(lab, known)
    lab.works()


def the_right_is_gone_in_between(lab):
    """Who may not migrate any more when the probe is over does not."""
    known = ids(lab)
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")
    p = lab.start("a", "korora", "--json", "migrate", lab.vm, "--to", "b",
                  "--strategy", "auto", "--bandwidth", "1MB",
                  "--max-downtime-ms", "120000", user=65534)
    id = lab.until(lambda: ids(lab) - known, "the probe in status").pop()
    lab.await_phase("a", id, "copy")
    equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0,
          "revoke")
    equal(lab.status("a", id)["phase"], "copy", "phase of the probe then")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    only_probes(lab, known)
    lab.works()


def kororad_ends_in_between(lab):
    known, m = ids(lab), Auto(lab)
    os.kill(lab.pid("a"), signal.SIGTERM)
    m.refused("KR-7007")
    lab.restart("a")
    only_probes(lab, known)
    lab.works()


def a_full_disk_ends_it(lab):
    """That it was a probe cannot be recorded: nothing follows, at once."""
    with small_disk(lab, "a") as fill:
        for args in (["plan", "--seconds", "4"],
                     ["migrate", "--strategy", "auto"]):
            known = ids(lab)
            p = lab.start("a", "korora", "--json", args[0], lab.vm, "--to",
                          "b", "--bandwidth", "5MB", *args[1:])
            id = lab.until(lambda: ids(lab) - known, "the probe").pop()
            lab.await_phase("a", id, "copy")
            fill()
            r = p.result(20)
            equal((r.rc, r.code, r.json["status"]), (1, "KR-8001", "refused"),
                  "exit, code, status of %s" % args)
            lab.runs("a")
            equal(lab.migrate("a", "b").code, "KR-1014", "one meanwhile")
            fill(False)
            lab.until(lambda: lab.status("a", id)["state"] == "probed",
                      "record of the probe's end")
            time.sleep(1)
            only_probes(lab, known)
        lab.works()


def its_time_is_for_all_of_it(lab):
    """A probe of 4 s leaves 2, in which so little is not sent."""
    began = time.monotonic()
    r = lab.migrate("a", "b", "--strategy", "auto", "--bandwidth", "1MB",
                    "--max-downtime-ms", "3600000", "--timeout", "6")
    lab.refused(r, "KR-1013")
    check(time.monotonic() - began < 9, "after %.1f s" % (
        time.monotonic() - began))
    check(r.json["strategy"] != "probe", "%r" % r)


def a_peer_cannot_say_that_it_was_measured(lab):
    known, s = ids(lab), hostile.session(lab, to="a")
    for args in (["plan"], ["migrate", "--strategy", "auto"], ["migrate"]):
        p = lab.start("a", "korora", "--json", args[0], lab.vm, "--to",
                      "evil", *args[1:])
        kind = None
        while kind != frames.OFFER:	# words on the one before
            kind, body = s.receive()
        s.send(frames.FAIL, frames.word(body[1:17], 1019, "it was a probe"))
        lab.refused(p.result(), "KR-3006", status="refused")
    for m in lab.migrations("a"):
        check(m["migration"] in known or m["state"] == "refused", "%r" % m)
    s.close()


# ---- convergence ----------------------------------------------------------

def a_stalled_copy_stops_at_a_minimum(lab):
    """4 MiB are rewritten all the time; at 5 MB/s that is 0.8 s."""
    lab.lab("link", "--rate", "1gbit")
    r = lab.migrate("a", "b", "--bandwidth", "5MB", "--timeout", "50")
    completed(lab, r, "b")
    lab.await_log("a", "stalls in pass")
    check(r.json["downtime_ms"] < 2000, "%s ms" % r.json["downtime_ms"])
    lab.lab("link", "--rate", "none")
    completed(lab, lab.migrate("b", "a", "--strategy", "offline"), "a")


def it_tells_that_it_does_not_converge(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "5MB",
                          "--max-downtime-ms", "60")
    lab.until(lambda: lab.status("a", id)["converging"] == "no",
              "word that it does not converge", 50)
    s = lab.status("a", id)
    check(s["needs_downtime_ms"] > 60, "%s ms" % s["needs_downtime_ms"])
    lab.korora("a", "cancel", id)
    lab.refused(p.result(), "KR-1012")


def a_plan_tells_what_slowing_down_would_do(lab):
    """It is not done for that: neither host's statement says that it may be."""
    limits = ["--bandwidth", "25MB", "--max-downtime-ms", "100"]
    r = plan(lab, "a", "b", *limits, "--throttle")
    slow = way(r.json, "precopy")
    fast = way(plan(lab, "a", "b", *limits).json, "precopy")
    check(slow["works"] or not fast["works"], "%s, %s" % (slow, fast))
    for h in "ab":
        said = [json.loads(base64.b64decode(e["envelope"]["payload"]))
                for e in lab.evidence(h, 60) if e.get("envelope") and
                e.get("migration") == r.json["migration"]]
        check(any(s["predicate"].get("strategy") == "probe" for s in said),
              "the probe's statements on %s: %s" % (h, said))
        check(not any(s["predicate"].get("throttle") for s in said),
              "the probe was allowed to slow it down")


def slowed_down_it_converges(lab):
    r = lab.migrate("a", "b", "--bandwidth", "25MB", "--throttle",
                    "--max-downtime-ms", "100", "--timeout", "55",
                    timeout=80)
    completed(lab, r, "b")
    equal(statement(r.json["receipt"])["predicate"].get("throttle"), True,
          "throttle in the receipt")
    completed(lab, lab.migrate("b", "a", "--strategy", "offline"), "a")


def busy(mib):
    """A guest that would rewrite @mib at 80 MB a second; starved by what else
    runs it still writes 9, which is more than the tests let go. Its machine is
    of a release for which QEMU's emulation does not forget such pages."""
    return dict(vm="dirtier", mem=64, qemu10=True, up=(
        "--rate", "20000", "--wss", str(mib), "--content", "noise",
        "--machine", "pc-i440fx-10.0", "--qemu-a", "10", "--qemu-b", "10"))


if __name__ == "__main__":
    run([
        (dict(vm="dirtier", mem=64), [
            each_migration_is_predicted,
            a_vm_that_never_moved_goes_by_others,
            a_peer_that_knows_no_basis_is_told_of_plans_alone,
            a_plan_leaves_the_vm_where_it_is, receipts_hold_the_prediction,
            a_plan_can_be_cancelled, a_plan_that_cannot_begin,
            a_crash_ends_a_plan, auto_picks_one, stopped_in_between,
            cancelled_in_between, the_right_is_gone_in_between,
            kororad_ends_in_between,
            a_full_disk_ends_it, its_time_is_for_all_of_it,
            a_peer_cannot_say_that_it_was_measured]),
        (busy(12), [auto_refuses_what_would_take_too_long,
                    auto_goes_offline_if_it_may]),
        (busy(4), [a_stalled_copy_stops_at_a_minimum,
                   it_tells_that_it_does_not_converge,
                   a_plan_tells_what_slowing_down_would_do, slowed_down_it_converges]),
    ])
