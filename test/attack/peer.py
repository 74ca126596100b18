#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host that speaks korora's protocol, for attacks.

It has an identity made by openssl and says whatever it is told to: valid
messages, malformed ones, or bytes. Enrolled on a host it is a malicious
peer; not enrolled, a stranger. As a module: Identity, Session, Offer. From
the command line:

    peer.py identity DIR NAME             make an identity, print how hosts
                                          enrol it
    peer.py connect DIR HOST:PORT [FRAME...]
                                          a session; say hello, send frames,
                                          print what comes back
    peer.py serve DIR ADDRESS:PORT        accept sessions, print what comes

FRAME is TYPE:HEX, a message's type and body. DIR is a folder of `identity`.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

ALPN = "korora/1"
HELLO, ALIVE, BYE = 1, 2, 3
OFFER, STEP, FAIL, ASK, CHECK, CHECKED = range(16, 22)
MEND, MENDED, LOG_SEEN, LOG_HEAD, LOG_COSIGN = range(23, 28)
EMPTY_LOG = hashlib.sha256(b"").digest()
VERSION = 3		# of the protocol, all that it speaks
POLICY = b"\xab" * 32	# digest of the policy that its log tells of
STATEMENTS = ["offer", "acceptance", "manifest", "prepared", "release",
              "owner", "receipt", "abort", "disown", "rest", "complete"]
DISKS_MAX = 8


# ---- certificates ---------------------------------------------------------

def openssl(*args, data=None):
    r = subprocess.run(["openssl", *args], input=data, capture_output=True)
    if r.returncode:
        raise RuntimeError("openssl %s: %s" % (
            " ".join(args), r.stderr.decode(errors="replace")))
    return r.stdout


CONFIG = """
[ca]
default_ca = c
[c]
dir = {d}
database = {d}/index.txt
new_certs_dir = {d}
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
x509_extensions = x
[any]
commonName = supplied
[x]
{exts}
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
"""
IDENTITY_EXTS = ("basicConstraints = critical,CA:TRUE,pathlen:0\n"
                 "keyUsage = critical,digitalSignature,keyCertSign\n"
                 "subjectKeyIdentifier = hash\n"
                 "subjectAltName = URI:korora:host:{name}\n")
LINK_EXTS = ("basicConstraints = critical,CA:FALSE\n"
             "keyUsage = critical,digitalSignature\n"
             "extendedKeyUsage = serverAuth,clientAuth\n"
             "subjectKeyIdentifier = hash\n"
             "authorityKeyIdentifier = keyid\n"
             "subjectAltName = URI:korora:host:{name}\n")
CA_EXTS = ("basicConstraints = critical,CA:TRUE\n"
           "keyUsage = critical,keyCertSign,cRLSign\n"
           "subjectKeyIdentifier = hash\n")


def when(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))


def new_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-out", path)


def certify(out, name, key=None, csr=None, ca=None, exts=IDENTITY_EXTS,
            start=-300, end=86400):
    """A certificate for key (or csr), signed by ca = (crt, key) or itself;
    start and end are seconds from now."""
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/index.txt", "w"):
            pass
        with open(d + "/cnf", "w") as f:
            f.write(CONFIG.format(d=d, name=name,
                                  exts=exts.format(name=name)))
        if not csr:
            csr = d + "/csr"
            openssl("req", "-new", "-key", key, "-config", d + "/cnf", "-out",
                    csr)
        signer = ["-cert", ca[0], "-keyfile", ca[1]] if ca else \
            ["-selfsign", "-keyfile", key]
        openssl("ca", "-batch", "-notext", "-config", d + "/cnf", "-in", csr,
                "-out", out, "-startdate", when(start), "-enddate", when(end),
                "-subj", "/CN=" + name, *signer)


def keyid(crt):
    """SHA-256 of a certificate's public key, as hosts are known by."""
    pem = openssl("x509", "-in", crt, "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER",
                                  data=pem)).digest()


class Identity:
    """A folder with identity.key and identity.crt, link.key and link.crt."""

    def __init__(self, folder, name=None):
        self.dir = folder
        self.crt, self.key = folder + "/identity.crt", folder + "/identity.key"
        self.link, self.link_key = folder + "/link.crt", folder + "/link.key"
        if name is None:
            with open(folder + "/name") as f:
                name = f.read().strip()
        self.name = name

    @classmethod
    def make(cls, folder, name, ca=None, **options):
        """options of certify() apply to the identity"""
        i = cls(folder, name)
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/name", "w") as f:
            f.write(name + "\n")
        if not os.path.exists(i.key):
            new_key(i.key)
        certify(i.crt, name, key=i.key, ca=ca, **options)
        i.make_link()
        return i

    def make_link(self, name=None, signer=None, **options):
        """The certificate TLS presents; signer = (crt, key)"""
        if not os.path.exists(self.link_key):
            new_key(self.link_key)
        certify(self.link, name or self.name, key=self.link_key,
                ca=signer or (self.crt, self.key), exts=LINK_EXTS, **options)
        return self

    @property
    def keyid(self):
        return keyid(self.crt)

    @property
    def fingerprint(self):
        return "SHA256:" + base64.b64encode(self.keyid).decode().rstrip("=")

    def sign(self, kind, statement):
        """DSSE signature of a statement's text."""
        t = b"application/vnd.in-toto+json"
        pae = b"DSSEv1 %d %s %d %s" % (len(t), t, len(statement), statement)
        return openssl("dgst", "-sha256", "-sign", self.key, data=pae)

    def vouch(self, host, size, root):
        """Signature of a checkpoint of host's log."""
        note = "korora/%s\n%d\n%s\n" % (host, size,
                                       base64.b64encode(root).decode())
        return openssl("dgst", "-sha256", "-sign", self.key,
                       data=note.encode())


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


