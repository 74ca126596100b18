# SPDX-License-Identifier: Apache-2.0
"""attest_peers = on: no migration before each host has said what it booted.

evil is a source with a host's key and without its TPM (test_peerquote.py).
"""
import sqlite3
import time

from labrun import check, equal, run
import certs
import frames
from hostile import diskless, evil, offer
from peer import Session
from test_attest import enrol, given, values
from test_peerquote import claimed, parts, word_of


def move(lab, host="a", to="b"):
    start = time.monotonic()
    r = lab.migrate(host, to, "--strategy", "offline")
    return r, 1000 * (time.monotonic() - start)


def attested(lab, host):
    return [e["detail"] for e in lab.evidence(host, 500)
            if e["event"] == "peer-attested"]


def moves(lab, host, to):
    r, ms = move(lab, host, to)
    equal((r.rc, r.json.get("status")), (0, "completed"), repr(r))
    return ms


def both_are_asked_in_each_migration(lab):
    before = [moves(lab, "a", "b"), moves(lab, "b", "a")]
    for h in "ab":
        equal(attested(lab, h), [], "unasked")
        enrol(lab, h, "games")
        equal(lab.korora(h, "user", "grant", "games", "admin").rc, 0, "grant")
        equal(given(lab, h, values()).rc, 0, "reference add")
    equal(lab.korora("a", "attest", "enrol", "b").rc, 0, "enrol")
    equal(lab.korora("b", "attest", "enrol", "a").rc, 0, "enrol")
    lab.configure({"host": {"attest_peers": "on"}})
    after = [moves(lab, "a", "b"), moves(lab, "b", "a")]
    print("    without: %s ms, with: %s ms" % tuple(
        "%.0f and %.0f" % tuple(x) for x in (before, after)))
    for h in "ab":
        said = attested(lab, h)
        equal([(d["peer"], d["vm"], d["affirmed"], d["reference"])
               for d in said], 2 * [("b" if h == "a" else "a", lab.vm, True,
                                     "hosts")], "log of " + h)
    lab.runs("a")


def refused(lab, code, told):
    r, _ = move(lab)
    lab.refused(r, code, status="refused")
    check(told in r.json["error"]["message"], repr(r))


def who_booted_something_else_gets_no_vm(lab):
    """The destination, and at the destination the source."""
    for host, told in (("a", "b: "), ("b", "b says: ")):
        wrong = values()
        wrong["pcrs"]["4"] = ["11" * 32]
        equal(given(lab, host, wrong).rc, 0, "reference add")
        refused(lab, "KR-2117", told)
        check(attested(lab, host)[-1]["code"] == 2117, "the log of " + host)
        equal(given(lab, host, values()).rc, 0, "reference add")
    check(not lab.qemus("b"), "b started a hypervisor")
    moves(lab, "a", "b")
    moves(lab, "b", "a")


def whose_key_nobody_has_gets_none(lab):
    for host, peer, told in (("a", "b", "b"), ("b", "a", "b says: ")):
        equal(lab.korora(host, "attest", "forget", peer).rc, 0, "forget")
        refused(lab, "KR-2139", told)
        equal(lab.korora(host, "attest", "enrol", peer).rc, 0, "enrol")
    moves(lab, "a", "b")
    moves(lab, "b", "a")


def who_has_no_tpm_any_more_gets_none(lab):
    path = "%s/b/etc/korora/korora.conf" % lab.dir
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.writelines(line for line in text.splitlines(True)
                     if not line.startswith("tpm ="))
    lab.restart("b")
    refused(lab, "KR-2101", "b says: ")
    with open(path, "w") as f:
        f.write(text)
    lab.restart("b")


# ---- attacks ---------------------------------------------------------------

def a_source_without_a_key_is_not_heard(lab):
    s = Session(lab.connect("mallory", "b"), evil(lab))
    s.send(frames.OFFER, offer(lab, s, definition=diskless(lab)).body())
    kind, body = s.receive()
    equal((kind, frames.reason(body)[0]), (frames.FAIL, 2139), "answer")
    s.close()


