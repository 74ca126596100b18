# SPDX-License-Identifier: Apache-2.0
"""Messages between hosts, to the byte: their numbers and bodies.

PROTOCOL.wire.md tells what they mean; statements.py makes what is signed.
"""
import struct

HELLO, ALIVE, BYE = 1, 2, 3
OFFER, STEP, FAIL, ASK, CHECK, CHECKED, CHECK_HOST = range(16, 23)
MEND, MENDED, LOG_SEEN, LOG_HEAD, LOG_COSIGN = range(23, 28)
TPM_ASK, TPM_KEYS, TPM_CREDENTIAL, TPM_OPENED = range(28, 32)
QUOTE_ASK, QUOTE_PART, QUOTE_MORE = range(32, 35)
VERSION = 4		# of the protocol, all that it speaks


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


def mend(migration, attempt, goes_on=0, position=0, urgent=0):
    """Body of MEND and MENDED."""
    return migration + struct.pack(">HBQQ", attempt, goes_on, position,
                                   urgent)


def preamble(migration, lane=0, version=1):
    """What a lane starts with, in the clear."""
    return b"KRLN" + bytes([version, lane, 0, 0]) + migration