# ---- messages -------------------------------------------------------------

def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack(">H", len(s)) + s


def hello_body(low=VERSION, high=VERSION, software="peer.py"):
    return struct.pack(">HH", low, high) + text(software)


def reason(body):
    kr, n = struct.unpack(">HH", body[16:20])
    return kr, body[20:20 + n].decode(errors="replace")


def word(migration=bytes(16), kr=0, what=""):
    """Body of FAIL, ASK and BYE."""
    return migration + struct.pack(">H", kr) + text(what)


def hashes(proof):
    return bytes([len(proof)]) + b"".join(proof)


def leaf(record):
    """Hash of an entry of a log (RFC 6962)"""
    return hashlib.sha256(b"\0" + record).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def policy_entry(host, version=1, index=0, digest=POLICY, name="standard"):
    """The entry of a log that tells of a policy in force."""
    return json.dumps({
        "detail": {"name": name, "sha256": digest.hex(), "version": version},
        "event": "policy-in-force", "host": host, "index": index,
        "prev": "00" * 32, "time_ms": 1700000000000, "v": 1,
    }, sort_keys=True, separators=(",", ":")).encode()


def log_head(identity, migration, size=1, root=None, seen=0, proof=(),
             signature=None, policy=None):
    """Body of LOG_HEAD; of the log that has the entry of its policy, unless
    told. policy: index, entry, proof that the log has it."""
    if policy is None:
        policy = 0, policy_entry(identity.name), ()
    if root is None:
        root = leaf(policy[1])
    if signature is None:
        signature = identity.vouch(identity.name, size, root)
    return migration + struct.pack(">QQ", seen, size) + root + \
        text(signature) + hashes(proof) + struct.pack(">Q", policy[0]) + \
        text(policy[1]) + hashes(policy[2])


def mend(migration, attempt, goes_on=0, position=0, urgent=0):
    """Body of MEND and MENDED."""
    return migration + struct.pack(">HBQQ", attempt, goes_on, position,
                                   urgent)


COVERS = ["", "all memory", "resumed stream"]
BASES = ["", "plan", "history", "size"]
PREDICTED = "total_ms", "downtime_ms", "wire_bytes"


def predicted(basis, *figures):
    """What terms have behind the others if it was predicted; basis: its
    number, be there such a one or not."""
    return struct.pack(">QQQBB", *figures, basis << 2, 0)


def late(lost=False, owed_pages=0, late_pages=0, complete_ms=0, recoveries=0,
         ram_root="00" * 32, stream_bytes=0, covers="", off=False):
    """What terms have behind the others if the VM ran early."""
    end = lost | COVERS.index(covers) << 1 | off << 3
    return struct.pack(">QQQBBBQQQI", 0, 0, 0, 0, 1, end, owed_pages,
                       late_pages, complete_ms, recoveries) + \
        bytes.fromhex(ram_root) + struct.pack(">Q", stream_bytes)


def preamble(migration, lane=0, version=1):
    """What a lane starts with, in the clear."""
    return b"KRLN" + bytes([version, lane, 0, 0]) + migration


def policy(name, version, digest):
    """As terms have it."""
    return text(name) + struct.pack(">I", version) + digest


def named(name, version, digest):
    """The same as a statement has it."""
    return {"policy": name, "policy_version": version,
            "policy_sha256": digest.hex()}


