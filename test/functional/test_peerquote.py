# SPDX-License-Identifier: Apache-2.0
"""What a peer booted: its TPM's word, asked for over the link by doctor --to.

evil is a peer that a takes for the owner of b's key, and has no TPM: what it
shows is b's word, or a's own, given for another question, session or host. In
one test it has b's TPM, and asks it for other than it should.
"""
import os
import sqlite3
import struct
import time

from labrun import check, equal, run
import certs
import frames
from hostile import Liar, evil
from peer import Closed, Session
from test_attest import LOG, enrol, given, values
import tpm

ALL = 0xffffff
CLAIMS = ("attester", "verifier", "nonce", "exporter", "policy")


def asked(lab, peer="b", host="a"):
    """doctor's checks of a peer's TPM, by name, and its exit status."""
    start = time.monotonic()
    r = lab.korora(host, "doctor", "--to", peer)
    print("    %s of %s: %.0f ms" % (peer, host,
                                     1000 * (time.monotonic() - start)))
    name = peer + ": TPM"
    return {c["name"][len(name):].strip(): c for c in r.json["checks"]
            if c["name"].startswith(name)}, r.rc


def codes(found):
    return {c.get("code") for c in found.values()}


def good_ones_are_affirmed(lab):
    """Both ways; before the key is enrolled nothing is asked."""
    for host, peer in ("ab", "ba"):
        equal(asked(lab, peer, host), ({}, 0), "before")
        enrol(lab, host, "games")
        equal(lab.korora(host, "user", "grant", "games", "admin").rc, 0,
              "grant")
        equal(lab.korora(host, "attest", "enrol", peer).rc, 0, "enrol")
        found, rc = asked(lab, peer, host)
        equal((rc, found[""]["code"]), (1, "KR-2128"), "by nothing")
        good = values()
        equal(given(lab, host, good).rc, 0, "reference add")
        found, rc = asked(lab, peer, host)
        equal((rc, list(found)), (0, [""]), repr(found))
        equal(found[""]["message"], "as hosts, version %u, has it" %
              good["version"], "message")


def each_host_by_its_own_values(lab):
    """Those that are named for it count, and are told PCR by PCR."""
    other = values(name="b")
    other["pcrs"]["4"] = ["11" * 32]
    equal(given(lab, "a", other).rc, 0, "reference add")
    found, rc = asked(lab)
    equal((rc, {n: c["code"] for n, c in found.items()}),
          (1, {"PCR 4": "KR-2117"}), "deviations")
    equal(lab.korora("a", "attest", "reference", "remove", "b").rc, 0,
          "remove")
    found, rc = asked(lab)
    equal((rc, codes(found)), (1, {"KR-2119"}), "removed")
    equal(given(lab, "a", values(name="b")).rc, 0, "reference add")
    equal(asked(lab)[1], 0, "newer ones")


def a_revoked_value_is_refused(lab):
    equal(given(lab, "a", values(name="b", revoked=["00" * 32])).rc, 0,
          "reference add")
    found, rc = asked(lab)
    equal((rc, codes(found)), (1, {"KR-2119"}), repr(found))
    equal(given(lab, "a", values(name="b")).rc, 0, "reference add")


def has_log(lab, data):
    path = lab.dir + "/b.eventlog"
    with open(path, "wb") as f:
        f.write(data)
    lab.configure({"host": {"tpm_log": path}}, hosts="b")


def a_log_comes_in_parts_and_has_to_replay(lab):
    """Half a megabyte, and not a byte more."""
    long = os.urandom(524288)
    has_log(lab, long)
    check(word_of(lab).endswith(struct.pack(">I", len(long)) + long),
          "another log came")
    found, rc = asked(lab)
    equal((rc, codes(found)), (1, {"KR-2102"}), repr(found))
    has_log(lab, long + b"x")
    found, rc = asked(lab)
    equal((rc, codes(found)), (1, {"KR-3006"}), repr(found))
    with open(LOG, "rb") as f:
        has_log(lab, f.read())
    found, rc = asked(lab)
    check(rc == 1 and "KR-2116" in codes(found), repr(found))
    path = "%s/b/etc/korora/korora.conf" % lab.dir
    with open(path) as f:
        lines = [x for x in f if not x.startswith("tpm_log")]
    with open(path, "w") as f:
        f.writelines(lines)
    lab.restart("b")
    equal(asked(lab)[1], 0, "without a log")


def another_tpm_is_told(lab):
    """b quotes with a's TPM: the key that was enrolled did not sign."""
    own = "swtpm:%s/b.tpm/sock" % lab.dir
    lab.configure({"host": {"tpm": "swtpm:%s/a.tpm/sock" % lab.dir}},
                  hosts="b")
    found, rc = asked(lab)
    equal((rc, codes(found)), (1, {"KR-2105"}), repr(found))
    lab.configure({"host": {"tpm": own}}, hosts="b")


