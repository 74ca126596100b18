# SPDX-License-Identifier: Apache-2.0
"""The VMs of one host: how they are defined, shown, run and ended."""
import glob
import os

from labrun import check, equal, run


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


def watching_is_quiet_when_nothing_happens(lab):
    equal(lab.migrate("a", "b").rc, 0, "migrate")
    for args, once in (([], "host a\n"), (["--json"], "{\"host\":")):
        r = lab.exec("a", "timeout", "3.5", "korora", *args, "status",
                     "--watch")
        equal(r.out.count(once), 1, "times that it was told: %r" % r)



CAP_DAC_OVERRIDE = 1 << 1


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


DIRTIER = dict(vm="dirtier", mem=64)

if __name__ == "__main__":
    run([
        (DIRTIER, [
            empty_definition_is_explained, what_is_not_there_is_null,
            watching_is_quiet_when_nothing_happens,
            hypervisors_shed_what_they_do_not_need]),
        (DIRTIER, [disk_of_another_owner_is_opened]),
    ])
