# SPDX-License-Identifier: Apache-2.0
"""An emulated TPM, asked by who holds its socket: quotes as its key signs them,
over whatever is wanted."""
import hashlib
import socket
import struct

from frames import text

ENDORSEMENT = 0x4000000b
# no session: the empty password
PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 1, 0)
# attest/tpm.c: ECC P-256, restricted, signs
KEY = struct.pack(">HHIHHHHHHHH", 0x23, 0x0b, 0x50472, 0, 0x10, 0x18, 0x0b, 3,
                  0x10, 0, 0)
SHA1, SHA256 = 0x04, 0x0b


def binding(attester, verifier, nonce, exporter, role, vm, policy):
    """Digest of what a quote is for."""
    return hashlib.sha256(text("korora attestation binding v1") + b"".join(
        text(label) + text(value) for label, value in (
            ("attester", attester), ("verifier", verifier), ("nonce", nonce),
            ("exporter", exporter), ("role", bytes([role])), ("vm", vm),
            ("policy", policy)))).digest()


def command(s, tag, code, body):
    s.sendall(struct.pack(">HII", tag, 10 + len(body), code) + body)
    said = b""
    while len(said) < 10 or len(said) < struct.unpack(">I", said[2:6])[0]:
        more = s.recv(4096)
        if not more:
            raise OSError("the TPM hung up")
        said += more
    if said[6:10] != bytes(4):
        raise OSError("the TPM says %s" % said[6:10].hex())
    return said[10:]


def block(data):
    return struct.pack(">H", len(data)) + data


def quote(path, extra, bank=SHA256, mask=0xffffff):
    """TPM2B_ATTEST and TPMT_SIGNATURE."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        key = command(s, 0x8002, 0x131, struct.pack(">I", ENDORSEMENT) +
                      PASSWORD + block(bytes(4)) + block(KEY) +
                      struct.pack(">HI", 0, 0))[:4]
        said = command(s, 0x8002, 0x158, key + PASSWORD + block(extra) +
                       struct.pack(">HIHB", 0x10, 1, bank, 3) +
                       struct.pack("<I", mask)[:3])
        command(s, 0x8001, 0x165, key)
    n, m = struct.unpack(">IH", said[:6])
    return said[4:6 + m], said[6 + m:4 + n]