# ---- attacks ---------------------------------------------------------------

def challenge(question=bytes(16), nonce=bytes(32), policy=bytes(32), role=1,
              alg=0x000b, mask=ALL, vm=""):
    """Body of QUOTE_ASK."""
    return question + nonce + policy + struct.pack(">BHI", role, alg, mask) + \
        frames.text(vm)


def word_of(lab, host="b", ask=None):
    """A host's word, given to evil: all parts of it."""
    ask, said, total = ask or challenge(), b"", 1
    s = Session(lab.connect("mallory", host), evil(lab))
    s.send(frames.QUOTE_ASK, ask)
    while len(said) < total:
        kind, body = s.receive()
        equal(kind, frames.QUOTE_PART, "type of the answer")
        total, offset = struct.unpack(">II", body[16:24])
        equal((body[:16], offset), (ask[:16], len(said)), "the part")
        said += body[24:]
        if len(said) < total:
            s.send(frames.QUOTE_MORE, ask[:16] + struct.pack(">I", len(said)))
    s.close()
    return said


def parts(question, said, size=30720):
    return [(frames.QUOTE_PART, question + struct.pack(">II", len(said), at) +
             said[at:at + size]) for at in range(0, len(said), size)]


def claimed(said, role=None, vm=None, **claims):
    """The same evidence, with other claims of what is bound."""
    head = {c: said[32 * i:32 * i + 32] for i, c in enumerate(CLAIMS)}
    head.update(claims)
    n, = struct.unpack(">H", said[161:163])
    return b"".join(head[c] for c in CLAIMS) + \
        bytes([said[160] if role is None else role]) + \
        (said[161:163 + n] if vm is None else frames.text(vm)) + said[163 + n:]


class Answers(Liar):
    """What evil says when it is asked: a function's, of the challenge."""

    def __init__(self, lab, say, **options):
        super().__init__(lab, self.hear, **options)
        self.lab, self.say = lab, say

    def hear(self, kind, body):
        if kind == frames.CHECK_HOST:
            return [(frames.CHECKED, body[:16] + bytes(2))]
        return self.say(body) if kind == frames.QUOTE_ASK else []


def refused(lab, say, code, **options):
    with Answers(lab, say, **options) as liar:
        found, rc = asked(lab, "evil")
        lab.restart("a")
    equal((rc, codes(found)), (1, {code}), "what is told of evil")
    return liar


def evil_is_taken_for_the_owner_of_bs_key(lab):
    """As if it had been enrolled with it; a's store is made to say so."""
    evil(lab)
    lab.lab("daemon", "a", "stop")
    with sqlite3.connect(lab.dir + "/a/var/lib/korora/korora.db") as db:
        db.execute("UPDATE ak SET host = 'evil' WHERE host = 'b'")
    lab.lab("daemon", "a", "start")
    equal(lab.told("a", "attest", "show", "evil")["host"], "evil", "host")


def right(lab, body, liar_session):
    """The claims that a expects, but for the session's."""
    return dict(attester=certs.keyid(evil(lab).crt),
                verifier=certs.keyid("%s/a/etc/korora/identity.crt" % lab.dir),
                nonce=body[16:48], policy=body[48:80], exporter=liar_session)


def a_relayed_quote_is_refused(lab):
    """b's, fresh and for this very challenge, but for b's session."""
    refused(lab, lambda body: parts(body[:16], word_of(lab, ask=body)),
            "KR-2106")


def wrong_claims_are_told_apart(lab):
    """b's word with the claims that a expects, but for one; then with all."""
    for part, code in (("nonce", "KR-2107"), ("exporter", "KR-2108"),
                       ("role", "KR-2109"), ("vm", "KR-2110"),
                       ("policy", "KR-2111"), (None, "KR-2112")):
        def say(body):
            claims = right(lab, body, liar.session.binding)
            if part == "role":
                claims["role"] = 0
            elif part == "vm":
                claims["vm"] = "web"
            elif part:
                claims[part] = bytes(32)
            return parts(body[:16], claimed(word_of(lab, ask=body), **claims))

        with Answers(lab, say) as liar:
            found, rc = asked(lab, "evil")
            lab.restart("a")
        equal((rc, codes(found)), (1, {code}), "another %s" % part)


def an_old_quote_is_refused(lab):
    """What b said a moment ago, to another challenge."""
    old = word_of(lab)
    kept = claimed(old, attester=certs.keyid(evil(lab).crt), verifier=
                   certs.keyid("%s/a/etc/korora/identity.crt" % lab.dir))
    refused(lab, lambda body: parts(body[:16], kept), "KR-2107")


def another_keys_quote_is_refused(lab):
    refused(lab, lambda body: parts(body[:16], word_of(lab, "a", ask=body)),
            "KR-2105")


