# SPDX-License-Identifier: Apache-2.0
"""A VM's open connections survive a move behind a firewall that lets nothing
pass but what is established; without their entries they do not, and nobody
else's packets come in with them."""
import hashlib
import os
import signal
import socket
import struct
import subprocess
import time

import firewall
from firewall import ZONE, Bulk, Stand, connected, echoes
from labrun import BUILD, check, equal, run

VM, CLIENT, FLOATING = "10.88.0.10", "10.99.0.1", "10.77.0.110"


def flows(s):
    """One of each kind, all of them in use: {name: (near, far)}."""
    six = socket.AF_INET6
    return {
        "in": connected(s, "c", "v", 5001, to=(VM, 5001)),
        "out": connected(s, "v", "c", 6001, to=(CLIENT, 6001)),
        "dnat": connected(s, "c", "v", 5001, to=(FLOATING, 5009)),
        "snat": connected(s, "v", "c", 6009, to=(CLIENT, 6009)),
        "in6": connected(s, "c", "v", 5001, six, to=("fd88::10", 5001)),
        "out6": connected(s, "v", "c", 6001, six, to=("fd99::1", 6001)),
    }


def udp(s):
    """The VM spoke first: from outside it could not be opened."""
    vm = s.socket("v", socket.AF_INET, socket.SOCK_DGRAM)
    out = s.socket("c", socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((CLIENT, 7001))
    vm.bind((VM, 7002))
    vm.connect((CLIENT, 7001))
    vm.send(b"opens")
    out.connect(out.recvfrom(16)[1])
    return out, vm


def move(s, context):
    """From a to b, with the VM's connections or without."""
    path = s.file("zone.ctx")
    s.unplug("a", "b")
    if context:
        r = s.korora("a", "export", path, "--zone", str(ZONE))
        equal((r.rc, r.json["left"]), (0, []), "export")
        r = s.korora("b", "import", path)
        equal((r.rc, r.json["left"]), (0, []), "import")
    s.plug("b")
    return path


def all_go_on(s):
    open_now, datagrams = flows(s), udp(s)
    bulk = {"into the VM": Bulk(*connected(s, "c", "v", 5001, to=(VM, 5001))),
            "out of it": Bulk(*connected(s, "v", "c", 6002, to=(CLIENT, 6002)))}
    try:
        for name, ends in open_now.items():
            check(echoes(*ends), name + " does not work at all")
        for name, b in bulk.items():
            check(b.advances(4 << 20, 20), "%s: %s" % (name, b.wrong))
        path = move(s, True)
        check(echoes(*datagrams), "udp died")
        for name, ends in open_now.items():
            check(echoes(*ends), name + " died")
        for name, b in bulk.items():
            check(b.advances(4 << 20, 30), "bulk %s stands still: %s" % (
                name, b.wrong))
        # and with windows judged again
        r = s.korora("b", "strict", path)
        equal((r.rc, r.json["strict"], r.json["liberal"], r.json["left"]),
              (0, len(open_now) + len(bulk), 0, []), "strict")
        for c in s.entries("b"):
            check("tcp" not in c or not c["tcp"]["flags"][0] & 8,
                  c["name"] + " is liberal still")
        for name, b in bulk.items():
            check(b.advances(4 << 20, 30), "bulk %s, judged, stands still: %s"
                  % (name, b.wrong))
    finally:
        for b in bulk.values():
            b.stop()


def strict_by_itself(s):
    """Liberal for as long as was said, and it is told that it is no more."""
    ends = [connected(s, "c", "v", 5001, to=(VM, 5001)) for _ in range(3)]
    path = s.file("zone.ctx")
    s.unplug("a", "b")
    equal(s.korora("a", "export", path, "--zone", str(ZONE)).rc, 0, "export")
    p = subprocess.Popen(
        ["ip", "netns", "exec", s.ns["b"], BUILD + "/client/korora", "context",
         "import", path, "--strict-after", "2", "--json"],
        stdout=subprocess.PIPE, text=True)
    s.closing.append(p.stdout)
    equal(firewall.as_json(p.stdout.readline())[0]["left"], [], "import")
    s.plug("b")
    for e in ends:
        check(echoes(*e), "it died")
    check(all(c["tcp"]["flags"][0] & c["tcp"]["flags"][1] & 8
              for c in s.entries("b")), "it was never liberal")
    s.at("b", "conntrack", "-D", "-w", "7", "-p", "tcp", "--sport",
         str(ends[2][0].getsockname()[1]))
    said, = firewall.as_json(p.stdout.readline())
    equal((p.wait(5), said["strict"], said["liberal"], said["ended"]),
          (0, 2, 0, 1), "what is told")
    check(not any((c["tcp"]["flags"][0] | c["tcp"]["flags"][1]) & 8
                  for c in s.entries("b")), "it is liberal still")
    for e in ends[:2]:
        check(echoes(*e), "it died when it was judged")


def none_goes_on_without(s):
    open_now, datagrams = flows(s), udp(s)
    for name, ends in open_now.items():
        check(echoes(*ends), name + " does not work at all")
    check(echoes(*datagrams), "udp does not work at all")
    move(s, False)
    for name, ends in open_now.items():
        check(not echoes(*ends, timeout=2), name + " lives without its entry")
    check(not echoes(*datagrams, timeout=2), "udp lives without its entry")
    check(echoes(*connected(s, "c", "v", 5001, to=(VM, 5001))),
          "a new connection does not work")


def tuples(connections):
    """What must be alike on both hosts."""
    keys = ("original", "reply", "mark", "labels", "status", "zone_of")
    return sorted(str([c.get(k) for k in keys]) for c in connections)


def what_is_moved_is_what_was(s):
    kept = flows(s)
    s.unplug("a", "b")
    one, two = s.file("one"), s.file("two")
    for path in one, two:
        equal(s.korora("a", "export", path, "--zone", "7").rc, 0, "export")
        time.sleep(1.1)
    a, b = (s.korora("a", "show", p).json for p in (one, two))
    equal(a["state"], b["state"], "digest of one state, exported twice")
    equal(s.korora("a", "diff", one, two).rc, 0, "diff of one state")
    equal(s.korora("b", "import", one).rc, 0, "import")
    equal(tuples(s.entries("b")), tuples(a["connections"]), "what came")
    for c in s.entries("b"):
        was, = [x for x in a["connections"] if x["name"] == c["name"]]
        equal(c["tcp"]["wscale"], was["tcp"]["wscale"], "window scaling")
        check(c["tcp"]["wscale"] != [0, 0], "windows were not scaled")
    check(any(c["mark"] == 0x42 and c.get("labels") for c in
              a["connections"]), "no entry had a mark and a label")
    equal(sum("answers" in c for c in a["connections"]), 2, "translated")
    # into another zone
    equal(s.korora("b", "import", one, "--zone", "9").rc, 0, "import")
    equal(tuples(s.entries("b", 9)), tuples(a["connections"]), "in zone 9")
    # a second time each is refused by name
    r = s.korora("b", "import", one)
    equal(r.rc, 1, "exit")
    equal({x["code"] for x in r.json["left"]}, {"KR-9103"}, "codes")
    equal(len(r.json["left"]), len(a["connections"]), "refused")
    check(kept, "they were open until now")


KINDS = (
    "-w 7 -p udp -s 10.88.0.10 -d 192.0.2.1 --sport 1 --dport 2 -t 100",
    "-w 7 -p tcp -s 10.88.0.10 -d 192.0.2.1 --sport 1 --dport 21 -t 100 "
    "--state ESTABLISHED --status ASSURED,SEEN_REPLY",
    "-w 7 -p sctp -s 10.88.0.10 -d 192.0.2.1 --sport 1 --dport 2 -t 100 "
    "--state ESTABLISHED --orig-vtag 17 --reply-vtag 18",
    "-w 7 -p gre -s 10.88.0.10 -d 192.0.2.1 --srckey 1 --dstkey 2 -t 100",
    "-w 7 -p 89 -s 10.88.0.10 -d 192.0.2.1 -t 100",
    "-w 7 -p icmp -s 10.88.0.10 -d 192.0.2.1 --icmp-type 8 --icmp-code 0 "
    "--icmp-id 77 -t 100",
    "-w 7 -p icmpv6 -s fd88::10 -d fd99::1 --icmpv6-type 128 "
    "--icmpv6-code 0 --icmpv6-id 78 -t 100",
    "-w 7 -p icmp -s 10.88.0.10 -d 192.0.2.1 --icmp-type 8 --icmp-code 0 "
    "--icmp-id 79 -t 100 --src-nat 10.77.0.110",
    "-w 7 -p udp -s 10.88.0.10 -d 192.0.2.1 --sport 3 --dport 4 -t 100 "
    "--src-nat 10.77.0.110:5 --dst-nat 192.0.2.7:6",
    "--orig-zone 7 -p udp -s 10.88.0.10 -d 192.0.2.1 --sport 7 --dport 8 "
    "-t 100",
    "--reply-zone 7 -p udp -s 10.88.0.10 -d 192.0.2.1 --sport 9 --dport 10 "
    "-t 100",
)


def each_kind_arrives(s):
    """As another program made it, and as another program sees it."""
    for kind in KINDS:
        s.at("a", "conntrack", "-I", *kind.split())
    path = s.file("kinds")
    r = s.korora("a", "export", path, "--zone", "7")
    equal((r.rc, r.json["connections"]), (0, len(KINDS)), "export")
    r = s.korora("b", "import", path)
    equal((r.rc, r.json["left"]), (0, []), "import")
    equal(tuples(s.entries("b")), tuples(s.entries("a")), "connections")
    for family in "ipv4", "ipv6":
        a, b = (sorted(" ".join(w for w in line.split() if w != "[ASSURED]" and
                                not w.isdigit()) for line in s.at(
                    h, "conntrack", "-L", "-f", family).splitlines()
                if "192.0.2" in line or "fd88" in line) for h in "ab")
        check(a, "no entries of " + family)
        equal(a, b, "what conntrack sees")


def others_stay(s):
    """Of other zones nothing is told, changed or ended."""
    for h in "ab":
        for zone in ("0", "8"):
            s.at(h, "conntrack", "-I", "-w", zone, "-p", "tcp", "-s",
                 "192.0.2.1", "-d", "192.0.2.2", "--sport", "1", "--dport",
                 zone + "1", "--state", "ESTABLISHED", "-t", "1000")
    before = {(h, z): firewall.conntrack(s, h, z) for h in "ab"
              for z in (0, 8)}
    check(all(before.values()), "no entries of others")
    kept = flows(s)
    path = move(s, True)
    names = [c["name"] for c in s.korora("a", "show", path).json[
        "connections"]]
    check(names and not any("192.0.2" in n for n in names), names)
    equal(s.korora("a", "drop", path).rc, 0, "drop of what was exported")
    equal(s.entries("a"), [], "left on a")
    equal(s.korora("b", "strict", path).rc, 0, "strict")
    equal(s.korora("b", "drop", "--zone", "7").rc, 0, "drop of the zone")
    equal(s.entries("b"), [], "left on b")
    for (h, z), was in before.items():
        equal(firewall.conntrack(s, h, z), was, "zone %d on %s" % (z, h))
    check(kept, "they were open until now")


SEQ = 0x6b6f726f    # by which ours are known


def segment(sport, dport, flags):
    """A TCP segment over IPv4, from the client to the VM."""
    src, dst = socket.inet_aton(CLIENT), socket.inet_aton(VM)
    tcp = struct.pack(">HHIIBBHHH", sport, dport, SEQ, 2000, 5 << 4, flags,
                      512, 0, 0)
    pseudo = src + dst + struct.pack(">BBH", 0, 6, len(tcp))
    total = sum(struct.unpack(">16H", pseudo + tcp))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    tcp = tcp[:16] + struct.pack(">H", ~total & 0xffff) + tcp[18:]
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, src,
                       dst) + tcp


