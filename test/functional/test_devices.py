# SPDX-License-Identifier: Apache-2.0
"""Post-copy of a Linux guest with virtio's devices: while their state is
loaded they look into memory that has not come yet."""
import contextlib
import os

from labrun import check, equal, fault, run

OWING = ["--bandwidth", "160mbit"]	# most memory has not come


@contextlib.contextmanager
def talking(lab, seconds):
    """Somebody talks to the guest meanwhile, on one connection, which holds.
    Answers may be late: the guest waits for its memory."""
    report = lab.dir + "/talk.json"
    talk = lab.start("client", "talk", "10.77.0.10", "7", "--seconds",
                     str(seconds), "--report", report)
    lab.until(lambda: os.path.exists(report), "connection to the guest")
    yield
    t = talk.result(60).json
    check(t["intact"] and t["echoed"] and not t["reset"],
          "the connection suffered: %s" % t)
    os.unlink(report)


def moved(lab, src, dst, strategy):
    r = lab.migrate(src, dst, "--strategy", strategy, *OWING)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    told = lab.status(src, r.json["migration"])["postcopy"]
    check(told["owed_pages"] > 1000 and not told["lost"], "%s" % told)
    return told


def there_and_back(lab):
    with talking(lab, 8):
        told = moved(lab, "a", "b", "postcopy")
        equal(told["preempt"], True, "preempt")
        moved(lab, "b", "a", "postcopy")


def on_one_connection(lab):
    """What they ask for is amid all that is owed."""
    lab.configure({"plane": {"postcopy_preempt": "off"}}, hosts="a")
    with talking(lab, 8):
        for src, dst in ("ab", "ba"):
            told = moved(lab, src, dst, "postcopy")
            equal(told["preempt"], False, "preempt")
    lab.configure({"plane": {"postcopy_preempt": "on"}}, hosts="a")


def undone(lab):
    """They have what they asked for, and the source has its VM back."""
    points, n = lab.dir + "/points", fault("T_LOAD", "MATCHED", "before")
    os.mkdir(points)
    lab.lab("daemon", "b", "stop")
    lab.lab("daemon", "b", "start", "KORORA_FAULT_DIR=" + points,
            "KORORA_FAULT=" + n)
    with talking(lab, 12):
        p, _ = lab.migrating("a", "b", "--strategy", "postcopy", *OWING)
        lab.until(lambda: os.path.exists(points + "/%s.hit" % n),
                  "loaded devices")
        lab.lab("daemon", "b", "kill")
        lab.lab("daemon", "b", "start")
        r = p.result(45)
        equal((r.rc, r.json["status"]), (1, "failed"), "%r" % r)
        lab.until(lambda: lab.state("a") == "running", "the VM at a")
    lab.until(lambda: not lab.qemus("b"), "end of the hypervisor of b")
    with talking(lab, 6):
        moved(lab, "a", "b", "postcopy")


if __name__ == "__main__":
    run([(dict(vm="linux", mem=None, conf={"host": {"peer_timeout_s": 3}}),
          [there_and_back, on_one_connection, undone])])
