# SPDX-License-Identifier: Apache-2.0
"""Two hosts with a firewall that lets pass what is established, and a client
outside. A network namespace stands in for the VM: its TCP lives on while its
cable is pulled out of host a and put into host b."""
import ctypes
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from labrun import BUILD, Failed, Result, check

CLONE_NEWNET = 0x40000000
ZONE = 7
RULES = """
table inet fw {
  ct helper ftp {
    type "ftp" protocol tcp;
  }
  ct helper tftp {
    type "tftp" protocol udp;
  }
  ct helper sip {
    type "sip" protocol udp;
  }
  chain helpers {
    type filter hook prerouting priority -150;
    tcp dport 21 ct helper set "ftp"
    udp dport 69 ct helper set "tftp"
    udp dport 5060 ct helper set "sip"
  }
  chain raw {
    type filter hook prerouting priority -300;
    iifname "vm0" ct zone set 7
    iifname "up0" ip daddr { 10.88.0.0/24, 10.77.0.110 } ct zone set 7
    iifname "up0" ip6 daddr fd88::/64 ct zone set 7
  }
  chain inwards {
    type nat hook prerouting priority -100;
    iifname "up0" ip daddr 10.77.0.110 tcp dport 5009 dnat ip to 10.88.0.10:5001
    iifname "up0" ip daddr 10.77.0.110 tcp dport 21 dnat ip to 10.88.0.10
  }
  chain outwards {
    type nat hook postrouting priority 100;
    oifname "up0" ip saddr 10.88.0.10 tcp dport 6009 snat ip to 10.77.0.110
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "up0" tcp dport 5001 ct state new ct mark set 0x42 ct label set 5 accept
    iifname "up0" tcp dport 21 ct state new accept
    iifname "vm0" ct state new accept
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ip daddr 10.77.0.110 drop
  }
}
"""
libc = ctypes.CDLL(None, use_errno=True)


def sh(*args, ok=True, data=None):
    p = subprocess.run(args, capture_output=True, text=True, input=data)
    if ok and p.returncode:
        raise Failed("%s: %s" % (" ".join(args), p.stderr.strip()))
    return p.stdout


class Stand:
    """Namespaces c (client), a, b (hosts), v (VM)."""
    vm = None

    def __init__(self):
        self.ns = {h: "kr-ct%d-%s" % (os.getpid(), h) for h in "cabv"}
        self.dir = None
        self.closing = []

    def missing(self):
        for tool in ("nft", "conntrack", "ip"):
            if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin"):
                return "there is no " + tool
        return None if os.geteuid() == 0 else "not root"

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.end()
            raise
        return self

    def build(self):
        self.dir = tempfile.mkdtemp(prefix="kr-context.")
        for h in self.ns.values():
            sh("ip", "netns", "add", h)
            sh("ip", "-n", h, "link", "set", "lo", "up")
        self.ip("c", "link", "add", "br0", "type", "bridge")
        self.ip("c", "link", "set", "br0", "up")
        self.address("c", "br0", "10.99.0.1/24", "fd99::1/64")
        for i, h in enumerate("ab"):
            self.ip("c", "link", "add", "to" + h, "type", "veth", "peer",
                    "name", "up0", "netns", self.ns[h])
            self.ip("c", "link", "set", "to" + h, "master", "br0", "up")
            self.ip(h, "link", "set", "up0", "up")
            self.address(h, "up0", "10.99.0.%d/24" % (i + 2),
                         "fd99::%d/64" % (i + 2))
            for key in ("ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1",
                        "netfilter.nf_conntrack_tcp_loose=0",
                        "netfilter.nf_conntrack_events=1"):
                self.at(h, "sysctl", "-qw", "net." + key)
            sh("ip", "netns", "exec", self.ns[h], "nft", "-f", "-",
               data=RULES)
        self.ip("v", "link", "add", "eth0", "type", "veth", "peer", "name",
                "vm0", "netns", self.ns["a"])
        self.ip("v", "link", "set", "eth0", "up")
        self.address("v", "eth0", "10.88.0.10/24", "fd88::10/64")
        self.plug("a")
        self.ip("v", "route", "add", "default", "via", "10.88.0.254")
        self.ip("v", "-6", "route", "add", "default", "via", "fd88::254")

    def __exit__(self, *exc):
        self.end()

    def end(self):
        for s in self.closing:
            s.close()
        self.closing = []
        for h in self.ns.values():
            sh("ip", "netns", "del", h, ok=False)
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def assert_gone(self):
        left = sh("ip", "netns", "list")
        check(self.ns["a"] not in left, "a namespace is left")

    # ---- what is done in a namespace

    def at(self, h, *args, ok=True):
        return sh("ip", "netns", "exec", self.ns[h], *args, ok=ok)

    def ip(self, h, *args):
        return sh("ip", "-n", self.ns[h], *args)

    def address(self, h, dev, v4, v6):
        self.ip(h, "addr", "add", v4, "dev", dev)
        self.ip(h, "addr", "add", v6, "dev", dev, "nodad")

    def korora(self, h, *args):
        p = subprocess.run(
            ["ip", "netns", "exec", self.ns[h], BUILD + "/client/korora",
             "context", *args, "--json"], capture_output=True, text=True,
            timeout=60)
        return Result(p.returncode, p.stdout, p.stderr)

    def file(self, name):
        return "%s/%s" % (self.dir, name)

    def socket(self, h, *args):
        """A socket of namespace h: it stays there, we do not."""
        with open("/proc/self/ns/net") as home, \
                open("/run/netns/" + self.ns[h]) as ns:
            if libc.setns(ns.fileno(), CLONE_NEWNET):
                raise Failed("setns: errno %d" % ctypes.get_errno())
            try:
                s = socket.socket(*args)
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)
        s.settimeout(5)
        self.closing.append(s)
        return s

    # ---- the VM's cable

    def plug(self, h):
        """The VM's cable, if it is in h, comes up; the client's way is h."""
        self.ip(h, "link", "set", "vm0", "up")
        self.address(h, "vm0", "10.88.0.254/24", "fd88::254/64")
        via = {"a": 2, "b": 3}[h]
        for net in ("10.88.0.0/24", "10.77.0.110/32"):
            self.ip("c", "route", "replace", net, "via", "10.99.0.%d" % via)
        self.ip("c", "-6", "route", "replace", "fd88::/64", "via",
                "fd99::%d" % via)

    def unplug(self, h, to):
        self.ip(h, "link", "set", "vm0", "netns", self.ns[to])

    def entries(self, h, zone=ZONE):
        r = self.korora(h, "show", "--zone", str(zone))
        check(r.rc == 0, "show: " + r.err)
        return r.json["connections"]


