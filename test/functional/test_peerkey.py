# SPDX-License-Identifier: Apache-2.0
"""Attestation keys of peers: enrolled over the link, from the TPM they are in.

Who attacks is evil, an enrolled host without a TPM; what it says of TPMs it
has from another's.
"""
import struct
import time

from labrun import check, equal, run
import frames
from hostile import Liar, evil
from peer import Closed, Session


def enrol(lab, host="a", peer="b"):
    return lab.korora(host, "attest", "enrol", peer)


def events(lab, host, name):
    return [e["detail"] for e in lab.evidence(host, 500)
            if e["event"] == name]


def forget(lab, host="a", peer="b"):
    equal(lab.korora(host, "attest", "forget", peer).rc, 0, "forget")


def both_enrol_each_other(lab):
    for host, peer in ("ab", "ba"):
        equal(lab.korora(host, "attest", "show", peer).code, "KR-2139",
              "before")
        start = time.monotonic()
        r = enrol(lab, host, peer)
        print("    %s of %s: %.0f ms" % (
            peer, host, 1000 * (time.monotonic() - start)))
        equal(r.rc, 0, "enrol: %r" % r)
        own = lab.told(peer, "attest", "show")
        for key in "key", "ek_subject", "ek_issuer":
            equal(r.json[key], own[key], key)
        equal(r.json["host"], peer, "host")
        equal(lab.told(host, "attest", "show", peer), r.json, "what is kept")
        equal(events(lab, host, "attestation-key-enrolled"), [r.json], "log")


def the_same_key_is_enrolled_again(lab):
    old = lab.told("a", "attest", "show", "b")
    r = enrol(lab)
    equal(r.rc, 0, "enrol: %r" % r)
    equal(r.json["key"], old["key"], "key")


def keys_outlive_a_restart_but_not_their_host(lab):
    old = lab.told("b", "attest", "show", "a")
    lab.restart("b")
    equal(lab.told("b", "attest", "show", "a"), old, "after a restart")
    row = lab.told("b", "host", "show", "a")
    equal(lab.korora("b", "host", "remove", "a").rc, 0, "host remove")
    equal(lab.korora("b", "attest", "show", "a").code, "KR-2139", "removed")
    equal(lab.korora("b", "host", "add", "a", row["address"], "--fingerprint",
                     row["fingerprint"]).rc, 0, "host add")
    equal(lab.korora("b", "attest", "show", "a").code, "KR-2139", "added")


def another_tpm_is_another_host(lab):
    """b answers from a's TPM: refused while its own key is enrolled."""
    own = "swtpm:%s/b.tpm/sock" % lab.dir
    old = lab.told("a", "attest", "show", "b")
    lab.configure({"host": {"tpm": "swtpm:%s/a.tpm/sock" % lab.dir}},
                  hosts="b")
    n = len(events(lab, "a", "attestation-key-enrolled"))
    equal(enrol(lab).code, "KR-2137", "another key")
    equal(lab.told("a", "attest", "show", "b"), old, "what is kept")
    forget(lab)
    equal(events(lab, "a", "attestation-key-forgotten")[-1]["key"],
          old["key"], "log")
    equal(len(events(lab, "a", "attestation-key-enrolled")), n, "log")
    equal(enrol(lab).rc, 0, "after that was forgotten")
    lab.configure({"host": {"tpm": own}}, hosts="b")
    forget(lab)
    equal(lab.korora("a", "attest", "forget", "b").code, "KR-2139", "twice")
    equal(enrol(lab).json["key"], old["key"], "its own again")


def only_trusted_makers(lab):
    with open(lab.dir + "/nobody.pem", "w"):
        pass
    lab.configure({"host": {"tpm_roots": lab.dir + "/tpmca/ca.pem"}},
                  hosts="a")
    r = enrol(lab)
    equal((r.rc, r.json["ek_vouched"]), (0, True), "its maker: %r" % r)
    lab.configure({"host": {"tpm_roots": lab.dir + "/nobody.pem"}}, hosts="a")
    equal(enrol(lab).code, "KR-8005", "no maker")
    lab.configure({"host": {"tpm_roots": lab.dir + "/tpmca/ca.pem"}},
                  hosts="a")


def unknown_hosts_are_not_asked(lab):
    equal(enrol(lab, peer="nobody").code, "KR-1005", "nobody")


# ---- attacks ---------------------------------------------------------------

def lied_to(lab, answer, code, **options):
    """a enrols evil, and is told why not; nothing is kept."""
    with Liar(lab, answer, **options) as liar:
        r = enrol(lab, peer="evil")
        equal(r.code, code, "enrol: %r" % r)
        lab.restart("a")
    equal(lab.korora("a", "attest", "show", "evil").code, "KR-2139", "kept")
    return liar


def to_b(lab):
    evil(lab)
    return Session(lab.connect("mallory", "b"), evil(lab))


