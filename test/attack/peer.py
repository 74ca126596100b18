#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host that speaks korora's protocol, for attacks.

It has an identity made by openssl and says whatever it is told to: valid
messages, malformed ones, or bytes. Enrolled on a host it is a malicious
peer; not enrolled, a stranger. What it says is made by frames.py and
statements.py, who it is by certs.py. As a module: Session. From the command
line:

    peer.py identity DIR NAME             make an identity, print how hosts
                                          enrol it
    peer.py connect DIR HOST:PORT [FRAME...]
                                          a session; say hello, send frames,
                                          print what comes back
    peer.py serve DIR ADDRESS:PORT        accept sessions, print what comes

FRAME is TYPE:HEX, a message's type and body. DIR is a folder of `identity`.
"""
import argparse
import hashlib
import hmac
import socket
import ssl
import struct
import sys
import tempfile

from certs import Identity, openssl
from frames import (ALIVE, BYE, FAIL, HELLO, LOG_COSIGN, LOG_HEAD, LOG_SEEN,
                    OFFER, VERSION, hello_body, reason, text)
from statements import log_head

ALPN = "korora/1"


# ---- TLS ------------------------------------------------------------------

def tls_context(server, identity, version=ssl.TLSVersion.TLSv1_3, alpn=ALPN,
                keylog=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else
                       ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.minimum_version = c.maximum_version = version
    if alpn:
        c.set_alpn_protocols([alpn])
    if identity:
        chain = identity.dir + "/chain.pem"
        with open(chain, "w") as f:
            for path in (identity.link, identity.crt):
                with open(path) as one:
                    f.write(one.read())
        c.load_cert_chain(chain, identity.link_key)
    if keylog:
        c.keylog_filename = keylog
    return c


def expand_label(digest, secret, label, context, n):
    label = b"tls13 " + label
    info = struct.pack(">HB", n, len(label)) + label + \
        bytes([len(context)]) + context
    out, block, i = b"", b"", 1
    while len(out) < n:
        block = hmac.new(secret, block + info + bytes([i]), digest).digest()
        out += block
        i += 1
    return out[:n]


class Closed(Exception):
    """The other side ended the session, .code and .what are its reason."""

    def __init__(self, code=0, what=""):
        super().__init__("KR-%04d %s" % (code, what) if code else
                         "closed: " + what)
        self.code, self.what = code, what


class Session:
    """A control session over a connected socket.

    Before an offer it shows its log, which has the entry of its policy and no
    other, and it vouches for the other's log as it is told to. Without `log` it
    does neither.
    """

    def __init__(self, sock, identity, server=False, hello=True, log=True,
                 speaks=(VERSION, VERSION), other=None, **options):
        self.other = other	# its name; a client's is not asked for
        self.identity, self.log, self.waiting = identity, log, []
        self.keylog = tempfile.NamedTemporaryFile()
        context = tls_context(server, identity, keylog=self.keylog.name,
                              **options)
        self.tls = context.wrap_socket(sock, server_side=server)
        self.seq_in = self.seq_out = 0
        self.buffer = b""
        if hello:
            self.send(HELLO, hello_body(*speaks))
            kind, _ = self.receive()
            if kind != HELLO:
                raise Closed(0, "type %d before hello" % kind)

    def send(self, kind, body=b"", seq=None):
        if kind == OFFER and self.log and seq is None:
            self.show_log(body[1:17])
        if seq is None:
            seq = self.seq_out
            self.seq_out += 1
        self.raw(struct.pack(">IHQ", len(body) + 10, kind, seq) + body)

    def raw(self, data):
        self.tls.sendall(data)

    def show_log(self, migration):
        """Have the other vouch for this log: its LOG_COSIGN, or an answer
        that receive() gives."""
        self.send(LOG_SEEN, migration + struct.pack(">QB", 0, 1))
        while True:
            kind, body = self.next()
            if kind == LOG_COSIGN:
                return
            if not self.about_logs(kind, body):
                self.waiting.append((kind, body))
                if kind == FAIL:
                    return

    def about_logs(self, kind, body):
        """Answers what is asked about logs; False if it is something else."""
        if kind == LOG_SEEN:
            seen, = struct.unpack(">Q", body[16:24])
            self.send(LOG_HEAD, log_head(self.identity, body[:16],
                                         seen=seen))
            if body[24]:
                self.send(LOG_SEEN, body[:16] + struct.pack(">QB", 0, 0))
        elif kind == LOG_HEAD:
            size, = struct.unpack(">Q", body[24:32])
            self.send(LOG_COSIGN, body[:16] + body[24:32] + text(
                self.identity.vouch(self.peer_name(), size, body[32:64])))
        return kind in (LOG_SEEN, LOG_HEAD, LOG_COSIGN)

    def peer_name(self):
        """As its link certificate says, unless told."""
        if self.other:
            return self.other
        der = self.tls.getpeercert(binary_form=True)
        subject = openssl("x509", "-inform", "DER", "-noout", "-subject",
                          "-nameopt", "multiline", data=der).decode()
        return subject.rsplit("=", 1)[1].strip()

    def receive(self):
        """Next (type, body) that is not a heartbeat and, if it has a log, not
        about logs; raises Closed."""
        if self.waiting:
            return self.waiting.pop(0)
        while True:
            kind, body = self.next()
            if not self.log or not self.about_logs(kind, body):
                return kind, body

    def next(self):
        """Next (type, body) that is not a heartbeat; raises Closed."""
        while True:
            while len(self.buffer) < 4 or len(self.buffer) < 4 + \
                    struct.unpack(">I", self.buffer[:4])[0]:
                try:
                    more = self.tls.recv(65536)
                except (ConnectionError, ssl.SSLError) as e:
                    raise Closed(0, str(e))
                if not more:
                    raise Closed(0, "end of the connection")
                self.buffer += more
            n, kind, seq = struct.unpack(">IHQ", self.buffer[:14])
            body, self.buffer = self.buffer[14:4 + n], self.buffer[4 + n:]
            if seq != self.seq_in:
                raise Closed(0, "sequence %d" % seq)
            self.seq_in += 1
            if kind == ALIVE:
                continue
            if kind == BYE:
                raise Closed(*reason(body))
            return kind, body

    def end(self):
        """Read on until the other side ends the session; its Closed."""
        try:
            while True:
                self.receive()
        except Closed as e:
            return e

    def close(self):
        self.tls.close()

    def export(self, label, context=b""):
        """32 bytes of exported keying material (RFC 8446, 7.5)"""
        secret = None
        with open(self.keylog.name) as f:
            for line in f:
                if line.startswith("EXPORTER_SECRET "):
                    secret = bytes.fromhex(line.split()[2])
        digest = {32: "sha256", 48: "sha384"}[len(secret)]
        empty = hashlib.new(digest, b"").digest()
        derived = expand_label(digest, secret, label, empty, len(secret))
        return expand_label(digest, derived, b"exporter",
                            hashlib.new(digest, context).digest(), 32)

    @property
    def binding(self):
        return self.export(b"EXPORTER-Channel-Binding")


# ---- the command line -----------------------------------------------------

def address(s):
    host, port = s.rsplit(":", 1)
    return host, int(port)


def talk(session, frames):
    for f in frames:
        kind, _, body = f.partition(":")
        session.send(int(kind), bytes.fromhex(body))
    try:
        while True:
            kind, body = session.receive()
            print("type %d, %d bytes: %s" % (kind, len(body), body.hex()),
                  flush=True)
    except Closed as e:
        print(e, flush=True)


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("what", choices=["identity", "connect", "serve"])
    p.add_argument("dir")
    p.add_argument("arg", help="NAME, HOST:PORT or ADDRESS:PORT")
    p.add_argument("frame", nargs="*")
    a = p.parse_args()
    if a.what == "identity":
        print(Identity.make(a.dir, a.arg).fingerprint)
        return
    me = Identity(a.dir)
    try:
        if a.what == "connect":
            s = socket.create_connection(address(a.arg), 10)
            s.settimeout(60)
            talk(Session(s, me), a.frame)
            return
        listener = socket.create_server(address(a.arg))
        while True:
            s, who = listener.accept()
            print("connection from %s:%d" % who, flush=True)
            try:
                talk(Session(s, me, server=True), a.frame)
            except (OSError, Closed) as e:
                print(e, flush=True)
    except (OSError, Closed) as e:
        sys.exit("peer.py: %s" % e)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
