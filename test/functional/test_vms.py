# SPDX-License-Identifier: Apache-2.0
"""The VMs of one host: how they are defined, shown, run and ended."""
import contextlib
import ctypes
import glob
import hashlib
import os
import re
import sqlite3
import time

from labrun import check, equal, libc, run


def empty_definition_is_explained(lab):
    path = lab.dir + "/empty.vm"
    for text in ("", "\n", "# nothing\n"):
        with open(path, "w") as f:
            f.write(text)
        r = lab.korora("a", "vm", "define", path)
        equal((r.rc, r.code), (2, "KR-1002"), "exit, code of %r" % text)
        for word in (path, "nothing is in it", "name, machine", "memory_mb"):
            check(word in r.json["error"]["message"],
                  "no %s in %r" % (word, r))
    r = lab.api("a", {"id": 1, "method": "vm.define", "params": {}})
    equal(r["error"]["code"], "KR-1001", "a request without a text")


def what_is_not_there_is_null(lab):
    shown = lab.told("a", "vm", "show", "dirtier")
    check(shown["pid"] in lab.qemus("a"), "pid is %r" % shown["pid"])
    equal(shown["peer"], None, "peer of a VM that never moved")
    path = lab.dir + "/second.vm"
    with open(path, "w") as f:
        f.write(shown["definition"].replace("name = dirtier",
                                            "name = second"))
    equal(lab.korora("a", "vm", "define", path).rc, 0, "vm define")
    shown = lab.told("a", "vm", "show", "second")
    equal((shown["peer"], shown["pid"]), (None, None), "peer, pid")
    listed = {v["name"]: v["peer"] for v in lab.told("a", "vm", "list")["vms"]}
    equal(listed, {"dirtier": None, "second": None}, "peers")
    equal(lab.korora("a", "vm", "remove", "second").rc, 0, "vm remove")
    equal(lab.korora("a", "host", "add", "named", "10.77.0.50:7300").rc, 0,
          "host add")
    equal(lab.told("a", "host", "show", "named")["fingerprint"], None,
          "fingerprint of a host that none was given for")
    equal(lab.korora("a", "host", "remove", "named").rc, 0, "host remove")
    equal(lab.migrate("a", "b").rc, 0, "migrate")
    shown = [lab.told(h, "vm", "show", "dirtier") for h in "ab"]
    equal([v["peer"] for v in shown], ["b", None], "peers after a move")
    equal(shown[0]["pid"], None, "pid of a VM that went away")


def what_was_stopped_stays_so(lab):
    """No migration begins with a VM that does not run, and none that was
    undone sets it going later, nor when kororad takes it up again."""
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    lab.await_phase("a", id, "copy")
    equal(lab.korora("a", "cancel", id).rc, 0, "exit of cancel")
    equal(p.result().code, "KR-1012", "code of the migration")
    equal(lab.korora("a", "vm", "stop", "dirtier", "--force").rc, 0, "stop")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1008"), "%r" % r)
    lab.restart("a")
    for h in "ab":
        check(not lab.qemus(h), "a hypervisor runs on " + h)
    equal(lab.state("a"), "stopped", "state")
    before = len(lab.console("a"))
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")
    lab.until(lambda: len(lab.console("a")) > before, "word of the guest")


def watching_is_quiet_when_nothing_happens(lab):
    equal(lab.migrate("a", "b").rc, 0, "migrate")
    for args, once in (([], "host a\n"), (["--json"], "{\"host\":")):
        r = lab.exec("a", "timeout", "3.5", "korora", *args, "status",
                     "--watch")
        equal(r.out.count(once), 1, "times that it was told: %r" % r)



CAP_DAC_OVERRIDE = 1 << 1


