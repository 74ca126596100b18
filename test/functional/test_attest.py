# SPDX-License-Identifier: Apache-2.0
"""Hosts with a TPM: kororad has an agent ask it, and is not held up by it."""
import json
import os
import signal
import socket
import time

from labrun import check, equal, run

CHECK = "here: TPM"
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


def said_of(lab, host, reference, log=None):
    """doctor's checks of the TPM, by these reference values."""
    path = "%s/%s.reference" % (lab.dir, host)
    with open(path, "w") as f:
        json.dump(reference, f)
    keys = {"reference": path}
    if log is not None:
        keys["tpm_log"] = "%s/%s.eventlog" % (lab.dir, host)
        with open(keys["tpm_log"], "wb") as f:
            f.write(log)
    lab.configure({"host": keys}, hosts=host)
    start = time.monotonic()
    r = lab.korora(host, "doctor")
    print("    %.0f ms" % (1000 * (time.monotonic() - start)))
    return {c["name"]: c for c in r.json["checks"]
            if c["name"].startswith(CHECK)}, r.rc


def values(**more):
    """The PCRs of a machine that nothing was measured on: 0 to 7 are zero."""
    return dict({"name": "hosts", "version": 4, "bank": "sha256",
                 "pcrs": {str(i): ["00" * 32] for i in range(8)}}, **more)


def own_word_is_judged(lab):
    found, rc = said_of(lab, "a", values())
    equal((rc, list(found)), (0, [CHECK]), "good: %r" % found)
    check("as hosts, version 4, has it" in found[CHECK]["message"],
          repr(found))


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


def a_wrong_document_is_told(lab):
    found, rc = said_of(lab, "a", {"name": "hosts"})
    equal((rc, found[CHECK]["code"]), (1, "KR-2125"), repr(found))


if __name__ == "__main__":
    run([
        (dict(vm=None, up=["--tpm"]), [
            each_host_has_its_own, a_peer_is_asked_afterwards,
            a_silent_one_holds_nobody_up, nonsense_is_told,
            what_is_no_way_is_refused]),
        (dict(vm=None, up=["--tpm"]), [
            own_word_is_judged, deviations_are_told_by_pcr,
            what_is_revoked_is_refused, another_bank_is_refused,
            a_log_that_does_not_replay_is_refused,
            a_wrong_document_is_told]),
    ])
