# SPDX-License-Identifier: Apache-2.0
"""Ordinary migrations, their limits, and the evidence they leave."""
import base64
import contextlib
import json
import os
import re
import shutil
import sqlite3
import time

from labrun import check, equal, openssl, run, signed_by, stopped

RESULT = {"migration": str, "vm": str, "from": str, "to": str, "status": str,
          "error": (dict, type(None)), "strategy": str, "total_ms": int,
          "downtime_ms": float, "rounds": int, "ram_bytes": int,
          "wire_bytes": int, "receipt": (str, type(None)),
          "protection": (dict, type(None)),
          "predicted": (dict, type(None))}
VM_LOST = 4	# KR_VM_LOST: owned, and its process died
PROTECTION = {"tls": str, "control_suite": str, "lane_suite": str,
              "lanes": int, "mutual": bool, "attestation": str, "stream": str}


def shape(o, want, what):
    equal(sorted(o), sorted(want), "keys of " + what)
    for key, kind in want.items():
        check(isinstance(o[key], kind), "%s.%s is %r" % (what, key, o[key]))


def completed(lab, r, host):
    equal(r.rc, 0, "exit of %r" % r)
    equal(r.json["status"], "completed", "status")
    equal(r.json["error"], None, "error")
    lab.runs(host)


# ---- moving ---------------------------------------------------------------

def precopy_there_and_back(lab):
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    shape(r.json, RESULT, "the result")
    shape(r.json["protection"], PROTECTION, "protection")
    equal(r.json["protection"]["tls"], "TLSv1.3", "tls")
    equal(r.json["protection"]["mutual"], True, "mutual")
    equal(r.json["protection"]["stream"], "parsed", "stream")
    equal((r.json["from"], r.json["to"], r.json["strategy"]),
          ("a", "b", "precopy"), "from, to, strategy")
    check(re.fullmatch("[0-9a-f]{32}", r.json["migration"]), "migration id")
    check(0 < r.json["downtime_ms"] < r.json["total_ms"] + 1, "downtime")
    check(r.json["ram_bytes"] >= 64 << 20, "ram_bytes")
    check(os.path.exists(r.json["receipt"]), "no receipt file")
    equal(lab.state("a"), "moved", "state on a")
    completed(lab, lab.migrate("b", "a"), "a")


def status_is_as_documented(lab):
    r = lab.migrate("a", "b")
    for h, role in (("a", "source"), ("b", "destination")):
        s = lab.status(h, r.json["migration"])
        for key in ("phase", "started_ms", "downtime_ms", "receipt", "peer"):
            check(key in s, "status on %s has no %s" % (h, key))
        equal((s["role"], s["state"]), (role, "completed"),
              "role and state on " + h)
        equal(s["vm"], "dirtier", "vm")


def offline(lab):
    for src, dst in ("ab", "ba"):
        r = lab.migrate(src, dst, "--strategy", "offline")
        completed(lab, r, dst)
        equal(r.json["strategy"], "offline", "strategy")


def dry_run_changes_nothing(lab):
    before = [lab.korora(h, "vm", "list").json for h in "ab"]
    known = [len(lab.migrations(h)) for h in "ab"]
    r = lab.migrate("a", "b", "--dry-run")
    equal(r.rc, 0, "exit of %r" % r)
    equal((r.json["dry_run"], r.json["status"], r.json["error"]),
          (True, "completed", None), "dry_run, status, error")
    check(r.json["checks"] and all(c["ok"] for c in r.json["checks"]),
          "checks: %s" % r.json["checks"])
    equal([lab.korora(h, "vm", "list").json for h in "ab"], before, "VMs")
    equal([len(lab.migrations(h)) for h in "ab"], known, "migrations")
    lab.runs("a")


