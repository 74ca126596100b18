# SPDX-License-Identifier: Apache-2.0
"""Hosts with a TPM: kororad has an agent ask it, and is not held up by it."""
import itertools
import json
import os
import signal
import socket
import time

from labrun import check, equal, openssl, run

CHECK = "here: TPM"
NOBODY = 65534	# an ordinary user of every Debian system
LOG = os.path.join(os.path.dirname(__file__),
                   "../../fuzz/corpus/eventlog/ovmf-secureboot")


def tpm(r):
    """What doctor says of this host's TPM."""
    found = [c for c in r.json["checks"] if c["name"] == CHECK]
    equal(len(found), 1, "checks of the TPM in %r" % r)
    return found[0]


def pid(lab, host):
    with open("%s/%s.tpm/pid" % (lab.dir, host)) as f:
        return int(f.read())


def each_host_has_its_own(lab):
    said = []
    for h in "ab":
        start = time.monotonic()
        r = lab.korora(h, "doctor")
        print("    %s: %.0f ms" % (h, 1000 * (time.monotonic() - start)))
        equal(r.rc, 0, "doctor: %r" % r)
        check("24 PCRs of the bank sha256" in tpm(r)["message"], repr(r))
        said.append(tpm(r)["message"].split("attestation key ")[1])
    check(said[0] != said[1], "both have the key %s" % said[0])
    equal(tpm(lab.korora("a", "doctor"))["message"].split()[-1], said[0],
          "the key, asked again")


def each_key_lives_in_its_own_tpm(lab):
    """Shown by a credential that this TPM opened."""
    shown = {}
    for h in "ab":
        start = time.monotonic()
        r = lab.korora(h, "attest", "show")
        print("    %s: %.0f ms" % (h, 1000 * (time.monotonic() - start)))
        equal(r.rc, 0, "attest show: %r" % r)
        shown[h] = r.json
        said = tpm(lab.korora(h, "doctor"))["message"].split()[-1]
        equal(r.json["key"], said, "the key that quotes")
        check(r.json["ek_subject"] and r.json["ek_issuer"], "names: %r" % r)
    check(shown["a"]["key"] != shown["b"]["key"], repr(shown))
    again = lab.told("a", "attest", "show")
    equal((again["resets"], again["restarts"]),
          (shown["a"]["resets"], shown["a"]["restarts"]), "counters")
    check(again["clock_ms"] >= shown["a"]["clock_ms"], "the clock: %r" % again)


def makers_vouch(lab):
    """The lab's own authority made it, and another did not."""
    check(not lab.told("a", "attest", "show")["ek_vouched"], "by anyone")
    lab.configure({"host": {"tpm_roots": lab.dir + "/tpmca/ca.pem"}},
                  hosts="a")
    check(lab.told("a", "attest", "show")["ek_vouched"], "by its maker")
    other = "%s/other.pem" % lab.dir
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=another maker",
            "-keyout", "/dev/null", "-out", other)
    lab.configure({"host": {"tpm_roots": other}}, hosts="a")
    equal(lab.korora("a", "attest", "show").code, "KR-2122", "another maker")
    lab.configure({"host": {"tpm_roots": "/dev/null"}}, hosts="a")
    equal(lab.korora("a", "attest", "show").code, "KR-8005", "no maker")


def a_peer_is_asked_afterwards(lab):
    r = lab.korora("a", "doctor", "--to", "b")
    equal(r.rc, 0, "doctor: %r" % r)
    names = [c["name"] for c in r.json["checks"]]
    check(names.index("here: TPM") < names.index("b: session"), repr(names))
    check("b: TPM" not in names, "b was asked for what it does not sign")


def a_silent_one_holds_nobody_up(lab):
    os.kill(pid(lab, "a"), signal.SIGSTOP)
    try:
        p = lab.start("a", "korora", "--json", "doctor")
        start = time.monotonic()
        equal(lab.korora("a", "host", "list").rc, 0, "host list")
        check(time.monotonic() - start < 5, "it took long")
        time.sleep(1)
        check(not p.done(), "doctor is over")
    finally:
        os.kill(pid(lab, "a"), signal.SIGCONT)
    equal(p.result().rc, 0, "doctor")


