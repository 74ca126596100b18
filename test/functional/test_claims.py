# SPDX-License-Identifier: Apache-2.0
"""The policies that hosts say they decided by: both are in what both sign, and
one that names another than its log has in force is found."""
import contextlib
import socket
import threading

from hostile import LAB, diskless, evil, harmless, offer, session
from labrun import ADDRESS, PORT, check, equal, run, stopped
import frames
from peer import Closed, Session
import statements
from statements import Accepted
from test_decide import edit, in_force, reload

MINE = "standard", 1, statements.POLICY	# as evil's log tells
OTHERS = [("standard", 2, statements.POLICY),
          ("standard", 0, statements.POLICY),
          ("standard", 1, b"\xac" * 32), ("strict", 1, statements.POLICY)]


def both_are_named(lab):
    """By name, version and digest, in all that both hosts keep and show."""
    edit(lab, "a", lambda t: t + "# of a\n")
    equal(reload(lab, "a").rc, 0, "reload")
    want = {}
    for side, h in ("from", "a"), ("to", "b"):
        p = in_force(lab, h)
        want[side + "_policy"] = {k: p[k] for k in ("name", "version",
                                                    "sha256")}
    check(want["from_policy"]["version"] == want["to_policy"]["version"] + 1,
          "%s" % want)
    r = lab.migrate("a", "b")
    equal(r.rc, 0, "%r" % r)
    id = r.json["migration"]
    lab.until(lambda: lab.status("b", id)["state"] == "completed", "end on b")
    for h in "ab":
        told = lab.status(h, id)
        equal({k: told[k] for k in want}, want, "status on " + h)
        said = lab.told(h, "receipt", "show", id)["statement"]["predicate"]
        for side in "from", "to":
            p = want[side + "_policy"]
            equal([said[side]["policy" + k] for k in ("", "_version",
                                                      "_sha256")],
                  [p["name"], p["version"], p["sha256"]], "receipt on " + h)
        out = lab.exec(h, "korora", "receipt", "show", id).out
        for p in want.values():
            check("%(name)s, version %(version)d, %(sha256)s" % p in out, out)
        y = lab.told(h, "report", id)["yardstick"]["policy"]
        equal((y["from"], y["to"]), (want["from_policy"], want["to_policy"]),
              "yardstick on " + h)
        check(y["text"].startswith("tls=1.3"), "%s" % y)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


@harmless
def a_source_that_names_another(lab):
    for claim in OTHERS:
        s = session(lab)
        o = offer(lab, s, definition=diskless(lab))
        o.policy = claim
        s.send(frames.OFFER, o.body())
        kind, body = s.receive()
        equal((kind, frames.reason(body)[0]), (frames.FAIL, 3011),
              "%s" % (claim,))
        s.close()
    check(not lab.qemus("b"), "b started a hypervisor")
    found = [e["detail"]["code"] for e in lab.evidence("b", 500)
             if e["event"] == "offer-refused"]
    equal(found[-len(OTHERS):], [3011] * len(OTHERS), "evidence")


@harmless
def a_destination_that_has_another_since(lab):
    """It says so of itself: what the source says is as it was shown."""
    s = session(lab)
    o = offer(lab, s, definition=diskless(lab))
    s.show_log(o.migration)
    s.log = False
    edit(lab, "b", lambda t: t + "# of b\n")
    equal(reload(lab, "b").rc, 0, "reload")
    s.send(frames.OFFER, o.body())
    kind, body = s.receive()
    equal((kind, frames.reason(body)[0]), (frames.FAIL, 1031), "%r" % body)
    s.close()
    check("KR-3011" not in lab.logged("b", lab.since), "b accuses")


def a_source_that_has_another_since(lab):
    """While it dialled: it ends what it began, and nobody is accused."""
    mark = lab.mark()
    with stopped([lab.pid("b")]):
        p, _ = lab.migrating("a", "b")
        edit(lab, "a", lambda t: t + "# of a again\n")
        equal(reload(lab, "a").rc, 0, "reload")
    r = p.result()
    lab.refused(r, "KR-1031")
    check("came into force on a" in r.json["error"]["message"], "%r" % r)
    for h in "ab":
        check("KR-3011" not in lab.logged(h, mark), "%s accuses" % h)
    lab.works()


class Destination:
    """evil as a destination: takes each offer, and accepts as it is told to."""

    def __init__(self, lab, *policies):
        self.identity, self.policies, self.code = evil(lab), policies, None
        with lab.network("mallory"):
            self.listener = socket.create_server((ADDRESS["mallory"], PORT))
        self.listener.settimeout(120)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        with contextlib.suppress(OSError, Closed):
            s, _ = self.listener.accept()
            s.settimeout(120)
            s = Session(s, self.identity, server=True, other="a")
            while True:
                kind, body = s.receive()
                if kind == frames.OFFER:
                    s.send(frames.STEP, Accepted(self.identity, body).step(
                        *self.policies))
                elif kind == frames.FAIL:
                    self.code = frames.reason(body)[0]
                    s.close()
                    return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
        self.thread.join(120)


def a_destination_that_names_another(lab):
    """What it signed is on record, nothing is sent, the VM runs on."""
    for claim in OTHERS:
        with Destination(lab, claim) as d:
            r = lab.migrate("a", "evil")
        lab.refused(r, "KR-3011", status="refused")
        equal(d.code, 3011, "what it is told")
        said = [e for e in lab.evidence("a", 500)
                if e["event"] == "peer.acceptance"][-1]
        equal(said["migration"], r.json["migration"], "its acceptance")
        lab.runs("a")


def a_destination_that_signs_another(lab):
    """It says what its log has, and signs for something else."""
    with Destination(lab, MINE, OTHERS[0]):
        r = lab.migrate("a", "evil")
    lab.refused(r, "KR-3005", status="refused")
    lab.runs("a")


def a_destination_that_names_its_own(lab):
    """Is believed: a waits for its lanes, which never come."""
    mark = lab.mark()
    with Destination(lab, MINE):
        r = lab.migrate("a", "evil")
    check(r.rc == 1 and r.code not in ("KR-3011", "KR-3005"), "%r" % r)
    lab.await_log("a", r"S_OFFER \+ ACCEPTED -> S_COPY", mark)
    lab.runs("a")


def after_all_that(lab):
    lab.works()


if __name__ == "__main__":
    run([(LAB, [both_are_named, a_source_that_names_another,
                a_destination_that_has_another_since,
                a_source_that_has_another_since,
                a_destination_that_names_another,
                a_destination_that_signs_another,
                a_destination_that_names_its_own, after_all_that])])