def revisions_are_counted(lab):
    """Every change is the next one, in the log; nothing goes back, neither by
    a file that was made from an older one nor by a host that turned bad."""
    def text():
        return lab.told("a", "vm", "show", "dirtier")["definition"]

    def define(text):
        path = lab.dir + "/dirtier.vm"
        with open(path, "w") as f:
            f.write(text)
        return lab.korora("a", "vm", "define", path)

    def revision(host):
        return lab.told(host, "vm", "show", "dirtier")["revision"]

    first = text()
    check("revision = 1\n" in first, first)
    lab.korora("a", "vm", "stop", "dirtier", "--force")
    equal(define(first).rc, 0, "unchanged")
    equal(revision("a"), 1, "of what did not change")
    r = define(first.replace("vcpus = 1\n", "vcpus = 2\n"))
    equal((r.rc, r.json["revision"]), (0, 2), "a change: %r" % r)
    r = define(first.replace("memory_mb = ", "memory_mb = 1"))
    equal(r.code, "KR-1034", "made from an older one: %r" % r)
    bare = re.sub("revision = .*\n", "", text())
    equal((define(bare).rc, revision("a")), (0, 2), "without a number")
    seen = [e["detail"]["revision"] for e in lab.evidence("a")
            if e["event"] == "vm-defined"]
    equal(seen[-3:], [1, 2, 2], "in the log")
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")
    for src, dst in ("ab", "ba"):
        equal(lab.migrate(src, dst).rc, 0, "%s to %s" % (src, dst))
    equal((revision("a"), revision("b")), (2, 2), "both hosts'")
    lab.korora("a", "vm", "stop", "dirtier", "--force")
    for old in (first, text().replace("vcpus = 2\n", "vcpus = 1\n")):
        lab.lab("daemon", "a", "stop")
        with sqlite3.connect(lab.dir + "/a/var/lib/korora/korora.db") as db:
            db.execute("UPDATE vm SET definition = ?, digest = ?", (
                old, hashlib.sha256(old.encode()).digest()))
        db.close()
        lab.lab("daemon", "a", "start")
        equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")
        r = lab.migrate("a", "b")
        equal((r.code, r.json["status"]), ("KR-1034", "refused"), "%r" % r)
        equal((lab.state("a"), len(lab.qemus("b"))), ("running", 0), "a, b")
        lab.korora("a", "vm", "stop", "dirtier", "--force")
    equal(revision("b"), 2, "what b has seen")


def shed(lab, host):
    """The hypervisor on host has root's files, and nothing else of root's."""
    pids = lab.until(lambda: lab.qemus(host), "hypervisor on " + host)
    equal(len(pids), 1, "hypervisors")
    with open("/proc/%d/status" % pids[0]) as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
    for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check(not int(status[caps], 16) & ~CAP_DAC_OVERRIDE,
              "%s of the hypervisor is %s" % (caps, status[caps]))
    equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    equal(status["Seccomp"], "2", "Seccomp")


def hypervisors_shed_what_they_do_not_need(lab):
    shed(lab, "a")			# started by a user
    equal(lab.migrate("a", "b").rc, 0, "migrate")
    shed(lab, "b")			# started for an offer
    lab.runs("b")


def disk_of_another_owner_is_opened(lab):
    disks = [p for p in glob.glob(lab.dir + "/images/*")
             if os.path.isfile(p)]
    was = [(p, os.stat(p)) for p in disks]
    equal(lab.korora("a", "vm", "stop", "dirtier", "--force").rc, 0, "stop")
    try:
        for p in disks:
            os.chown(p, 65534, 65534)
            os.chmod(p, 0o600)
        before = len(lab.console("a"))
        r = lab.korora("a", "vm", "start", "dirtier")
        equal(r.rc, 0, "start: %r" % r)
        lab.until(lambda: len(lab.console("a")) > before, "word of the guest")
    finally:
        for p, st in was:
            os.chown(p, st.st_uid, st.st_gid)
            os.chmod(p, st.st_mode & 0o777)


PTRACE_SEIZE, PTRACE_CONT, TRACE_EXIT = 0x4206, 7, 0x40
PTRACE_LISTEN, EVENT_EXIT, EVENT_STOP = 0x4208, 6, 128


