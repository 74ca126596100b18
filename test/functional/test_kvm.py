# SPDX-License-Identifier: Apache-2.0
"""KVM that did not work and was mended is used as soon as it does."""
import os
import re

from labrun import check, equal, run

PASSED = 33	# exit status of the test guest (hyper/kvmtest.c)
BINARY = """#!/bin/sh
# the hypervisor, but how the test guest fares is told by a file
case "$*" in
*isa-debug-exit*) [ -e %s ] && exit %d || exit 1 ;;
esac
exec /usr/bin/qemu-system-x86_64 "$@"
"""


def start(lab):
    return lab.korora("a", "vm", "start", "dirtier")


def mended_kvm_is_believed(lab):
    if not os.path.exists("/dev/kvm"):
        print("# no /dev/kvm: not tested")
        return
    binary, works = lab.dir + "/qemu", lab.dir + "/kvm-works"
    with open(binary, "w") as f:
        f.write(BINARY % (works, PASSED))
    os.chmod(binary, 0o755)
    text = lab.told("a", "vm", "show", "dirtier")["definition"]
    path = lab.dir + "/kvm.vm"
    with open(path, "w") as f:
        f.write(re.sub("(?m)^accel = .*$", "accel = kvm", text))
    equal(lab.korora("a", "vm", "stop", "dirtier", "--force").rc, 0, "stop")
    lab.configure({"qemu": {"binary": binary}}, "a")
    r = lab.korora("a", "vm", "define", path)
    equal(r.rc, 0, "vm define: %r" % r)
    equal(start(lab).code, "KR-4005", "start without KVM")
    open(works, "w").close()
    lab.until(lambda: start(lab).code != "KR-4005", "belief in KVM", 5)
    # and what worked is believed for longer
    os.unlink(works)
    lab.korora("a", "vm", "stop", "dirtier", "--force")
    r = start(lab)
    check(r.code != "KR-4005", "it is tried for each start: %r" % r)
    lab.korora("a", "vm", "stop", "dirtier", "--force")


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [mended_kvm_is_believed])])