def dry_run_tells_what_is_wrong(lab):
    # the storage of b has another file of this name
    lab.configure({"storage": {"images": lab.dir + "/elsewhere"}}, "b")
    os.makedirs(lab.dir + "/elsewhere", exist_ok=True)
    shutil.copy(lab.dir + "/images/dirtier.raw", lab.dir + "/elsewhere/")
    try:
        r = lab.migrate("a", "b", "--dry-run")
        equal((r.rc, r.code), (1, "KR-4009"), "dry run: exit, code")
        r = lab.migrate("a", "b")
        lab.refused(r, "KR-4009", status="refused")
        lab.await_log("b", "KR-4009")
        lab.await_log("a", "KR-4009")
    finally:
        lab.configure({"storage": {"images": lab.dir + "/images"}}, "b")
    lab.works()


def doctor_names_what_is_no_folder(lab):
    with open(lab.dir + "/file", "w"):
        pass
    for path, why in (("/file", "not a folder"), ("/nothing", "No such file")):
        lab.configure({"storage": {"more": lab.dir + path}}, "a")
        found = [c for c in lab.korora("a", "doctor").json["checks"]
                 if "KR-4001" in str(c)]
        check(len(found) == 1 and why in str(found), "%s: %s" % (path, found))
    lab.configure({"storage": {"more": lab.dir}}, "a")


def dry_run_asks_for_this_vm_only(lab):
    """A host may have troubles that do not keep this VM from moving."""
    conf = "%s/%%s/etc/korora/korora.conf" % lab.dir
    saved = {}
    for h in "ab":
        with open(conf % h) as f:
            saved[h] = f.read()
    with open(lab.dir + "/other.vm", "w") as f:
        f.write("[vm]\nname = other\nmachine = pc-q35-7.2\nvcpus = 1\n"
                "memory_mb = 16\n")
    lab.told("a", "vm", "define", lab.dir + "/other.vm")
    try:
        lab.configure({"network": {"unused": "br9"},
                       "storage": {"spare": lab.dir + "/nothing"}})
        lab.lab("daemon", "a", "stop")
        with contextlib.closing(sqlite3.connect(
                lab.dir + "/a/var/lib/korora/korora.db")) as db, db:
            db.execute("UPDATE vm SET state = ? WHERE name = 'other'",
                       (VM_LOST,))
        lab.lab("daemon", "a", "start")
        equal(lab.state("a", "other"), "lost", "state of the other VM")
        found = {c.get("code") for c in
                 lab.korora("a", "doctor", "--to", "b").json["checks"]}
        check({"KR-4001", "KR-4002", "KR-7004"} <= found, "doctor: %s" % found)
        for src, dst in ("ab", "ba"):
            r = lab.migrate(src, dst, "--dry-run")
            check(r.rc == 0 and all(c["ok"] for c in r.json["checks"]),
                  "dry run: %r" % r)
            completed(lab, lab.migrate(src, dst), dst)
        r = lab.migrate("a", "b", "--dry-run", vm="other")
        equal((r.rc, r.code), (3, "KR-7004"), "dry run of the lost VM")
    finally:
        for h in "ab":
            with open(conf % h, "w") as f:
                f.write(saved[h])
            lab.restart(h)
        lab.told("a", "vm", "remove", "other")


def bandwidth_is_kept(lab):
    r = lab.migrate("a", "b", "--bandwidth", "20MB", "--max-downtime-ms",
                    "1000")
    completed(lab, r, "b")
    # the last part goes at full speed: that much of it may be sent then
    least = (r.json["wire_bytes"] - 20e6) / 20e6 * 1000
    check(r.json["total_ms"] >= 0.8 * least, "%d bytes took %d ms" % (
        r.json["wire_bytes"], r.json["total_ms"]))
    completed(lab, lab.migrate("b", "a"), "a")


def downtime_limit_is_obeyed(lab):
    r = lab.migrate("a", "b", "--max-downtime-ms", "2000")
    completed(lab, r, "b")
    check(r.json["downtime_ms"] < 4000, "%s ms" % r.json["downtime_ms"])
    completed(lab, lab.migrate("b", "a"), "a")


def too_short_a_timeout(lab):
    r = lab.migrate("a", "b", "--bandwidth", "2MB", "--timeout", "1")
    lab.refused(r, "KR-1013")
    shape(r.json, RESULT, "the result")
    equal(r.json["receipt"], None, "receipt")
    lab.await_log("a", "KR-1013")
    lab.await_log("b", "KR-1013")
    lab.works()


