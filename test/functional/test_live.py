# SPDX-License-Identifier: Apache-2.0
"""Connections that change while they are read or sent: what arrives is what
is, whatever was lost, changed or ended meanwhile; of what did not arrive whole
nothing is left."""
import signal
import socket
import struct
import subprocess
import time

from firewall import ZONE, Stand, as_json, connected, echoes
from labrun import BUILD, check, equal, run
from test_context import CLIENT, VM, many, tuples, zone_of_many
from test_expected import Ftp

N = 20000
STOP_AFTER_S = [0.002 * i for i in range(1, 60)]


def started(s, h, *args, **how):
    p = subprocess.Popen(
        ["ip", "netns", "exec", s.ns[h], BUILD + "/client/korora", "context",
         *args, "--json"], stdout=subprocess.PIPE, **how)
    s.closing.append(p.stdout)
    return p


def mark(s, value):
    """All of them, by what is sent if it is sent anew."""
    files = zone_of_many(N, value), zone_of_many(0)
    p = started(s, "a", "receive", "--zone", "7", stdin=subprocess.PIPE)
    p.communicate(struct.pack(">BII", 3, *map(len, files)) + b"".join(files))
    equal(p.returncode, 0, "change of all marks")


def marks(s, what, after, value):
    """Those it saw, of which all become `value` while it stands still."""
    path = s.file("stopped")
    args = (path, "--zone", "7") if what == "export" else ("--zone", "7")
    p = started(s, "a", what, *args, text=True)
    try:
        time.sleep(after)
        p.send_signal(signal.SIGSTOP)
        mark(s, value)
        p.send_signal(signal.SIGCONT)
        out = p.communicate(timeout=60)[0]
    finally:
        p.kill()
        p.wait(5)
    equal(p.returncode, 0, what)
    if what == "export":
        out = s.at("a", BUILD + "/client/korora", "context", "show", path,
                   "--json")
    seen = {c["mark"] for c in as_json(out)[-1]["connections"]}
    return seen, value


def changed_in_the_midst(s):
    """Control: one dump has some of them as they were, some as they became.
    An export never has, with events and without."""
    many(s.file("many"), N)
    equal(s.korora("a", "import", s.file("many")).rc, 0, "import")
    value, hit = 1, []
    for after in STOP_AFTER_S:
        value += 1
        if len(marks(s, "show", after, value)[0]) > 1:
            hit.append(after)
        if len(hit) == 3:
            break
    check(hit, "no dump was in its midst")
    for events in 1, 0:
        s.at("a", "sysctl", "-qw",
             "net.netfilter.nf_conntrack_events=%d" % events)
        for after in hit * 2:
            value += 1
            seen, now = marks(s, "export", after, value)
            check(len(seen) == 1, "events %d: marks %s of one moment" % (
                events, seen))


def events_that_end(s):
    """Whoever follows notices when nothing is told any more."""
    for what in "follow", "send":
        s.at("a", "sysctl", "-qw", "net.netfilter.nf_conntrack_events=1")
        p = started(s, "a", what, "--zone", "7", stdin=subprocess.PIPE)
        s.closing.append(p.stdin)
        time.sleep(0.5)
        equal(p.poll(), None, what)
        s.at("a", "sysctl", "-qw", "net.netfilter.nf_conntrack_events=2")
        equal(p.wait(10), 1, what)
        check(b"KR-9106" in p.stdout.read(), what + " does not say why")


class Sent:
    """A zone on its way from a to b."""

    def __init__(self, s):
        self.s = s
        self.to = started(s, "b", "receive", "--zone", str(ZONE),
                          stdin=subprocess.PIPE, text=True)
        self.of = subprocess.Popen(
            ["ip", "netns", "exec", s.ns["a"], BUILD + "/client/korora",
             "context", "send", "--zone", str(ZONE)], stdin=subprocess.PIPE,
            stdout=self.to.stdin)
        self.to.stdin.close()
        self.to.stdin = None

    def end(self):
        """What the receiver said, and how many seconds it took."""
        begin = time.monotonic()
        self.of.stdin.close()
        line = self.to.stdout.readline()
        took = time.monotonic() - begin
        equal((self.of.wait(10), self.to.wait(10)), (0, 0), "exit codes")
        said, = as_json(line)
        equal(said["left"], [], "left")
        return said, took

    def kill(self):
        for p in self.of, self.to:
            p.kill()
            p.wait(5)
        self.of.stdin.close()