def connected(stand, here, there, at, family=socket.AF_INET, to=None):
    """A TCP connection from `here` to a listener on (there, at): both ends."""
    listener = stand.socket(there, family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", at))
    listener.listen(4)
    near = stand.socket(here, family, socket.SOCK_STREAM)
    near.connect(to)
    far, _ = listener.accept()
    listener.close()
    far.settimeout(5)
    stand.closing.append(far)
    return near, far


def echoes(near, far, timeout=12):
    """A word each way gets there."""
    for a, b in ((near, far), (far, near)):
        word = os.urandom(8)
        b.settimeout(timeout)
        try:
            a.send(word)
            got = b""
            while len(got) < len(word):
                more = b.recv(len(word) - len(got))
                if not more:
                    return False
                got += more
        except OSError:
            return False
        if got != word:
            return False
    return True


class Bulk:
    """Sends without end, one counter after the other, and checks them."""

    def __init__(self, near, far):
        self.n, self.wrong, self.over = 0, None, False
        self.ends = near, far
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self.send, self.receive)]
        for t in self.threads:
            t.start()

    def send(self):
        block, i = 1 << 14, 0
        self.ends[0].settimeout(60)
        try:
            while not self.over:
                self.ends[0].sendall(bytes([i & 255]) * block)
                i += 1
        except OSError as e:
            self.wrong = self.wrong or repr(e)

    def receive(self):
        self.ends[1].settimeout(60)
        try:
            while not self.over:
                got = self.ends[1].recv(1 << 14)
                want = self.n >> 14 & 255
                if not got:
                    return
                first = min(len(got), (1 << 14) - (self.n & 0x3fff))
                if got[:first].strip(bytes([want])):
                    self.wrong = "other bytes than sent"
                self.n += len(got)
        except OSError as e:
            self.wrong = self.wrong or repr(e)

    def advances(self, n_bytes, timeout):
        want, end = self.n + n_bytes, time.monotonic() + timeout
        while time.monotonic() < end and self.n < want and not self.wrong:
            time.sleep(0.02)
        return self.n >= want and not self.wrong

    def stop(self):
        self.over = True
        for s in self.ends:
            s.close()
        for t in self.threads:
            t.join(5)


def conntrack(stand, h, zone):
    """Another program's view, without what runs down."""
    text = stand.at(h, "conntrack", "-L", "-w", str(zone), "-o", "extended")
    return sorted(" ".join(w for i, w in enumerate(line.split()) if i != 4)
                  for line in text.splitlines())


def as_json(text):
    return [json.loads(line) for line in text.splitlines()]