def cancel_in_the_middle(lab):
    mark = lab.mark()
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    lab.await_phase("a", id, "copy")
    r = lab.korora("a", "cancel", id[:8])
    equal(r.rc, 0, "exit of cancel: %r" % r)
    lab.refused(p.result(), "KR-1012", status="cancelled")
    lab.await_log("b", "KR-1012", mark)
    equal(lab.korora("a", "cancel", id).code, "KR-1006", "cancel again")
    check(lab.korora("b", "vm", "show", "dirtier").json["state"] == "moved",
          "b thinks it has the VM")
    lab.works()


def cancel_from_the_destination(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    lab.await_phase("b", id, "copy")
    r = lab.korora("b", "cancel", id)
    equal(r.rc, 0, "exit of cancel: %r" % r)
    lab.refused(p.result(), "KR-1012")
    lab.works()


def second_one_is_refused(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1014"), "exit, code of the second")
    for args in (["stop", "dirtier", "--force"], ["remove", "dirtier"],
                 ["start", "dirtier"]):
        r = lab.korora("a", "vm", *args)
        check(r.rc == 1 and r.code in ("KR-1014", "KR-1008"),
              "vm %s while it migrates: %r" % (args[0], r))
    equal(lab.status("a", id)["state"], "running", "the first one")
    lab.korora("a", "cancel", id)
    lab.refused(p.result(), "KR-1012")


def killed_client_leaves_it_going(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "40MB")
    p.stop()
    lab.until(lambda: lab.status("a", id)["state"] == "completed",
              "completion without its client")
    lab.runs("b")
    completed(lab, lab.migrate("b", "a"), "a")


def wrong_requests(lab):
    for code, args in (("KR-4010", ["dirtier", "--to", "a"]),
                       ("KR-1005", ["dirtier", "--to", "nowhere"]),
                       ("KR-1004", ["nothing", "--to", "b"])):
        r = lab.korora("a", "migrate", *args)
        equal((r.rc, r.code), (1, code), "exit, code of migrate %s" % args)
    for args in (["dirtier"], ["dirtier", "--to", "b", "--strategy", "x"],
                 ["dirtier", "--to", "b", "--timeout", "0"],
                 ["dirtier", "--to", "b", "--bandwidth", "fast"],
                 ["dirtier", "--to", "b", "--frobnicate"]):
        r = lab.korora("a", "migrate", *args)
        equal((r.rc, r.code), (2, "KR-1001"), "exit, code of %s" % args)
    for address in ("x:7300:9", "a b", "[]:7300", "x:+70"):
        r = lab.korora("a", "host", "add", "gamma", address)
        equal((r.rc, r.code), (2, "KR-1001"), "exit, code of " + address)
        check('"%s"' % address in r.json["error"]["message"], "%r" % r)
    lab.told("a", "host", "add", "gamma", "fe80::1")
    equal(lab.told("a", "host", "show", "gamma")["address"], "[fe80::1]:7300",
          "address")
    lab.told("a", "host", "remove", "gamma")
    equal(lab.korora("a", "cancel", "feedbeef").code, "KR-1006", "cancel")
    r = lab.api("a", {"id": 5, "method": "vm.list", "params": {"x": 1}})
    equal(r.get("error", {}).get("code"), "KR-1001", "an unknown parameter")
    r = lab.api("a", {"id": 6, "method": "vm.explode"})
    equal((r["id"], r["error"]["code"]), (6, "KR-1001"), "unknown method")
    lab.runs("a")


def numbers_out_of_range(lab):
    known = len(lab.migrations("a"))
    for key, bad in (("max_downtime_ms", (0, -1, 3600001, 1e300, 4294967297,
                                          300.0, "300", True, None)),
                     ("timeout_s", (-1, 604801, 4294967297, 1.5, "1")),
                     ("bandwidth_bytes_s", (-5, 1e9, "1gbit", [1]))):
        for value in bad:
            r = lab.api("a", {"id": 1, "method": "migrate", "params": {
                "vm": "dirtier", "to": "b", key: value}})
            e = r.get("error", {})
            equal(e.get("code"), "KR-1001", "%s = %r" % (key, value))
            check(key in e["message"], "%s is not named: %s" % (key, e))
    r = lab.api("a", {"id": 1, "method": "log.show", "params": {"limit": -1}})
    equal(r.get("error", {}).get("code"), "KR-1001", "limit = -1")
    equal(len(lab.migrations("a")), known, "migrations")


def moved_vm_cannot_start_at_the_old_host(lab):
    completed(lab, lab.migrate("a", "b"), "b")
    for args in (["vm", "start", "dirtier"], ["migrate", "dirtier", "--to",
                                              "b"]):
        r = lab.korora("a", *args)
        equal((r.rc, r.code), (1, "KR-7006"), "exit, code of %s" % args)
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 1, "start again")
    lab.restart("a")
    equal(lab.korora("a", "vm", "start", "dirtier").code, "KR-7006",
          "start after a restart of the daemon")
    lab.runs("b")
    completed(lab, lab.migrate("b", "a"), "a")


def daemons_restart_under_a_running_vm(lab):
    lab.restart("a")
    lab.restart("b")
    lab.runs("a")
    lab.works()


# ---- evidence -------------------------------------------------------------

def hypervisor_that_tells_late_of_what_was(lab):
    """A VM that came is to leave before its hypervisor has told the restarted
    kororad that it came: that is not the copy that begins."""
    completed(lab, lab.migrate("a", "b"), "b")
    with stopped([lab.pid("a")]):
        with stopped(lab.qemus("b")):
            lab.restart("b")
            p, id = lab.migrating("b", "a")
            lab.await_phase("b", id, "prepare")
        time.sleep(1)		# it tells
    r = p.result()
    completed(lab, r, "a")


def crt(lab, host):
    return "%s/%s/etc/korora/identity.crt" % (lab.dir, host)


def receipts_verify_offline(lab):
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    path = {"a": r.json["receipt"]}
    listed = lab.korora("b", "receipt", "list").json["receipts"]
    path["b"] = [x["path"] for x in listed
                 if x["migration"] == r.json["migration"]][0]
    text = {}
    for h in "ab":
        with open(path[h], "rb") as f:
            text[h] = f.read()
        v = lab.exec("client", "korora", "--json", "receipt", "verify",
                     path[h], "--key", crt(lab, "a"), "--key", crt(lab, "b"))
        equal(v.rc, 0, "exit of verify: %r" % v)
        v = lab.exec("client", "korora", "--json", "receipt", "verify",
                     path[h], "--key", crt(lab, "a"))
        equal((v.rc, v.code), (1, "KR-8003"), "with one certificate")
        equal(lab.korora(h, "receipt", "verify", path[h]).rc, 0,
              "verify with the certificates of the hosts met")
    equal(text["a"], text["b"], "b's copy of the receipt")
    # nothing of korora's is needed
    envelope = json.loads(text["a"])
    for h in "ab":
        check(signed_by(envelope, crt(lab, h)), "%s's signature" % h)
    said = json.loads(base64.b64decode(envelope["payload"]))
    p = said["predicate"]
    equal((p["vm"], p["migration"], p["from"]["name"], p["to"]["name"]),
          ("dirtier", r.json["migration"], "a", "b"), "the statement")
    equal(p["wire_bytes"], r.json["wire_bytes"], "wire_bytes")
    for key, host in (("from", "a"), ("to", "b")):
        pem = openssl("x509", "-in", crt(lab, host), "-noout",
                      "-pubkey").stdout
        der = openssl("pkey", "-pubin", "-outform", "DER", data=pem).stdout
        digest = openssl("dgst", "-sha256", "-r", data=der).stdout.decode()
        equal(p[key]["keyid"], digest.split()[0], "key id of " + host)
    # and a changed byte anywhere is found, by both
    forged = lab.dir + "/forged.json"
    middle = text["a"].index(b'"payload":"') + 400
    for at in (middle, middle + 333, len(text["a"]) - 40):
        bad = bytearray(text["a"])
        bad[at] = ord("A") if bad[at] != ord("A") else ord("B")
        with open(forged, "wb") as f:
            f.write(bad)
        v = lab.exec("client", "korora", "--json", "receipt", "verify", forged,
                     "--key", crt(lab, "a"), "--key", crt(lab, "b"))
        equal((v.rc, v.code), (1, "KR-8003"), "byte %d changed" % at)
    lie = dict(envelope, payload=base64.b64encode(
        base64.b64decode(envelope["payload"]).replace(
            b'"vm":"dirtier"', b'"vm":"another"')).decode())
    check(not signed_by(lie, crt(lab, "a")), "openssl takes a forged payload")
    completed(lab, lab.migrate("b", "a"), "a")


def log_of_one_migration(lab):
    first, second = (lab.migrate(*way).json["migration"]
                     for way in ("ab", "ba"))

    def entries(**params):
        r = lab.api("a", {"id": 1, "method": "log.show", "params": params})
        return r["result"]["entries"]

    every = entries(limit=10000)
    for id in (first, second):
        want = [e for e in every if e.get("migration") == id]
        check(len(want) > 5, "entries of %s: %s" % (id, want))
        equal(entries(limit=10000, migration=id), want, "entries of " + id)
        equal(entries(limit=2, migration=id), want[-2:], "the latest two")
    equal(entries(migration="0" * 32), [], "entries of none")
    for id in (first[:8], "", "x" * 32, 7):
        r = lab.api("a", {"id": 1, "method": "log.show",
                          "params": {"migration": id}})
        equal(r.get("error", {}).get("code"), "KR-1001", "migration %r" % id)


def log_verifies(lab):
    lab.works()
    for h in "ab":
        r = lab.korora(h, "log", "verify")
        equal((r.rc, r.json["ok"]), (0, True), "log verify on " + h)
        check(r.json["entries"] > 3 and r.json["receipts"] > 0,
              "%r counts too little" % r)
    events = [e["event"] for e in lab.evidence("a", 500)]
    check("migration.done" in events and "peer.owner" in events,
          "events: %s" % sorted(set(events)))


class Rows:
    """The log in the database of a, to be altered and put right again."""

    def __init__(self, lab):
        base = lab.dir + "/a/var/lib/korora/"
        found = [f for f in os.listdir(base) if f.endswith(".db")]
        equal(len(found), 1, "databases in %s" % os.listdir(base))
        self.db = sqlite3.connect(base + found[0], timeout=10,
                                  isolation_level=None)
        self.log = self.db.execute("SELECT * FROM log").fetchall()
        self.notes = self.db.execute("SELECT * FROM checkpoint").fetchall()

    def alter(self, *sql):
        self.db.execute("BEGIN IMMEDIATE")
        for one in sql:
            self.db.execute(*one) if isinstance(one, tuple) else \
                self.db.execute(one)
        self.db.execute("COMMIT")

    def restore(self):
        self.alter("DELETE FROM log", "DELETE FROM checkpoint")
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("INSERT INTO log VALUES (?, ?, ?)", self.log)
        self.db.executemany("INSERT INTO checkpoint VALUES (?, ?, ?)",
                            self.notes)
        self.db.execute("COMMIT")


def altered_log_is_found(lab):
    lab.works()
    rows = Rows(lab)
    n, leaf = len(rows.log), rows.log[3][1]
    at = leaf.index(b'"time_ms":') + 12
    digit = b"1" if leaf[at:at + 1] != b"1" else b"2"

    def attempt(name, entry, *sql):
        rows.alter(*sql)
        r = lab.korora("a", "log", "verify")
        rows.restore()
        equal((r.rc, r.code), (1, "KR-8002"), "%s: exit, code" % name)
        said = r.json["error"]["message"]
        check(entry is None or re.search(r"\b%d\b" % entry, said),
              "%s: entry %s is not named: %s" % (name, entry, said))
        equal(lab.korora("a", "log", "verify").rc, 0, "put right again")

    byte = ("UPDATE log SET leaf = ? WHERE idx = 3",
            (leaf[:at] + digit + leaf[at + 1:],))
    attempt("a byte", 3, byte)
    attempt("two exchanged", 2, "UPDATE log SET idx = -1 WHERE idx = 2",
            "UPDATE log SET idx = 2 WHERE idx = 3",
            "UPDATE log SET idx = 3 WHERE idx = -1")
    attempt("one cut out", 4, "DELETE FROM log WHERE idx = 4")
    attempt("one cut out, the rest moved up", 4,
            "DELETE FROM log WHERE idx = 4",
            "UPDATE log SET idx = -idx WHERE idx > 4",
            "UPDATE log SET idx = -idx - 1 WHERE idx < 0")
    attempt("the end cut off", n - 1, "DELETE FROM log WHERE idx = %d" %
            (n - 1))
    attempt("the end cut off with its checkpoints", None,
            "DELETE FROM log WHERE idx >= %d" % (n - 4),
            "DELETE FROM checkpoint WHERE size > %d" % (n - 4))
    attempt("an old root", 4, "UPDATE checkpoint SET root = zeroblob(32) "
            "WHERE size = 5")
    attempt("the last signed note", n - 1,
            "UPDATE checkpoint SET note = replace(note, 'korora', 'karara')"
            " WHERE size = %d" % n)
    # altered while the daemon is away: it does not go on with such a log
    lab.lab("daemon", "a", "stop")
    rows.alter(byte)
    daemon = lab.start("a", "kororad", "--root", lab.dir + "/a")
    lab.until(lambda: daemon.done() or lab.korora("a", "info").rc == 0,
              "start or end of kororad")
    daemon.stop() if not daemon.done() else None
    rows.restore()
    lab.lab("daemon", "a", "start")
    check(daemon.p.returncode, "kororad starts with an altered log")
    equal(lab.korora("a", "log", "verify").rc, 0, "the unaltered log")
    lab.works()


def stopped_vm_is_refused(lab):
    r = lab.korora("a", "vm", "stop", "dirtier", "--force")
    equal(r.rc, 0, "exit of vm stop: %r" % r)
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1008"), "exit, code")
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "exit of vm start")