def nonsense_is_told(lab):
    """Something else answers at the TPM's socket."""
    way = "%s/b.tpm/sock" % lab.dir
    os.kill(pid(lab, "b"), signal.SIGTERM)
    lab.until(lambda: not os.path.exists("/proc/%d" % pid(lab, "b")),
              "end of the TPM")
    if os.path.exists(way):
        os.unlink(way)
    r = lab.korora("b", "doctor")
    equal((r.rc, tpm(r)["ok"], tpm(r)["code"]), (1, False, "KR-2101"),
          "no TPM: %r" % r)
    equal(lab.korora("b", "attest", "show").code, "KR-2101", "attest show")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(way)
        s.listen()
        p = lab.start("b", "korora", "--json", "doctor")
        c, _ = s.accept()
        with c:
            c.sendall(b"\x80\x01\xff\xff\xff\xff\0\0\0\0")
            r = p.result()
    equal((r.rc, tpm(r)["code"]), (1, "KR-2101"), "nonsense: %r" % r)


def what_is_no_way_is_refused(lab):
    path = "%s/a/etc/korora/korora.conf" % lab.dir
    with open(path) as f:
        text = f.read()
    lab.lab("daemon", "a", "stop")
    with open(path, "w") as f:
        f.write(text.replace("tpm = swtpm:", "tpm = "))
    equal(lab.exec("a", "kororad", "--root", lab.dir + "/a").rc, 2, "kororad")
    with open(path, "w") as f:
        f.write(text.replace("tpm = swtpm:%s/a.tpm/sock" % lab.dir,
                             "tpm = device:/etc/passwd"))
    lab.lab("daemon", "a", "start")
    r = lab.korora("a", "doctor")
    equal(tpm(r)["code"], "KR-2101", "a file: %r" % r)
    check("is no device" in tpm(r)["message"], repr(r))


def key_of(lab, who):
    """Somebody's private key, made when it is first asked for."""
    key = "%s/%s.pem" % (lab.dir, who)
    if not os.path.exists(key):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-out", key)
        openssl("pkey", "-in", key, "-pubout", "-out", key + ".pub")
    return key


def enrol(lab, host, who):
    """His key there."""
    r = lab.korora(host, "user", "key", "add", who, key_of(lab, who) + ".pub")
    equal(r.rc, 0, "user key add: %r" % r)


def given(lab, host, reference, who="games", user=None):
    """That host is given these reference values, signed."""
    doc, signed = "%s/reference" % lab.dir, "%s/signed" % lab.dir
    with open(doc, "w") as f:
        json.dump(reference, f)
    r = lab.korora(host, "attest", "reference", "sign", doc, "--key",
                   key_of(lab, who), "--out", signed)
    return r if r.rc else lab.korora(host, "attest", "reference", "add",
                                     signed, user=user)


def judged(lab, host):
    """doctor's checks of the TPM, and its exit status."""
    start = time.monotonic()
    r = lab.korora(host, "doctor")
    print("    %.0f ms" % (1000 * (time.monotonic() - start)))
    return {c["name"]: c for c in r.json["checks"]
            if c["name"].startswith(CHECK)}, r.rc


def said_of(lab, host, reference, log=None):
    """The same by these reference values and by that event log."""
    r = given(lab, host, reference)
    equal(r.rc, 0, "reference add: %r" % r)
    if log is not None:
        path = "%s/%s.eventlog" % (lab.dir, host)
        with open(path, "wb") as f:
            f.write(log)
        lab.configure({"host": {"tpm_log": path}}, hosts=host)
    return judged(lab, host)


VERSION = itertools.count(4)


def values(**more):
    """The PCRs of a machine that nothing was measured on: 0 to 7 are zero."""
    return dict({"name": "hosts", "version": next(VERSION), "bank": "sha256",
                 "pcrs": {str(i): ["00" * 32] for i in range(8)}}, **more)


def own_word_is_judged(lab):
    enrol(lab, "a", "games")
    equal(lab.korora("a", "user", "grant", "games", "admin").rc, 0, "grant")
    good = values()
    found, rc = said_of(lab, "a", good)
    equal((rc, list(found)), (0, [CHECK]), "good: %r" % found)
    check("as hosts, version %u, has it" % good["version"] in
          found[CHECK]["message"], repr(found))
    shown = lab.told("a", "attest", "reference", "show", "hosts")
    equal((shown["signed_by"], shown["added_by"], shown["revoked_by"],
           len(shown["values"])), ("games", "root", None, 8), "shown")
    check("reference-added" in {x["event"] for x in lab.evidence("a")},
          "it is not in the log")


