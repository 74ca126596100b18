# SPDX-License-Identifier: Apache-2.0
"""After a hand-over nothing of the VM's memory is left at its source."""
import contextlib
import os
import signal
import struct

from labrun import Failed, check, equal, fault, run

PAGE = 4096
PRESENT, OF_FILE = 1 << 63, 1 << 61
TRIES = 6


def mappings(pid):
    """What a process alone can write: (address, bytes)."""
    with open("/proc/%d/maps" % pid) as f:
        for line in f:
            at, perms = line.split()[:2]
            if perms[1] == "w" and perms[3] == "p":
                a, b = (int(x, 16) for x in at.split("-"))
                yield a, b - a


def memory(pid):
    """Its pages that are there and no unchanged ones of files."""
    with open("/proc/%d/mem" % pid, "rb", 0) as mem, \
            open("/proc/%d/pagemap" % pid, "rb", 0) as pagemap:
        for at, n in mappings(pid):
            pagemap.seek(at // PAGE * 8)
            bits = pagemap.read(n // PAGE * 8)
            for i, (b,) in enumerate(struct.iter_unpack("<Q", bits)):
                if b & PRESENT and not b & OF_FILE:
                    mem.seek(at + i * PAGE)
                    yield mem.read(PAGE)


def state(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def wiped(lab, host):
    """What its log says of the last one."""
    found = [e["detail"] for e in lab.evidence(host)
             if e.get("event") == "memory-wiped"]
    return found[-1] if found else None


def agents(daemon):
    """Its agents that wipe: pids."""
    with open("/proc/%d/task/%d/children" % (daemon, daemon)) as f:
        pids = [int(p) for p in f.read().split()]
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open("/proc/%d/comm" % pid) as f:
                if f.read() == "korora-wipe\n":
                    yield pid


def caught(lab, src, dst):
    """The source's hypervisor, wiped and not yet ended; None if that was
    missed. Its kororad stands still meanwhile, the agent goes on by itself."""
    pid, daemon, agent = lab.qemus(src)[0], lab.pid(src), []
    p, _ = lab.migrating(src, dst)
    while state(pid) and not agent:
        agent = list(agents(daemon))
    os.kill(daemon, signal.SIGSTOP)
    if agent:
        with contextlib.suppress(Failed):
            lab.until(lambda: state(agent[0]) in ("Z", None),
                      "the end of the agent", 3)
            return p, daemon, pid if state(pid) == "T" else None
    return p, daemon, None


def nothing_is_left(lab):
    """The pages are looked at that the kernel gets back."""
    for _ in range(TRIES):
        pid = lab.qemus("a")[0]
        before = sum(any(page) for page in memory(pid))
        check(before > 12000, "%d pages of 64 MiB" % before)
        p, daemon, pid = caught(lab, "a", "b")
        try:
            left = [page for page in memory(pid) if any(page)] if pid else None
        finally:
            os.kill(daemon, signal.SIGCONT)
        equal(p.result(60).json["status"], "completed", "status")
        check(wiped(lab, "a")["bytes"] >= before * PAGE * 0.9,
              "%s; there were %d pages" % (wiped(lab, "a"), before))
        equal(wiped(lab, "a")["left"], 0, "left")
        if left is not None:
            equal(len(left), 0, "pages that are not zero, of %d" % before)
            lab.runs("b")
            return
        equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    raise Failed("not caught in %d migrations" % TRIES)


def nor_of_one_that_did_not_come(lab):
    """A destination that had a VM's memory, and then not the VM."""
    lab.home()
    points, n = lab.dir + "/points", fault("T_LOAD", "MATCHED", "before")
    os.mkdir(points)
    lab.lab("daemon", "b", "stop")
    lab.lab("daemon", "b", "start", "KORORA_FAULT_DIR=" + points,
            "KORORA_FAULT=" + n)
    before = wiped(lab, "b")
    p, _ = lab.migrating("a", "b")
    lab.until(lambda: os.path.exists(points + "/%s.hit" % n), "a loaded VM")
    lab.lab("daemon", "b", "kill")
    lab.lab("daemon", "b", "start")
    equal(p.result(60).rc, 1, "exit of the migration")
    lab.until(lambda: wiped(lab, "b") != before, "that it was wiped", 20)
    check(wiped(lab, "b")["bytes"] > 48 << 20, "%s" % wiped(lab, "b"))
    lab.runs("a")


def held_wiping(lab):
    """A migration to b called off, and b's wiping of its copy stood still:
    the agent, or None if it was missed."""
    p, id = lab.migrating("a", "b", "--bandwidth", "50mbit")
    lab.until(lambda: lab.status("a", id)["phase"] == "copy" or p.done(),
              "copying")
    daemon, copy, agent = lab.pid("b"), lab.qemus("b")[0], []
    cancel = lab.start("a", "korora", "cancel", id)
    while state(copy) and not agent:
        agent = list(agents(daemon))
    if agent:
        os.kill(agent[0], signal.SIGSTOP)
    equal((cancel.result(60).rc, p.result(60).json["error"]["code"]),
          (0, "KR-1012"), "cancel")
    lab.until(lambda: not agent or state(agent[0]) in ("T", "Z", None),
              "an agent that stands")
    return agent[0] if agent and state(agent[0]) == "T" else None


def the_next_offer_waits(lab):
    """For the end of the copy of a migration that was called off, however
    long its wiping takes; but no longer than its own source does."""
    lab.home()
    for _ in range(TRIES):
        agent = held_wiping(lab)
        if agent:
            break
    check(agent, "not caught in %d migrations" % TRIES)
    try:
        waiting = "an offer of a waits"
        since = lab.mark()
        p, id = lab.migrating("a", "b")
        lab.await_log("b", waiting, since)
        equal(lab.korora("a", "cancel", id).rc, 0, "exit of cancel")
        equal(p.result(60).json["error"]["code"], "KR-1012", "the first")
        since = lab.mark()
        p, _ = lab.migrating("a", "b")
        lab.await_log("b", waiting, since)
        check(not p.done(), "it did not wait")
    finally:
        os.kill(agent, signal.SIGCONT)
    equal(p.result(60).json["status"], "completed", "the second")
    lab.runs("b")


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64, conf={"host": {"peer_timeout_s": 5}}),
          [nothing_is_left, nor_of_one_that_did_not_come,
           the_next_offer_waits])])