# ---- a real guest ---------------------------------------------------------

def connection_survives(lab):
    report = lab.dir + "/talk.json"
    talk = lab.start("client", "talk", "10.77.0.10", "7", "--seconds", "6",
                     "--report", report)
    lab.until(lambda: os.path.exists(report), "connection to the guest")
    downtime = []
    for src, dst in ("ab", "ba"):
        time.sleep(0.5)
        r = lab.migrate(src, dst)
        equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
        downtime.append(r.json["downtime_ms"])
    t = talk.result(30)
    equal(t.rc, 0, "exit of talk: %r" % t)
    check(t.json["intact"] and not t.json["lost"] and not t.json["reset"],
          "the connection suffered: %s" % t.json)
    print("# downtime there %.0f ms, back %.0f ms; longest gap of the "
          "connection %.0f ms" % (*downtime, t.json["longest_gap_ms"]))
    lines = [int(x) for x in re.findall(rb"^web1 up (\d+)\r?$",
                                        lab.console("a"), re.M)]
    equal(lines.count(1), 1, "boots of the guest")


DIRTIER = dict(vm="dirtier", mem=64)

if __name__ == "__main__":
    run([
        (DIRTIER, [
            precopy_there_and_back, status_is_as_documented, offline,
            dry_run_changes_nothing, dry_run_asks_for_this_vm_only,
            doctor_names_what_is_no_folder,
            bandwidth_is_kept, downtime_limit_is_obeyed, too_short_a_timeout,
            cancel_in_the_middle, cancel_from_the_destination,
            second_one_is_refused, killed_client_leaves_it_going,
            wrong_requests, numbers_out_of_range, moved_vm_cannot_start_at_the_old_host,
            daemons_restart_under_a_running_vm,
            hypervisor_that_tells_late_of_what_was, receipts_verify_offline,
            log_of_one_migration, log_verifies, dry_run_tells_what_is_wrong,
            altered_log_is_found, stopped_vm_is_refused]),
        (dict(vm="linux", mem=None), [connection_survives]),
    ])
