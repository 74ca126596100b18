# SPDX-License-Identifier: Apache-2.0
"""How many VMs may be on their way to a host at a time."""
import contextlib
import re

from labrun import check, equal, run
import certs
from certs import Identity
import frames
from peer import Session
import statements

INCOMING_MAX = 16	# daemon/preflight.c


def evil(lab):
    """The enrolled but malicious host."""
    if not hasattr(lab, "evil"):
        lab.evil = Identity.make(lab.dir + "/evil", "evil")
        r = lab.korora("b", "host", "add", "evil", "10.77.0.66:7300",
                       "--fingerprint", lab.evil.fingerprint)
        equal(r.rc, 0, "host add: %r" % r)
    return lab.evil


def offered(lab, s, name):
    """b's answer to an offer of a small VM without disks: 0 or a code."""
    text = lab.told("a", "vm", "show", "dirtier")["definition"]
    text = re.sub(r"(?s)\n\[disk.*", "", text).rstrip("\n") + "\n"
    text = text.replace("name = dirtier", "name = " + name)
    text = re.sub("(?m)^memory_mb = .*$", "memory_mb = 16", text)
    keyid = certs.keyid("%s/b/etc/korora/identity.crt" % lab.dir)
    s.send(frames.OFFER, statements.Offer(evil(lab), "b", keyid, text,
                                  s.binding).body())
    kind, body = s.receive()
    if kind == frames.FAIL:
        return frames.reason(body)[0]
    equal(kind, frames.STEP, "answer")
    return 0


def no_more_than_that(lab):
    """All are accepted and none comes; others have to wait, and then go."""
    with contextlib.ExitStack() as stack:
        s = Session(lab.connect("mallory", "b"), evil(lab))
        stack.callback(s.close)
        for i in range(INCOMING_MAX):
            equal(offered(lab, s, "guest%d" % i), 0, "offer %d" % i)
        equal(len(lab.qemus("b")), INCOMING_MAX, "hypervisors on b")
        equal(offered(lab, s, "one-more"), 1011, "one more")
        r = lab.migrate("a", "b")
        equal((r.rc, r.code), (1, "KR-1011"), "a's own: %r" % r)
        equal(len(lab.qemus("b")), INCOMING_MAX, "hypervisors on b")
    lab.until(lambda: not lab.qemus("b"), "end of the hypervisors", 20)
    check(lab.alive("b"), "kororad of b")
    lab.works()


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64,
               conf={"host": {"peer_timeout_s": 15}}), [no_more_than_that])])
