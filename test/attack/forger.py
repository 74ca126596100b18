# SPDX-License-Identifier: Apache-2.0
"""Who has a host's disk, and its key if need be, alters its evidence log.

Each function takes a host's root, whose kororad does not run. edit() changes
an entry and nothing else, file_under() what it is found by. fork() does it as
the host itself could: every record, root, node and checkpoint from there on is
made anew and signed.
"""
import base64
import hashlib
import json
import sqlite3
import subprocess
import tempfile

import certs
import statements

FILE = "/var/lib/korora/korora.db"


def note(root, host, size, tree):
    """A checkpoint as the host at root would sign it."""
    text = "korora/%s\n%d\n%s\n" % (host, size,
                                   base64.b64encode(tree).decode())
    key, crt = ("%s/etc/korora/identity.%s" % (root, x) for x in ("key",
                                                                  "crt"))
    sig = certs.openssl("dgst", "-sha256", "-sign", key, data=text.encode())
    line = base64.b64encode(certs.keyid(crt)[:4] + sig).decode()
    return "%s\n\u2014 korora/%s %s\n" % (text, host, line)


def signed(text, host, crt):
    """Is it host's checkpoint, signed by the key in crt?"""
    body, _, lines = text.partition("\n\n")
    head = "\u2014 korora/%s " % host
    sig = [base64.b64decode(line[len(head):])[4:]
           for line in lines.splitlines() if line.startswith(head)]
    if not sig or body.split("\n")[0] != "korora/" + host:
        return False
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/pub", "wb") as f:
            f.write(certs.openssl("x509", "-in", crt, "-noout", "-pubkey"))
        with open(d + "/sig", "wb") as f:
            f.write(sig[0])
        r = subprocess.run(["openssl", "dgst", "-sha256", "-verify",
                            d + "/pub", "-signature", d + "/sig"],
                           input=(body + "\n").encode(), capture_output=True)
    return r.returncode == 0


def edit(root, index, what, by):
    with sqlite3.connect(root + FILE) as db:
        leaf, = db.execute("SELECT leaf FROM log WHERE idx = ?",
                           (index,)).fetchone()
        assert what in leaf
        db.execute("UPDATE log SET leaf = ? WHERE idx = ?",
                   (leaf.replace(what, by), index))
    db.close()


def file_under(root, index, migration):
    """It is found as another migration's entry, or, by "", as none's."""
    with sqlite3.connect(root + FILE) as db:
        db.execute("UPDATE log SET migration = ? WHERE idx = ?", (migration,
                                                                index))
    db.close()


def tree_of(leaves):
    """RFC 6962's MTH()"""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return statements.node(tree_of(leaves[:k]), tree_of(leaves[k:]))


def fork(root, index, change):
    """change() alters the record of that entry; negative from the end."""
    with sqlite3.connect(root + FILE) as db:
        records = [r for r, in db.execute("SELECT leaf FROM log ORDER BY idx")]
        first = index % len(records)
        leaves = [statements.leaf(r) for r in records]
        for i in range(first, len(records)):
            entry = json.loads(records[i])
            if i == first:
                change(entry)
            entry["prev"] = leaves[i - 1].hex() if i else "0" * 64
            record = json.dumps(entry, sort_keys=True, ensure_ascii=False,
                                separators=(",", ":")).encode()
            assert i > first or record != records[i]
            leaves[i] = statements.leaf(record)
            tree = tree_of(leaves[:i + 1])
            text = note(root, entry["host"], i + 1, tree)
            db.execute("UPDATE log SET leaf = ? WHERE idx = ?", (record, i))
            db.execute("UPDATE checkpoint SET root = ?, note = ?"
                       " WHERE size = ?", (tree, text, i + 1))
        for level, at in db.execute("SELECT level, idx FROM node").fetchall():
            db.execute("UPDATE node SET hash = ? WHERE level = ? AND idx = ?",
                       (tree_of(leaves[at << level:at + 1 << level]), level,
                        at))
    db.close()
    with open(root + FILE + ".checkpoint", "w", encoding="utf-8") as f:
        f.write(text)
