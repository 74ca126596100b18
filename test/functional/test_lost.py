# SPDX-License-Identifier: Apache-2.0
"""What lies below /run is lost while a VM runs: it stays one, and can be ended."""
import os
import shutil
import signal
import sqlite3
import time

from labrun import check, equal, run


def lose(lab, folder, state=None):
    """kororad of a dies, and finds the folder gone when it comes again."""
    lab.lab("daemon", "a", "kill")
    shutil.rmtree("%s/a/run/korora%s" % (lab.dir, folder))
    if state is not None:
        db = sqlite3.connect(lab.dir + "/a/var/lib/korora/korora.db")
        db.execute("UPDATE vm SET state = ?", (state,))
        db.commit()
        db.close()
    lab.lab("daemon", "a", "start")


def fresh(lab):
    """The VM is started anew: what it printed before does not count."""
    for h in "ab":
        path = "%s/%s/var/lib/korora/console/dirtier.log" % (lab.dir, h)
        if os.path.exists(path):
            os.truncate(path, 0)
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "vm start")
    lab.works()


def checked(lab):
    """What doctor says of the VMs."""
    r = lab.korora("a", "doctor")
    return [c for c in r.json["checks"] if c["name"].endswith("VMs")][0]


def folder_of_the_vm_is_lost(lab):
    equal(checked(lab)["ok"], True, "doctor before: %s" % checked(lab))
    lose(lab, "/vm/dirtier")
    r = lab.korora("a", "vm", "start", "dirtier")
    equal((r.rc, r.code), (1, "KR-1008"), "start once more: %r" % r)
    known = len(lab.migrations("a"))
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-6002"), "migrate: %r" % r)
    equal(len(lab.migrations("a")), known, "migrations")
    check("KR-6002" in str(checked(lab)), "doctor: %s" % checked(lab))
    equal(len(lab.qemus("a")), 1, "hypervisors")
    start = time.monotonic()
    r = lab.korora("a", "vm", "stop", "dirtier", "--force")
    equal(r.rc, 0, "vm stop: %r" % r)
    check(time.monotonic() < start + 5, "that took long")
    equal(lab.qemus("a"), [], "hypervisors")
    fresh(lab)


def all_of_run_is_lost(lab):
    lose(lab, "")
    equal(lab.korora("a", "vm", "start", "dirtier").code, "KR-1008", "start")
    equal(len(lab.qemus("a")), 1, "hypervisors")
    equal(lab.korora("a", "vm", "stop", "dirtier", "--force").rc, 0, "stop")
    fresh(lab)


def lock_alone_keeps_it_one(lab):
    """/run says nothing, the record says stopped: its lock below /var knows."""
    pid = lab.qemus("a")
    lose(lab, "", 0)
    r = lab.korora("a", "vm", "start", "dirtier")
    equal((r.rc, r.code), (1, "KR-1008"), "start: %r" % r)
    check(str(pid[0]) in r.json["error"]["message"], "%r" % r)
    equal(lab.qemus("a"), pid, "hypervisors")
    os.kill(pid[0], signal.SIGKILL)
    lab.until(lambda: not lab.qemus("a"), "end of the hypervisor")
    fresh(lab)


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [
        folder_of_the_vm_is_lost, all_of_run_is_lost,
        lock_alone_keeps_it_one])])