def alike(s):
    keys = ("name", "helper", "master", "expected", "mask")
    a, b = (s.korora(h, "show", "--zone", "7").json for h in "ab")
    equal(tuples(b["connections"]), tuples(a["connections"]), "connections")
    equal(*(sorted(str([x[k] for k in keys]) for x in z["expected"])
            for z in (b, a)), "expected")
    for c in b["connections"]:
        was, = [x for x in a["connections"] if x["name"] == c["name"]]
        equal(c["state"], was["state"], "state of " + c["name"])
    return a


def sent_while_it_lives(s):
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    ends = connected(s, "c", "v", 5001, to=(VM, 5001))
    used, unused = Ftp(s, VM, 5555), Ftp(s, VM, 5556)
    sent = Sent(s)
    try:
        time.sleep(0.7)
        alike(s)
        # one ends, some begin, some change; what was expected has come
        s.at("a", "conntrack", "-D", "-w", "7", "-p", "tcp", "--sport",
             str(ends[0].getsockname()[1]))
        new = connected(s, "v", "c", 6001, to=(CLIENT, 6001))
        ftp = Ftp(s, VM, 5557)
        data = used.data()
        check(data, "no data connection")
        half = connected(s, "c", "v", 5001, to=(VM, 5001))
        time.sleep(0.3)
        half[0].shutdown(socket.SHUT_WR)
        time.sleep(0.5)
        alike(s)
        # as late as can be
        newest = connected(s, "c", "v", 5001, to=(VM, 5001))
        newest[0].close()
        time.sleep(0.01)
        s.unplug("a", "b")
        said, took = sent.end()
    except BaseException:
        sent.kill()
        raise
    was = alike(s)
    check(said["messages"] > 2, said)
    check(took < 1, "the last took %.3f s" % took)
    check(any(c["state"] == "CLOSE_WAIT" for c in was["connections"]),
          "none is half closed")
    s.plug("b")
    for name, both in ("kept", kept), ("new", new), ("data", data), (
            "control", (ftp.near, ftp.far)):
        check(echoes(*both), name + " died")
    check(unused.data(), "what was expected first is not let in")
    check(ftp.data(), "what was expected late is not let in")
    check(used.data(timeout=1) is None, "once was expected, twice is open")


def lost_hints_are_no_loss(s):
    """More happens than is kept of it: all is read and sent anew."""
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    sent = Sent(s)
    try:
        time.sleep(0.5)
        sent.of.send_signal(signal.SIGSTOP)
        many(s.file("many"), 60000)
        equal(s.korora("a", "import", s.file("many")).rc, 0, "import")
        equal(s.korora("a", "drop", s.file("many")).rc, 0, "drop")
        many(s.file("few"), 1000)
        equal(s.korora("a", "import", s.file("few")).rc, 0, "import")
        sent.of.send_signal(signal.SIGCONT)
        time.sleep(1)
        said, _ = sent.end()
    except BaseException:
        sent.kill()
        raise
    equal(len(alike(s)["connections"]), 1001, "connections")
    check(kept, "it was open until now")


def what_breaks_off_leaves_nothing(s):
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    s.at("b", "conntrack", "-I", "-w", "8", "-p", "udp", "-s", "192.0.2.1",
         "-d", "192.0.2.2", "--sport", "1", "--dport", "2", "-t", "100")
    sent = Sent(s)
    try:
        time.sleep(0.5)
        equal(len(s.entries("b")), 1, "on b meanwhile")
        sent.of.kill()
        equal(sent.to.wait(10), 1, "exit code of who receives")
    finally:
        sent.kill()
    equal(s.entries("b"), [], "left on b")
    equal(len(s.entries("b", 8)), 1, "of another zone")
    check(echoes(*kept), "it is not there any more")
    for data in (b"", b"\1\0\0\0\1\0\0\0\0", b"\4" + bytes(8),
                 b"\1" + b"\xff" * 8):
        p = started(s, "b", "receive", "--zone", "7", stdin=subprocess.PIPE)
        out = p.communicate(data, timeout=10)[0]
        check(p.returncode == 1 and b"KR-9105" in out, out)
    equal(s.korora("b", "receive", "--zone", "0").rc, 2, "zone 0")


if __name__ == "__main__":
    run([({}, [case]) for case in (
        changed_in_the_midst, events_that_end, sent_while_it_lives,
        lost_hints_are_no_loss, what_breaks_off_leaves_nothing)], Stand)
