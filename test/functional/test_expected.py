# SPDX-License-Identifier: Apache-2.0
"""What a helper read in a connection before a VM moved is let in after it:
FTP's data connections above all. Nothing else is, and without what was
expected they are not."""
import hashlib
import socket
import struct
import time

from firewall import ZONE, Stand, connected, echoes
from labrun import check, equal, run

VM, CLIENT, FLOATING, VM6 = "10.88.0.10", "10.99.0.1", "10.77.0.110", "fd88::10"
LIFE_S = 300        # that the kernel's FTP helper gives what it expects


class Ftp:
    """A control connection from the client to the VM, whose server says where
    it waits for data; the port where it truly does."""

    def __init__(self, s, to, port):
        self.s, self.to, self.port = s, to, port
        self.family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.near, self.far = connected(s, "c", "v", 21, self.family,
                                        to=(to, 21))
        self.line(self.near, self.far, b"USER x")
        self.line(self.far, self.near, b"331 and now?")
        if self.family == socket.AF_INET6:
            self.line(self.near, self.far, b"EPSV")
            self.line(self.far, self.near, b"229 Extended (|||%d|)" % port)
        else:
            self.line(self.near, self.far, b"PASV")
            at = self.line(self.far, self.near, self.passive(port))
            check(to.replace(".", ",").encode() in at, at)

    def line(self, a, b, text):
        a.send(text + b"\r\n")
        return b.recv(200)

    @staticmethod
    def passive(port):
        return b"227 Passive (%s,%d,%d)." % (
            VM.replace(".", ",").encode(), port >> 8, port & 255)

    def data(self, port=None, timeout=5):
        """The data connection, if it can be opened."""
        port = port or self.port
        listener = self.s.socket("v", self.family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen(1)
        listener.settimeout(timeout)
        near = self.s.socket("c", self.family, socket.SOCK_STREAM)
        near.settimeout(timeout)
        try:
            near.connect((self.to, port))
            far, _ = listener.accept()
        except OSError:
            return None
        finally:
            listener.close()
        self.s.closing.append(far)
        return near, far

    def alive(self):
        try:    # whole lines, or the helper reads no further
            return (self.line(self.near, self.far, b"NOOP") == b"NOOP\r\n" and
                    self.line(self.far, self.near, b"200") == b"200\r\n")
        except OSError:
            return False


def sessions(s):
    """All acknowledged: what is sent again on the other host is read there."""
    ftp = [Ftp(s, VM, 5555), Ftp(s, FLOATING, 5556), Ftp(s, VM6, 5557)]
    time.sleep(0.5)
    return ftp


def export(s):
    path = s.file("zone.ctx")
    s.unplug("a", "b")
    r = s.korora("a", "export", path, "--zone", str(ZONE))
    equal((r.rc, r.json["left"]), (0, []), "export")
    return path, r.json["expected"]


def bring(s, path):
    r = s.korora("b", "import", path)
    equal((r.rc, r.json["left"]), (0, []), "import")
    s.plug("b")


def entries(s, port):
    return [c for c in s.entries("b") if c["original"]["dport"] == port]


def data_comes_in_after_the_move(s):
    ftp = sessions(s)
    path, n = export(s)
    equal(n, 3, "expected")
    time.sleep(2)
    bring(s, path)
    now = s.korora("b", "show", "--zone", str(ZONE)).json["expected"]
    equal(len(now), 3, "expected there")
    for x in now:
        check(LIFE_S - 60 < x["timeout_s"] < LIFE_S, "%d s are left" %
              x["timeout_s"])
    equal(s.korora("b", "diff", path, path).rc, 0, "diff")
    for f in ftp:
        check(f.data(f.port + 100, 1) is None, "another port is open")
        check(f.alive(), "control connection to %s died" % f.to)
        d = f.data()
        check(d and echoes(*d), "no data connection to " + f.to)
        c, = entries(s, f.port)
        check(c["status"] & 1 and c["master"]["dport"] == 21, c)
        check("helper" not in c, "what comes as data is read as commands")
        check(f.data(timeout=1) is None, "once was expected, twice is open")
    # they move on, their masters with them
    again = s.file("again.ctx")
    equal(s.korora("b", "export", again, "--zone", "7").rc, 0, "export")
    equal(s.korora("b", "drop", again).rc, 0, "drop")
    equal(s.korora("b", "import", again).rc, 0, "import again")
    equal(sum(c["status"] & 1 for c in s.entries("b")), 3, "with masters")
    for f in ftp:
        check(f.alive(), "control connection to %s died" % f.to)


def without_expected(path):
    """The same file, but that nothing is expected."""
    with open(path, "rb") as f:
        data = f.read()
    n, at = struct.unpack(">I", data[8:12])[0], 16
    for _ in range(n):
        at += 2 + struct.unpack(">H", data[at:at + 2])[0]
    data = data[:12] + bytes(4) + data[16:at]
    with open(path, "wb") as f:
        f.write(data + hashlib.sha256(data).digest())


def without_it_no_data_comes_in(s):
    ftp = sessions(s)
    path, _ = export(s)
    without_expected(path)
    bring(s, path)
    for f in ftp:
        check(f.alive(), "control connection to %s died" % f.to)
        check(f.data(timeout=2) is None, "data came in unexpected")
    # and the helper still reads on
    f = ftp[0]
    f.line(f.near, f.far, b"PASV")
    f.line(f.far, f.near, Ftp.passive(5560))
    d = f.data(5560)
    check(d and echoes(*d), "no data connection that was asked for here")


def without_connections_neither(s):
    ftp = sessions(s)
    export(s)
    s.plug("b")
    for f in ftp:
        check(f.data(timeout=1) is None, "data came in without its master")


def data_opens_nothing(s):
    """What is sent as data, before the move expected, is no command."""
    f = Ftp(s, VM, 5555)
    time.sleep(0.5)	# acknowledged, see sessions()
    path, _ = export(s)
    bring(s, path)
    near, far = f.data()
    f.line(far, near, Ftp.passive(22))
    f.line(near, far, b"PORT 10,99,0,1,0,22")
    equal(s.korora("b", "show", "--zone", "7").json["expected"], [],
          "expected by data")
    check(f.data(22, 1) is None, "data opened a port")
    f.line(f.far, f.near, Ftp.passive(5570))    # as the control does
    check(f.data(5570), "a command opened none")


SDP = (b"v=0\r\no=a 1 1 IN IP4 10.88.0.10\r\ns=-\r\nc=IN IP4 10.88.0.10\r\n"
       b"t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n")
INVITE = (b"INVITE sip:b@10.99.0.1 SIP/2.0\r\n"
          b"Via: SIP/2.0/UDP 10.88.0.10:5060;branch=z9hG4bK1\r\n"
          b"From: <sip:a@10.88.0.10>;tag=1\r\nTo: <sip:b@10.99.0.1>\r\n"
          b"Call-ID: 1@10.88.0.10\r\nCSeq: 1 INVITE\r\n"
          b"Contact: <sip:a@10.88.0.10:5060>\r\n"
          b"Content-Type: application/sdp\r\n"
          b"Content-Length: %d\r\n\r\n" % len(SDP)) + SDP


def datagrams(s, port):
    v = s.socket("v", socket.AF_INET, socket.SOCK_DGRAM)
    v.bind((VM, port))
    return v


def other_helpers_expect_too(s):
    """TFTP's answer comes from another port; SIP's voice as it was agreed."""
    tftp, sip, rtp = (datagrams(s, p) for p in (6969, 5060, 40000))
    tftp.sendto(b"\0\1file\0octet\0", (CLIENT, 69))
    sip.sendto(INVITE, (CLIENT, 5060))
    path, n = export(s)
    equal(n, 3, "expected: TFTP's data, RTP, RTCP")
    bring(s, path)
    keys = ("name", "helper", "expected", "master", "flags", "mask")
    a, b = (sorted(str([x[k] for k in keys]) for x in s.korora(
        h, "show", "--zone", "7").json["expected"]) for h in "ab")
    equal(a, b, "expected")
    c = s.socket("c", socket.AF_INET, socket.SOCK_DGRAM)
    for at, port in (tftp, 6969), (rtp, 40000):
        c.sendto(b"came", (VM, port))
        equal(at.recv(16), b"came", "to port %d" % port)
    at = datagrams(s, 40004)
    at.settimeout(1)
    c.sendto(b"came", (VM, 40004))
    try:
        check(not at.recv(16), "to a port that was not agreed")
    except socket.timeout:
        pass


def what_is_refused_is_named(s):
    """A helper that this kernel has not; what no connection here expects."""
    def tuple4(proto, *ends):
        return bytes([proto]) + b"".join(socket.inet_aton(a) for a, _ in ends
                                         ) + struct.pack(">2H", *(
                                             p for _, p in ends))

    near, far = (CLIENT, 1000), (VM, 21)
    entry = (b"\4\3" + tuple4(6, near, far) + tuple4(6, far, near) +
             struct.pack(">IIIB", 6, 600, 0, 1 | 16) + b"\3" + bytes(4) +
             b"\0\6nosuch")
    expected = (b"\4\3" + tuple4(6, (CLIENT, 1001), far) +
                tuple4(6, (CLIENT, 0), (VM, 5555)) + b"\xff" * 4 + bytes(2) +
                struct.pack(">IBB", 300, 0, 0) + b"\0\3ftp" + bytes(3))
    body = b"KRCT" + struct.pack(">HHII", 2, 7, 1, 1) + b"".join(
        struct.pack(">H", len(x)) + x for x in (entry, expected))
    path = s.file("refused")
    with open(path, "wb") as f:
        f.write(body + hashlib.sha256(body).digest())
    r = s.korora("b", "import", path)
    equal((r.rc, [x["code"] for x in r.json["left"]]), (1, ["KR-9103"] * 2),
          "what is told")
    for x, (name, why) in zip(r.json["left"], (
            ("tcp 10.99.0.1:1000 > 10.88.0.10:21: ", "has not its helper"),
            ("expected tcp 10.99.0.1:0 > 10.88.0.10:5555: ", "is not there"))):
        text = str(x)
        check(name in text and why in text, text)
    equal(s.entries("b"), [], "what is there")


def of_other_zones_nothing_is_told(s):
    """The same connection in two zones: each has what it expects itself."""
    f = Ftp(s, VM, 5555)
    c, = s.entries("a")
    o = c["original"]
    s.at("a", "conntrack", "-I", "-w", "8", "-p", "tcp", "-s", o["src"], "-d",
         o["dst"], "--sport", str(o["sport"]), "--dport", "21", "--state",
         "ESTABLISHED", "-t", "100")
    for zone, n in ("7", 1), ("8", 0), ("0", 0):
        r = s.korora("a", "show", "--zone", zone)
        equal((r.rc, len(r.json["expected"])), (0, n), "in zone " + zone)
    # nor is it ended
    equal(s.korora("a", "drop", "--zone", "8").rc, 0, "drop")
    equal(len(s.korora("a", "show", "--zone", "7").json["expected"]), 1,
          "left in zone 7")
    check(f.data(), "no data connection")


if __name__ == "__main__":
    run([({}, [case]) for case in (
        data_comes_in_after_the_move, without_it_no_data_comes_in,
        without_connections_neither, data_opens_nothing,
        other_helpers_expect_too, what_is_refused_is_named, of_other_zones_nothing_is_told)], Stand)