def pcrs_of(said):
    """The values of all PCRs in evidence."""
    at = 163 + struct.unpack(">H", said[161:163])[0]
    for _ in range(2):	# quote and signature
        at += 4 + struct.unpack(">I", said[at:at + 4])[0]
    return said[at + 6:at + 6 + 24 * 32]


def what_is_not_quoted_is_not_believed(lab):
    """evil has b's very TPM now: whatever it quotes is signed as it has to be."""
    values_of_b = pcrs_of(word_of(lab))
    changed = bytes(31) + b"\1" + values_of_b[32:]
    for bank, mask, claimed_mask, shown, wanted in (
            (tpm.SHA256, ALL, ALL, values_of_b, [None]),
            (tpm.SHA256, 0x7f, 0x7f, values_of_b[:7 * 32], ["KR-2114"]),
            (tpm.SHA256, 0x7f, ALL, values_of_b, ["KR-2114"]),
            (tpm.SHA1, ALL, ALL, values_of_b, ["KR-2113", "KR-2114"]),
            (tpm.SHA256, ALL, ALL, changed, ["KR-2115"])):
        def say(body):
            c = dict(right(lab, body, liar.session.binding))
            signed = tpm.quote(lab.dir + "/b.tpm/sock", tpm.binding(
                role=1, vm="", **c), bank, mask)
            said = b"".join(c[k] for k in CLAIMS) + b"\1" + frames.text("")
            for part in signed:
                said += struct.pack(">I", len(part)) + part
            return parts(body[:16], said + struct.pack(
                ">HI", tpm.SHA256, claimed_mask) + shown + bytes(4))

        with Answers(lab, say) as liar:
            found, rc = asked(lab, "evil")
            lab.restart("a")
        equal((rc, codes(found)), (int(wanted != [None]), set(wanted)),
              "bank %x, PCRs %x" % (bank, mask))


def nonsense_is_refused(lab):
    refused(lab, lambda body: parts(body[:16], b"\xff" * 70000), "KR-2104")


def parts_in_disorder_are_refused(lab):
    def skipped(body):
        said = parts(body[:16], bytes(70000))
        return [said[0], said[2]]

    def grown(body):
        return [parts(body[:16], bytes(70000))[0],
                parts(body[:16], bytes(70001))[1]]

    for say in skipped, grown:
        refused(lab, say, "KR-3003")


def more_than_there_may_be_is_refused(lab):
    """Before there is memory for it."""
    with Answers(lab, lambda body: [
            (frames.QUOTE_PART, body[:16] + struct.pack(
                ">II", 0xffffffff, 0) + b"x")]) as liar:
        r = lab.korora("a", "doctor", "--to", "evil")
    equal((r.rc, r.json["checks"][-1]["code"]), (1, "KR-3001"), "doctor")
    equal(liar.closed.code, 3001, "what evil is told")


def an_older_host_is_told_apart(lab):
    refused(lab, lambda body: [], "KR-3004", speaks=(2, 3))


def a_session_that_ends_is_no_answer(lab):
    def hang_up(body):
        raise Closed(0, "it hung up")

    with Answers(lab, hang_up):
        r = lab.korora("a", "doctor", "--to", "evil")
    equal(r.rc, 1, "exit")
    check({c.get("code") for c in r.json["checks"]} &
          {"KR-2014", "KR-2015"}, repr(r))


def what_is_asked_is_bounded(lab):
    """One session: b keeps four answers that nobody takes, and serves on."""
    has_log(lab, bytes(524288))
    rss = lab.rss_kb("b")
    s = Session(lab.connect("mallory", "b"), evil(lab))
    for i in range(64):
        s.send(frames.QUOTE_ASK, challenge(bytes([i]) * 16))
        equal(s.receive()[0], frames.QUOTE_PART, "answer %d" % i)
    check(lab.rss_kb("b") < rss + 8192, "b grew from %d to %d kB" % (
        rss, lab.rss_kb("b")))
    s.close()
    for bad in (challenge(mask=0), challenge(mask=1 << 24),
                challenge(alg=0x0004), challenge(role=2)):
        s = Session(lab.connect("mallory", "b"), evil(lab))
        s.send(frames.QUOTE_ASK, bad)
        equal(s.end().code, 3001, "what evil is told")
        s.close()


if __name__ == "__main__":
    run([
        (dict(vm=None, up=["--tpm"]), [
            good_ones_are_affirmed, each_host_by_its_own_values,
            a_revoked_value_is_refused,
            a_log_comes_in_parts_and_has_to_replay, another_tpm_is_told,
            evil_is_taken_for_the_owner_of_bs_key,
            a_relayed_quote_is_refused, wrong_claims_are_told_apart,
            an_old_quote_is_refused, another_keys_quote_is_refused,
            what_is_not_quoted_is_not_believed,
            nonsense_is_refused, parts_in_disorder_are_refused,
            more_than_there_may_be_is_refused, an_older_host_is_told_apart,
            a_session_that_ends_is_no_answer, what_is_asked_is_bounded]),
    ])