def deviations_are_told_by_pcr(lab):
    wrong = values()
    wrong["pcrs"]["4"] = ["11" * 32]
    wrong["pcrs"]["7"] = ["22" * 32]
    found, rc = said_of(lab, "a", wrong)
    equal(rc, 1, "exit")
    equal({n: c["code"] for n, c in found.items()},
          {CHECK + " PCR 4": "KR-2117", CHECK + " PCR 7": "KR-2117"}, "codes")


def what_is_revoked_is_refused(lab):
    found, rc = said_of(lab, "a", values(revoked=["00" * 32]))
    equal(rc, 1, "exit")
    check(found[CHECK + " PCR 0"]["code"] == "KR-2119", repr(found))


def another_bank_is_refused(lab):
    other = values(bank="sha384",
                   pcrs={"0": ["00" * 48]})
    found, rc = said_of(lab, "a", other)
    equal((rc, found[CHECK]["code"]), (1, "KR-2113"), repr(found))


def a_log_that_does_not_replay_is_refused(lab):
    with open(LOG, "rb") as f:
        log = f.read()
    found, rc = said_of(lab, "a", values(), log)
    equal(rc, 1, "exit")
    check("KR-2116" in {c["code"] for c in found.values()}, repr(found))
    found, rc = said_of(lab, "a", values(), b"nonsense")
    equal((rc, found[CHECK]["code"]), (1, "KR-2102"), repr(found))


def a_wrong_document_is_not_signed(lab):
    equal(given(lab, "a", {"name": "hosts"}).code, "KR-2125", "no document")


def only_who_may_is_believed(lab):
    """Strangers sign, or those who may not; what is in use stays."""
    before = lab.told("a", "attest", "reference", "list")
    enrol(lab, "a", "daemon")
    for who in "eve", "daemon":
        r = given(lab, "a", values(), who)
        equal(r.code, "KR-2126", "signed by %s: %r" % (who, r))
    r = given(lab, "a", values(), user=NOBODY)
    equal(r.code, "KR-1003", "one who may not: %r" % r)
    old = values(version=1)
    equal(given(lab, "a", old).code, "KR-2127", "an old one")
    equal(lab.told("a", "attest", "reference", "list"), before, "in use")


def what_was_removed_refuses(lab):
    good = values()
    equal(given(lab, "a", good).rc, 0, "reference add")
    equal(judged(lab, "a")[1], 0, "doctor")
    r = lab.korora("a", "attest", "reference", "remove", "hosts")
    equal(r.rc, 0, "reference remove: %r" % r)
    found, rc = judged(lab, "a")
    equal((rc, found[CHECK]["code"]), (1, "KR-2119"), repr(found))
    check("version %u, by root" % good["version"] in found[CHECK]["message"],
          repr(found))
    equal(given(lab, "a", good).code, "KR-2127", "it once more")
    lab.restart("a")
    equal(judged(lab, "a")[0][CHECK]["code"], "KR-2119", "after a restart")
    found, rc = said_of(lab, "a", values())
    equal(rc, 0, "a newer one: %r" % found)


def a_word_ends_with_key_and_right(lab):
    keys = {k["user"]: k["fingerprint"]
            for k in lab.told("a", "user", "key", "list")["keys"]}
    for ends, begins in (
            (("user", "key", "remove", keys["games"]),
             ("user", "key", "add", "games", key_of(lab, "games") + ".pub")),
            (("user", "revoke", "games", "admin"),
             ("user", "grant", "games", "admin"))):
        equal(lab.korora("a", *ends).rc, 0, repr(ends))
        found, rc = judged(lab, "a")
        equal((rc, found[CHECK]["code"]), (1, "KR-2126"), repr(found))
        equal(lab.korora("a", *begins).rc, 0, repr(begins))
        equal(judged(lab, "a")[1], 0, repr(begins))


if __name__ == "__main__":
    run([
        (dict(vm=None, up=["--tpm"]), [
            each_host_has_its_own, each_key_lives_in_its_own_tpm,
            makers_vouch, a_peer_is_asked_afterwards,
            a_silent_one_holds_nobody_up, nonsense_is_told,
            what_is_no_way_is_refused]),
        (dict(vm=None, up=["--tpm"]), [
            own_word_is_judged, only_who_may_is_believed,
            a_wrong_document_is_not_signed, what_was_removed_refuses,
            a_word_ends_with_key_and_right, deviations_are_told_by_pcr,
            what_is_revoked_is_refused, another_bank_is_refused,
            a_log_that_does_not_replay_is_refused]),
    ])