class Offer:
    """Terms of a migration from `identity` to a host, and their coding."""

    def __init__(self, identity, to_name, to_keyid, definition, binding,
                 epoch=1, from_name=None, migration=None):
        self.identity, self.definition = identity, definition
        self.migration = migration or os.urandom(16)
        self.vm = [x.split("=")[1].strip() for x in definition.splitlines()
                   if x.startswith("name")][0]
        self.digest = hashlib.sha256(definition.encode()).digest()
        self.from_name, self.from_keyid = from_name or identity.name, \
            identity.keyid
        self.to_name, self.to_keyid = to_name, to_keyid
        self.binding, self.epoch = binding, epoch
        self.nonce = os.urandom(32)
        self.policy = "standard", 1, POLICY	# as its log tells
        self.requested_ms = int(time.time() * 1000)
        self.requested_by = "root@" + self.from_name
        self.hyper, self.disks = 0x070200, [(0, 0)] * DISKS_MAX
        self.more = b""	# in its terms, and nothing of it in its statement

    def terms(self, nonce_to=bytes(32), more=b""):
        return b"".join((
            b"\x04" if more else b"\x03", self.migration, text(self.vm),
            self.digest,
            struct.pack(">Q", self.epoch), text(self.from_name),
            self.from_keyid, self.nonce, text(self.to_name), self.to_keyid,
            nonce_to, self.binding, text(self.requested_by),
            policy(*self.policy), policy("", 0, bytes(32)), b"\x00",
            text("precopy"), text("TLSv1.3"),
            text("TLS_AES_256_GCM_SHA384"), text(""), b"\x01", text("none"),
            b"\x00", bytes(64), struct.pack(">QQ", 0, 0),
            struct.pack(">QQQQ", self.requested_ms, 0, 0, 0),
            struct.pack(">QQIQ", 0, 0, 0, 0),
            (struct.pack(">Q", 0) + bytes(32)) * 2, more))

    def statement(self):
        return json.dumps({
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://korora.dev/statement/offer/v1",
            "subject": [{"name": self.vm,
                         "digest": {"sha256": self.digest.hex()}}],
            "predicate": {
                "binding": self.binding.hex(), "epoch": self.epoch,
                "migration": self.migration.hex(),
                "from": {"keyid": self.from_keyid.hex(),
                         "name": self.from_name, "nonce": self.nonce.hex(),
                         **named(*self.policy)},
                "to": {"keyid": self.to_keyid.hex(), "name": self.to_name},
                "requested_by": self.requested_by,
                "strategy": "precopy",
                "times": {"requested_ms": self.requested_ms}, "vm": self.vm},
        }, sort_keys=True, separators=(",", ":")).encode()

    def body(self, signature=None):
        if signature is None:
            signature = self.identity.sign("offer", self.statement())
        disks = b"".join(struct.pack(">QQ", *d) for d in self.disks)
        return self.terms(more=self.more) + text(signature) + \
            struct.pack(">IIB", self.hyper, 0, 0) + disks + text(self.definition)

    def step(self, kind, signature=b"x" * 70, more=b""):
        """more: of late()"""
        return bytes([STATEMENTS.index(kind)]) + self.terms(more=more) + \
            text(signature)


class Accepted:
    """Terms of an offer that came, and how a destination accepts them."""

    def __init__(self, identity, offer):
        self.identity, self.at, self.body = identity, 0, offer
        version = self.take(1)
        if version not in (b"\x03", b"\x04"):
            raise ValueError("terms of version %d" % version[0])
        self.p = p = {"migration": self.take(16).hex(), "vm": self.word()}
        self.digest = self.take(32).hex()
        p["epoch"], = struct.unpack(">Q", self.take(8))
        p["from"] = {"name": self.word(), "keyid": self.take(32).hex(),
                     "nonce": self.take(32).hex()}
        p["to"] = {"name": self.word(), "keyid": self.take(32).hex()}
        self.before = offer[:self.at]
        self.take(32)
        start = self.at
        p["binding"], p["requested_by"] = self.take(32).hex(), self.word()
        p["from"].update(named(*self.policy()))
        self.between = offer[start:self.at]
        self.policy()
        start = self.at
        self.take(1)
        p["strategy"] = self.word()
        for _ in "tls", "control suite", "lane suite":
            self.word()
        self.take(1)
        self.word()
        self.take(1 + 64 + 16)
        requested_ms, = struct.unpack(">Q", self.take(8))
        p["times"] = {"requested_ms": requested_ms}
        self.take(24 + 28 + 80)
        if version == b"\x04":
            self.take_predicted()
        self.after = offer[start:self.at]

    def take(self, n):
        self.at += n
        return self.body[self.at - n:self.at]

    def word(self):
        return self.take(struct.unpack(">H", self.take(2))[0]).decode()

    def take_predicted(self):
        *figures, flags, early = struct.unpack(">QQQBB", self.take(26))
        if flags & 3 or early or not figures[0]:
            raise ValueError("an offer that says more")
        self.p["predicted"] = dict(zip(PREDICTED, figures))
        if flags:
            self.p["predicted"]["basis"] = BASES[flags >> 2]

    def policy(self):
        return self.word(), struct.unpack(">I", self.take(4))[0], \
            self.take(32)

    def step(self, said, signed=None):
        """Body of STEP acceptance; said and signed: name, version and digest
        of the destination's policy."""
        nonce = os.urandom(32)
        to = dict(self.p["to"], nonce=nonce.hex(), **named(*signed or said))
        statement = json.dumps({
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://korora.dev/statement/acceptance/v1",
            "subject": [{"name": self.p["vm"],
                         "digest": {"sha256": self.digest}}],
            "predicate": dict(self.p, to=to),
        }, sort_keys=True, separators=(",", ":")).encode()
        return bytes([STATEMENTS.index("acceptance")]) + self.before + \
            nonce + self.between + policy(*said) + self.after + \
            text(self.identity.sign("acceptance", statement))


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
