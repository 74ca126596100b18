# SPDX-License-Identifier: Apache-2.0
"""What tests with hostile bytes share.

After each attack kororad is the same process, its memory is bounded, and an
ordinary migration works: harmless() looks.
"""
import contextlib
import re
import socket
import struct
import threading

from labrun import ADDRESS, PORT, check, equal
import certs
from certs import Identity
from peer import Closed, Session
import statements

LAB = dict(vm="dirtier", mem=64, conf={"host": {"peer_timeout_s": 3}})
RSS_GROWTH_KB = 8192


def evil(lab):
    """The enrolled but malicious host."""
    if not hasattr(lab, "evil"):
        lab.evil = Identity.make(lab.dir + "/evil", "evil")
        for h in "ab":
            r = lab.korora(h, "host", "add", "evil", "10.77.0.66:7300",
                           "--fingerprint", lab.evil.fingerprint)
            equal(r.rc, 0, "host add: %r" % r)
    return lab.evil


def session(lab, to="b", **options):
    me = evil(lab)
    return Session(lab.connect("mallory", to), me, **options)


class Liar:
    """evil as it is dialled: what it answers to each message is a function's."""

    def __init__(self, lab, answer, **options):
        self.answer, self.options, self.closed = answer, options, None
        self.identity = evil(lab)
        with lab.network("mallory"):
            self.listener = socket.create_server((ADDRESS["mallory"], PORT))
        self.listener.settimeout(60)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        with contextlib.suppress(OSError):
            s, _ = self.listener.accept()
            s.settimeout(60)
            self.session = s = Session(s, self.identity, server=True,
                                       other="a", **self.options)
            try:
                while True:
                    for said in self.answer(*s.receive()):
                        s.send(*said)
            except Closed as e:
                self.closed = e
            s.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
        self.thread.join(90)
        check(not self.thread.is_alive(), "a keeps the session")


def harmless(test):
    """b's kororad lives on, has not grown, and works."""
    def wrapped(lab):
        pid, rss = lab.pid("b"), lab.rss_kb("b")
        lab.since = lab.mark()
        test(lab)
        equal((lab.pid("b"), lab.alive("b")), (pid, True), "kororad of b")
        check(lab.rss_kb("b") < rss + RSS_GROWTH_KB,
              "b grew from %d to %d kB" % (rss, lab.rss_kb("b")))
        lab.works()
        for h in "ab":
            bad = re.search(r".*(Sanitizer|assert|kororad\[.*KR-900[1-4]).*",
                            lab.logged(h, lab.since))
            check(not bad, "%s: %s" % (h, bad and bad.group()))
    wrapped.__name__ = test.__name__
    return wrapped


def ended(lab, s, *codes):
    """The session was ended for one of the codes; b's log says so."""
    end = s.end()
    check(end.code in codes, "ended by %s, not by %s" % (end, codes))
    s.close()
    lab.await_log("b", "session from evil .*KR-%d" % end.code, lab.since)


def definition(lab):
    return lab.told("a", "vm", "show", "dirtier")["definition"]


def diskless(lab):
    text = re.sub(r"(?s)\n\[disk.*", "", definition(lab)).replace(
        "name = dirtier", "name = trojan")
    return text.rstrip("\n") + "\n"


def offer(lab, s, **more):
    b = "%s/b/etc/korora/identity.crt" % lab.dir
    return statements.Offer(evil(lab), "b", certs.keyid(b),
                      more.pop("definition", definition(lab)),
                      more.pop("binding", s.binding), **more)


def frame(kind, body=b"", seq=1, length=None):
    n = len(body) + 10 if length is None else length
    return struct.pack(">IHQ", n, kind, seq) + body


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return f.read().split()
