# SPDX-License-Identifier: Apache-2.0
"""The network hears where a VM is when it runs there, and not before."""
import os
import select
import socket
import time

from labrun import check, equal, fault, run

ETH_P_RARP = 0x8035
ANNOUNCED_FOR = 1.5		# seconds in which QEMU says it five times


class Ear:
    """What a machine on the VM's network hears of RARP."""

    def __init__(self, lab):
        with lab.network("client"):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                   socket.htons(ETH_P_RARP))

    def heard(self, seconds):
        """The senders of all frames that come within that time."""
        end, senders = time.monotonic() + seconds, []
        while select.select([self.s], [], [],
                            max(0, end - time.monotonic()))[0]:
            senders.append(self.s.recv(128)[6:12].hex(":"))
        return senders


def told_when_it_runs_there(lab):
    """Loaded and checked, it may still go on at the source: the network must
    not send there what is the VM's."""
    points, n = lab.dir + "/points", fault("S_SEAL", "PREPARED", "before")
    os.mkdir(points)
    lab.lab("daemon", "a", "stop")
    lab.lab("daemon", "a", "start", "KORORA_FAULT_DIR=" + points,
            "KORORA_FAULT=" + n)
    ear = Ear(lab)
    p, _ = lab.migrating("a", "b")
    lab.until(lambda: os.path.exists(points + "/%s.hit" % n), "a loaded VM")
    equal(ear.heard(ANNOUNCED_FOR), [], "told before the release")
    open(points + "/%s.go" % n, "w").close()
    r = p.result(60)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    heard = ear.heard(ANNOUNCED_FOR)
    check(len(heard) >= 3, "told %d times: %s" % (len(heard), heard))
    equal(len(set(heard)), 1, "senders of %s" % heard)


PATIENT = {"host": {"peer_timeout_s": 20}}

if __name__ == "__main__":
    run([(dict(vm="linux", mem=None, conf=PATIENT), [told_when_it_runs_there]),
         (dict(vm="linux", mem=None, conf=PATIENT, qemu10=True, up=(
             "--qemu-a", "10", "--qemu-b", "10")), [told_when_it_runs_there])])