def strangers_stay_out(s):
    """A segment in the midst of no connection does not come in, before or
    after; one that begins a connection does."""
    near, far = connected(s, "c", "v", 5001, to=(VM, 5001))
    path = move(s, True)
    raw = s.socket("c", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    seen = s.socket("v", socket.AF_PACKET, socket.SOCK_DGRAM,
                    socket.htons(0x800))
    seen.settimeout(1)

    def arrives(sport, dport, flags):
        raw.sendto(segment(sport, dport, flags), (VM, 0))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                p = seen.recv(2048)
            except socket.timeout:
                return False
            if p[9] == 6 and p[20:28] == struct.pack(">HHI", sport, dport,
                                                     SEQ):
                return True
        return False

    port = near.getsockname()[1]
    for flags in (0x10, 0x18, 0x11, 0x12):
        check(not arrives(4444, 5001, flags), "flags %#x came in" % flags)
        check(not arrives(port, 5002, flags), "flags %#x came in" % flags)
    check(arrives(4445, 5001, 0x02), "a connection cannot be begun")
    check(echoes(near, far), "the connection died")
    equal(s.korora("b", "drop", path).rc, 0, "drop")
    check(not arrives(port, 5001, 0x18), "it came in without its entry")


def indicators_are_flagged(s):
    """By all that read connections, and no others are."""
    kept = flows(s)
    path, words, bad = s.file("zone.ctx"), s.file("list"), s.file("bad")
    with open(words, "w") as f:
        f.write("# seen in the wild\n192.0.2.7\n%s ; floating\nfd99::/64\n" %
                FLOATING)
    want = sorted(c["name"] for c in s.entries("a") if "answers" in c or
                  "fd99::" in c["name"])
    equal(len(want), 4, "connections that are to be flagged")
    s.unplug("a", "b")
    for h, *args in (("a", "export", path, "--zone", "7"),
                     ("b", "import", path), ("b", "show", "--zone", "7")):
        r = s.korora(h, *args, "--flag", words)
        equal((r.rc, sorted(x["name"] for x in r.json["flagged"])), (0, want),
              args[0])
        for x in r.json["flagged"]:
            equal((x["address"], x["line"]), (FLOATING, 3) if "fd" not in
                  x["name"] else ("fd99::1", 4), x["name"])
    equal(s.korora("b", "show", "--zone", "7").json.get("flagged"), None,
          "without a list")
    with open(bad, "w") as f:
        f.write("192.0.2.7\nexample.org\n")
    r = s.korora("a", "show", path, "--flag", bad)
    equal((r.rc, r.json["error"]["code"]), (1, "KR-9107"), "no list")
    check(kept, "they were open until now")


def altered_files_are_refused(s):
    kept = flows(s)
    path, bad = s.file("good"), s.file("bad")
    equal(s.korora("a", "export", path, "--zone", "7").rc, 0, "export")
    equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
    with open(path, "rb") as f:
        good = f.read()
    for at in (0, 5, 11, 30, len(good) // 2, len(good) - 1):
        for data in (good[:at], good[:at] + bytes([good[at] ^ 1]) +
                     good[at + 1:], good + b"\0"):
            with open(bad, "wb") as f:
                f.write(data)
            r = s.korora("b", "import", bad)
            equal((r.rc, r.json["error"]["code"]), (1, "KR-9105"), "refusal")
    equal(s.entries("b"), [], "connections told of by altered files")
    check(kept, "they were open until now")


def followed(s):
    """What is there, then what begins, changes and ends; no one else's."""
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    p = subprocess.Popen(
        ["ip", "netns", "exec", s.ns["a"], BUILD + "/client/korora",
         "context", "follow", "--zone", "7", "--json"], text=True,
        stdout=subprocess.PIPE)
    s.closing.append(p.stdout)
    try:
        events = []
        while not events or events[-1]["event"] != "all":
            events += firewall.as_json(p.stdout.readline())
        equal([e["event"] for e in events], ["anew", "there", "all"], "dump")
        s.at("a", "conntrack", "-I", "-w", "8", "-p", "udp", "-s", "192.0.2.1",
             "-d", "192.0.2.2", "--sport", "1", "--dport", "2", "-t", "100")
        near, _ = connected(s, "v", "c", 6001, to=(CLIENT, 6001))
        s.at("a", "conntrack", "-D", "-w", "7", "-p", "tcp", "--dport",
             "6001")
        events = []
        while not events or events[-1]["event"] != "end":
            events += firewall.as_json(p.stdout.readline())
        equal(events[0]["event"], "new", "first")
        check("update" in [e["event"] for e in events], "no update")
        equal({e["connection"]["original"]["dport"] for e in events}, {6001},
              "whose events")
        check(near and kept, "they were open until now")
    finally:
        p.terminate()
        p.wait(5)
    s.at("a", "sysctl", "-qw", "net.netfilter.nf_conntrack_events=0")
    r = s.korora("a", "follow", "--zone", "7")
    equal((r.rc, r.json["error"]["code"]), (1, "KR-9106"), "without events")


def what_came_otherwise_is_told(s):
    """Labels that no rule knows; a translated port that was taken, in place
    of which no other is."""
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    s.at("a", "conntrack", "-I", "-w", "7", "-p", "udp", "-s", VM, "-d",
         "192.0.2.1", "--sport", "1", "--dport", "2", "-t", "100",
         "--src-nat", FLOATING + ":5")
    path = s.file("zone.ctx")
    equal(s.korora("a", "export", path, "--zone", "7").rc, 0, "export")
    s.at("b", "nft", "flush", "ruleset")
    s.at("b", "conntrack", "-I", "-w", "7", "-p", "udp", "-s", "10.77.0.110",
         "-d", "192.0.2.1", "--sport", "5", "--dport", "2", "-t", "100")
    r = s.korora("b", "import", path)
    equal((r.rc, sorted(x["code"] for x in r.json["left"])), 
          (1, ["KR-9103", "KR-9104"]), "what is told")
    text = str(r.json["left"])
    check("labels" in text and "translated" in text, text)
    equal([c["name"] for c in s.entries("b") if "answers" in c], [],
          "translated otherwise")
    check(kept, "it was open until now")


def zone_of_many(n, mark=0):
    """A file of n connections, written by other means than it is read."""
    def addr(i):
        return struct.pack(">BBH", 10, 1 + (i >> 16), i & 0xffff)

    far = bytes([192, 0, 2, 1])
    entries = [b"\4\3" + struct.pack(">B4s4sHH", 17, addr(i), far, 1, 2) +
               struct.pack(">B4s4sHH", 17, far, addr(i), 2, 1) +
               struct.pack(">IIIB", 6, 600, mark, 0) for i in range(n)]
    body = b"KRCT" + struct.pack(">HHII", 2, 7, n, 0) + b"".join(
        struct.pack(">H", len(e)) + e for e in entries)
    return body + hashlib.sha256(body).digest()


def many(path, n):
    with open(path, "wb") as f:
        f.write(zone_of_many(n))


def lost_events_are_no_loss(s):
    """Who follows too slowly is told all of it anew."""
    n = 60000
    path, out = s.file("many"), s.file("followed")
    many(path, n)
    with open(out, "w") as f:
        p = subprocess.Popen(
            ["ip", "netns", "exec", s.ns["a"], BUILD + "/client/korora",
             "context", "follow", "--zone", "7"], stdout=f)

    def said():
        with open(out) as f:
            return [line.split()[0] for line in f]

    def until(good):
        end = time.monotonic() + 60
        while not good():
            check(time.monotonic() < end, "it does not come")
            time.sleep(0.1)

    try:
        until(lambda: "all" in said())
        p.send_signal(signal.SIGSTOP)
        r = s.korora("a", "import", path)
        equal((r.rc, r.json["connections"]), (0, n), "import of many")
        p.send_signal(signal.SIGCONT)
        until(lambda: said().count("all") > 1)
        words = said()
        begin = len(words) - words[::-1].index("anew")
        equal(words[begin:].count("there"), n, "told anew")
    finally:
        p.kill()
        p.wait(5)


def without_the_right_nothing(s):
    """It takes CAP_NET_ADMIN, and says so."""
    r = subprocess.run(
        ["ip", "netns", "exec", s.ns["a"], "setpriv", "--reuid", "65534",
         "--clear-groups", "--bounding-set", "-all", BUILD + "/client/korora",
         "context", "show", "--zone", "7"], capture_output=True, text=True)
    equal(r.returncode, 1, "exit")
    check("KR-9101" in r.stderr, r.stderr)


if __name__ == "__main__":
    run([({}, [case]) for case in (
        all_go_on, strict_by_itself, none_goes_on_without, what_is_moved_is_what_was,
        each_kind_arrives,
        indicators_are_flagged, others_stay, strangers_stay_out, altered_files_are_refused, followed,
        what_came_otherwise_is_told, lost_events_are_no_loss,
        without_the_right_nothing)], Stand)