def ptrace(request, pid, data=0):
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p,
                            ctypes.c_void_p]
    if libc.ptrace(request, pid, None, data):
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def dying_slowly(lab, host):
    """The hypervisor on host, once killed, is not dead before the end."""
    pid = lab.qemus(host)[0]
    ptrace(PTRACE_SEIZE, pid, TRACE_EXIT)
    try:
        yield pid
    finally:
        while True:		# it stops for good first, where it is wiped
            status = os.waitpid(pid, 0)[1]
            if status >> 16 == EVENT_EXIT:
                break
            if status >> 16 == EVENT_STOP:
                ptrace(PTRACE_LISTEN, pid)
            else:
                ptrace(PTRACE_CONT, pid, os.WSTOPSIG(status))
        ptrace(PTRACE_CONT, pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def prompt(lab, host):
    """kororad on host answers at once."""
    start = time.monotonic()
    lab.api(host, {"id": 1, "method": "vm.list"})
    took = time.monotonic() - start
    check(took < 1, "kororad took %.1f s to answer" % took)


def slow_death_holds_nobody_up(lab):
    with dying_slowly(lab, "a"):
        p = lab.start("a", "korora", "--json", "vm", "stop", "dirtier",
                      "--force")
        time.sleep(0.5)
        for _ in range(5):
            prompt(lab, "a")
        check(not p.done(), "it was stopped before its process was dead")
        equal(lab.state("a"), "running", "state of what is not dead")
        for what in ("start", "stop"):
            equal(lab.korora("a", "vm", what, "dirtier").code, "KR-1014", what)
    equal(p.result().rc, 0, "stop")
    equal(lab.state("a"), "stopped", "state")
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")


def endless_death_is_said(lab):
    with dying_slowly(lab, "a"):
        r = lab.korora("a", "vm", "stop", "dirtier", "--force")
        equal((r.rc, r.code), (1, "KR-6006"), "exit, code of stop")
        equal(lab.state("a"), "running", "state of what is not dead")
        equal(lab.korora("a", "vm", "start", "dirtier").code, "KR-1014",
              "start")
    lab.until(lambda: lab.state("a") == "stopped", "record of its end")
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")


def slow_death_at_the_source(lab):
    with dying_slowly(lab, "a"):
        p = lab.start("a", "korora", "--json", "migrate", "dirtier", "--to",
                      "b")
        lab.until(lambda: lab.state("b") == "running", "VM on b")
        lab.until(lambda: lab.state("a") == "moved", "end of the hand-over")
        prompt(lab, "a")
        check(not p.done(), "it is over before the copy is dead")
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")
    lab.home()
    lab.works()


def slow_death_at_the_destination(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
    lab.await_phase("a", id, "copy")
    with dying_slowly(lab, "b"):
        equal(lab.korora("a", "cancel", id).rc, 0, "cancel")
        equal(p.result().code, "KR-1012", "the cancelled one")
        prompt(lab, "b")
        before = lab.ticks("a")
        lab.until(lambda: lab.ticks("a") > before, "progress of the VM on a")
        # it waits for the end of the copy as long as that was waited for
        equal(lab.migrate("a", "b").code, "KR-1008", "a second offer")
    lab.until(lambda: not lab.qemus("b"), "end of the copy")
    lab.works()


DIRTIER = dict(vm="dirtier", mem=64)

if __name__ == "__main__":
    run([
        (DIRTIER, [
            empty_definition_is_explained, what_is_not_there_is_null,
            watching_is_quiet_when_nothing_happens,
            hypervisors_shed_what_they_do_not_need]),
        (DIRTIER, [slow_death_at_the_source, slow_death_at_the_destination]),
        (DIRTIER, [what_was_stopped_stays_so, revisions_are_counted]),
        (DIRTIER, [disk_of_another_owner_is_opened,
                   slow_death_holds_nobody_up, endless_death_is_said]),
    ])
