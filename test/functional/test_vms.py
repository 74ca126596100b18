# SPDX-License-Identifier: Apache-2.0
"""The VMs of one host: how they are defined, shown, run and ended."""
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



DIRTIER = dict(vm="dirtier", mem=64)

if __name__ == "__main__":
    run([(DIRTIER, [empty_definition_is_explained,
                   what_is_not_there_is_null,
                   watching_is_quiet_when_nothing_happens])])
