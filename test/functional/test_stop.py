# SPDX-License-Identifier: Apache-2.0
"""kororad is told to end, or the hosts lose each other, in mid-migration."""
import contextlib
import os
import signal
import time

from labrun import check, equal, fault, run


@contextlib.contextmanager
def halted(pid):
    """A process stands still for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def undone_as_it_ends(lab, host):
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    lab.await_phase("a", id, "copy")
    mark = lab.mark()
    start = time.monotonic()
    lab.lab("daemon", host, "stop")
    check(time.monotonic() < start + 6, "kororad takes long to end")
    return p, id, mark


def source_is_stopped(lab):
    """Undone before it ends, not left to the next start."""
    p, id, mark = undone_as_it_ends(lab, "a")
    r = p.result(10)
    equal((r.rc, r.code), (1, "KR-7007"), "what the client hears: %r" % r)
    check("being stopped" in r.json["error"]["message"], "%r" % r)
    check("S_COPY + FAIL -> S_UNDONE" in lab.logged("a", mark), "not undone")
    lab.await_log("b", "KR-7007", mark)
    before = lab.ticks("a")
    lab.until(lambda: lab.ticks("a") > before + 1, "progress of the VM")
    lab.lab("daemon", "a", "start")
    equal(lab.status("a", id)["error"]["code"], "KR-7007", "code in status")
    lab.works()


def destination_is_stopped(lab):
    p, id, mark = undone_as_it_ends(lab, "b")
    r = p.result(10)
    equal((r.rc, r.code), (1, "KR-7007"), "what the client hears: %r" % r)
    check("b says" in r.json["error"]["message"], "%r" % r)
    check("T_LOAD + FAIL -> T_UNDONE" in lab.logged("b", mark), "not undone")
    equal(lab.qemus("b"), [], "hypervisors on b")
    lab.lab("daemon", "b", "start")
    lab.runs("a")
    lab.works()


def none_begins_while_it_ends(lab):
    """The VM's hypervisor does not answer, so that undoing takes its time."""
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    lab.until(lambda: lab.status("a", id)["sent_bytes"], "bytes sent")
    mark = lab.mark()
    with halted(lab.qemus("a")[0]):
        os.kill(lab.pid("a"), signal.SIGTERM)
        lab.await_log("a", "S_COPY . FAIL -> S_UNDONE", mark)
        r = lab.migrate("a", "b")
        equal((r.rc, r.code), (1, "KR-1009"), "%r" % r)
        check("being stopped" in r.json["error"]["message"], "%r" % r)
    equal(p.result(15).code, "KR-7007", "code of the first one")
    lab.lab("daemon", "a", "stop")
    lab.lab("daemon", "a", "start")
    lab.works()


def in_doubt_until_the_link_heals(lab):
    """Cut after the release: who waits is told so, and it completes itself."""
    points, n = lab.dir + "/points", fault("T_LOAD", "MATCHED", "after")
    os.mkdir(points)
    lab.lab("daemon", "b", "stop")
    lab.lab("daemon", "b", "start", "KORORA_FAULT_DIR=" + points,
            "KORORA_FAULT=" + n)
    mark = lab.mark()
    p, id = lab.migrating("a", "b")
    lab.await_log("a", "S_SEAL . PREPARED -> S_RELEASED", mark, 20)
    lab.lab("link", "--cut")
    open(points + "/%s.go" % n, "w").close()
    try:
        r = p.result(90)
        equal((r.rc, r.code), (3, "KR-7003"), "what the client hears: %r" % r)
        equal(lab.status("a", id)["state"], "waiting", "state")
        equal(lab.korora("a", "vm", "start", "dirtier").code, "KR-7003",
              "start of what was released")
        equal(lab.korora("a", "cancel", id).code, "KR-7002", "cancel")
    finally:
        lab.lab("link", "--heal")
    lab.until(lambda: lab.status("a", id)["state"] == "completed",
              "completion after the link healed", 30)
    lab.runs("b")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    lab.runs("a")


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64,
               conf={"host": {"peer_timeout_s": 3}}), [
        source_is_stopped, destination_is_stopped,
        none_begins_while_it_ends, in_doubt_until_the_link_heals])])
