# SPDX-License-Identifier: Apache-2.0
"""What a host signs, true or not: heads of a log, offers and acceptances.

PROTOCOL.evidence.md has statements and terms. Each is coded as its maker is
told to, so that it lies as the test wants.
"""
import hashlib
import json
import os
import struct
import time

from frames import hashes, text

EMPTY_LOG = hashlib.sha256(b"").digest()
POLICY = b"\xab" * 32	# digest of the policy that its log tells of
STATEMENTS = ["offer", "acceptance", "manifest", "prepared", "release",
              "owner", "receipt", "abort", "disown", "rest", "complete"]
DISKS_MAX = 8


# ---- of a log -------------------------------------------------------------

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


# ---- of a migration -------------------------------------------------------

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
