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


DIRTIER = dict(vm="dirtier", mem=64)

if __name__ == "__main__":
    run([(DIRTIER, [empty_definition_is_explained])])