def evil_has_as_key(lab):
    evil(lab)
    lab.lab("daemon", "b", "stop")
    with sqlite3.connect(lab.dir + "/b/var/lib/korora/korora.db") as db:
        db.execute("UPDATE ak SET host = 'evil' WHERE host = 'a'")
    lab.lab("daemon", "b", "start")


def offered(lab):
    """An offer of evil's, and b's challenge to it."""
    s = Session(lab.connect("mallory", "b"), evil(lab))
    o = offer(lab, s, definition=diskless(lab))
    s.send(frames.OFFER, o.body())
    kind, ask = s.receive()
    equal(kind, frames.QUOTE_ASK, "answer to the offer")
    equal((ask[80], ask[87:]), (0, frames.text("trojan")), "role and VM")
    return s, o, ask


def sources_lies_are_refused(lab):
    """a's own word, for this very challenge, claimed to be evil's."""
    for part, code in (("all", 2106), ("nonce", 2107), ("exporter", 2108),
                       ("role", 2109), ("vm", 2110), ("policy", 2111),
                       (None, 2112)):
        s, o, ask = offered(lab)
        said = word_of(lab, "a", ask=ask)
        claims = dict(
            attester=certs.keyid(evil(lab).crt),
            verifier=certs.keyid("%s/b/etc/korora/identity.crt" % lab.dir),
            nonce=ask[16:48], policy=ask[48:80], exporter=s.binding)
        if part == "role":
            claims["role"] = 1
        elif part == "vm":
            claims["vm"] = lab.vm
        elif part in claims:
            claims[part] = bytes(32)
        for m in parts(ask[:16], said if part == "all" else
                       claimed(said, **claims)):
            s.send(*m)
        kind, body = s.receive()
        equal((kind, body[:16], frames.reason(body)[0]),
              (frames.FAIL, o.migration, code), "another %s" % part)
        s.close()
        equal(attested(lab, "b")[-1]["code"], code, "the log")
    check(not lab.qemus("b"), "b started a hypervisor")


def an_old_word_is_refused(lab):
    s, _, ask = offered(lab)
    old = word_of(lab, "a", ask=ask)
    s.close()
    s, _, ask = offered(lab)
    for m in parts(ask[:16], claimed(
            old, attester=certs.keyid(evil(lab).crt), verifier=
            certs.keyid("%s/b/etc/korora/identity.crt" % lab.dir),
            policy=ask[48:80])):
        s.send(*m)
    equal(frames.reason(s.receive()[1])[0], 2107, "code")
    s.close()


def what_is_called_off_is_not_begun(lab):
    s, o, ask = offered(lab)
    s.send(frames.FAIL, frames.word(o.migration, 1012, "never mind"))
    for m in parts(ask[:16], word_of(lab, "a", ask=ask)):
        s.send(*m)
    s.send(frames.CHECK_HOST, frames.word(b"x" * 16))
    equal(s.receive()[0], frames.CHECKED, "the next answer")
    s.close()


def the_same_offer_twice_ends_the_session(lab):
    s, o, _ = offered(lab)
    s.send(frames.OFFER, o.body())
    equal(s.end().code, 2010, "code")
    s.close()


def few_offers_wait(lab):
    s = Session(lab.connect("mallory", "b"), evil(lab))
    said = []
    for _ in range(12):
        s.send(frames.OFFER, offer(lab, s, definition=diskless(lab)).body())
        said.append(s.receive())
    equal([k for k, _ in said], 8 * [frames.QUOTE_ASK] + 4 * [frames.FAIL],
          "answers")
    s.close()
    r = lab.korora("b", "vm", "show", "trojan")
    equal(r.code, "KR-1004", "vm show of the trojan")


if __name__ == "__main__":
    run([
        (dict(vm="dirtier", mem=64, up=["--tpm"]), [
            both_are_asked_in_each_migration,
            who_booted_something_else_gets_no_vm,
            whose_key_nobody_has_gets_none, who_has_no_tpm_any_more_gets_none,
            a_source_without_a_key_is_not_heard, evil_has_as_key,
            sources_lies_are_refused, an_old_word_is_refused,
            what_is_called_off_is_not_begun,
            the_same_offer_twice_ends_the_session, few_offers_wait]),
    ])