def of_b(lab):
    """What b's TPM is known by, to whoever asks: TPM_KEYS, less its number."""
    s = to_b(lab)
    s.send(frames.TPM_ASK, frames.word(bytes(16)))
    kind, body = s.receive()
    equal(kind, frames.TPM_KEYS, "type of the answer")
    s.close()
    return body[16:]


def a_credential_passed_on_is_refused(lab):
    """b's TPM opens it, for evil's session with b: not for that with a."""
    b, seen = to_b(lab), []

    def pass_on(kind, body):
        b.send(kind, body)
        seen.append(b.receive())
        return [seen[-1]]

    forget(lab)		# else the key is refused as b's
    lied_to(lab, pass_on, "KR-2123")
    equal([k for k, _ in seen], [frames.TPM_KEYS, frames.TPM_OPENED],
          "what b answered")
    b.close()
    equal(enrol(lab).rc, 0, "b itself")


def a_key_beside_another_tpm_is_refused(lab):
    """a's own key with b's endorsement key: b's TPM does not open that."""
    b, mine = to_b(lab), of_b(lab)
    s = Session(lab.connect("mallory", "a"), evil(lab))
    s.send(frames.TPM_ASK, frames.word(bytes(16)))
    other = s.receive()[1][16:]
    s.close()
    n, = struct.unpack(">H", mine[:2])
    m, = struct.unpack(">H", other[:2])
    mixed, failed = other[:2 + m] + mine[2 + n:], []

    def mix(kind, body):
        if kind == frames.TPM_ASK:
            return [(frames.TPM_KEYS, body[:16] + mixed)]
        b.send(kind, body)
        failed.append(b.receive())
        return [(frames.TPM_OPENED, body[:16] + bytes(32))]

    lied_to(lab, mix, "KR-2123")
    equal((failed[0][0], frames.reason(failed[0][1])[0]), (frames.FAIL, 2123),
          "what b answered")
    b.close()


def a_changed_certificate_is_refused(lab):
    keys = bytearray(of_b(lab))
    keys[-40] ^= 1	# in the certificate's signature; a trusts a maker
    lied_to(lab, lambda kind, body: [
        (frames.TPM_KEYS, body[:16] + bytes(keys))], "KR-2122")


def nonsense_is_refused(lab):
    liar = lied_to(lab, lambda kind, body: [
        (frames.TPM_KEYS, body[:16] + b"\xff" * 100)], "KR-3001")
    equal(liar.closed.code, 3001, "what evil is told")


def what_nobody_asked_for_is_ignored(lab):
    keys = of_b(lab)

    def others(kind, body):
        return [(frames.TPM_OPENED, body[:16] + bytes(32)),
                (frames.TPM_OPENED, bytes(48)),
                (frames.TPM_KEYS, bytes(16) + keys),
                (frames.FAIL, frames.word(bytes(16), 2101, "it is not you")),
                (frames.FAIL, frames.word(body[:16], 1003, "it is you"))]

    lied_to(lab, others, "KR-3006")


def an_older_host_is_told_apart(lab):
    lied_to(lab, lambda kind, body: [], "KR-3004", speaks=(2, 3))


def one_peer_does_not_keep_the_tpm(lab):
    """Of those that ask b at a time one is answered; b serves on."""
    b = to_b(lab)
    for i in range(8):
        b.send(frames.TPM_ASK, frames.word(bytes([i]) * 16))
    said = [b.receive() for _ in range(8)]
    equal(sorted(k for k, _ in said), [frames.FAIL] * 7 + [frames.TPM_KEYS],
          "answers")
    b.close()
    equal(enrol(lab).rc, 0, "enrol")


def a_session_that_ends_is_no_answer(lab):
    def hang_up(kind, body):
        raise Closed(0, "it hung up")

    with Liar(lab, hang_up):
        r = enrol(lab, peer="evil")
        check(r.code in ("KR-2014", "KR-2015"), "enrol: %r" % r)


def without_a_tpm_nobody_answers(lab):
    path = "%s/b/etc/korora/korora.conf" % lab.dir
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.writelines(line for line in text.splitlines(True)
                     if not line.startswith("tpm ="))
    lab.restart("b")
    equal(enrol(lab).code, "KR-2101", "without")


if __name__ == "__main__":
    run([
        (dict(vm=None, up=["--tpm"]), [
            both_enrol_each_other, the_same_key_is_enrolled_again,
            another_tpm_is_another_host, only_trusted_makers,
            unknown_hosts_are_not_asked,
            a_credential_passed_on_is_refused,
            a_key_beside_another_tpm_is_refused,
            a_changed_certificate_is_refused, nonsense_is_refused,
            what_nobody_asked_for_is_ignored, an_older_host_is_told_apart,
            one_peer_does_not_keep_the_tpm, a_session_that_ends_is_no_answer,
            keys_outlive_a_restart_but_not_their_host,
            without_a_tpm_nobody_answers]),
    ])
