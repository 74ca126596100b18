#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proofs about evidence logs, and hosts whose logs are not what they were.

Proofs are checked by korora, and by the script in PROTOCOL.evidence.md, which
knows nothing of korora but what is written there.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys

from hostile import LAB, diskless, evil, harmless, offer, session
from labrun import SRC, Failed, check, equal, run
import forger
import frames
from peer import Closed
import statements


def crt(lab, host):
    return "%s/%s/etc/korora/identity.crt" % (lab.dir, host)


def file_of(lab, name, text=None):
    path = "%s/%s" % (lab.dir, name)
    if text is not None:
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        os.chmod(path, 0o644)
    return path


def foreign(lab, *args):
    """Does the published script take it?"""
    with open(SRC + "/PROTOCOL.evidence.md", encoding="utf-8") as f:
        script = re.search(r"(?s)```python\n(.*?)```", f.read()).group(1)
    r = subprocess.run([sys.executable, "-c", script, *args], text=True,
                       capture_output=True, timeout=60)
    return r.returncode == 0, r.stdout + r.stderr


def ours(lab, *args):
    """korora log check, on a machine without kororad."""
    return lab.exec("client", "korora", "--json", "log", "check", *args)


def keys(lab, hosts="ab"):
    return [x for h in hosts for x in ("--key", crt(lab, h))]


def cosigned(lab, host, by, *what):
    """A proof whose checkpoint the peer cosigned: it does so a moment after
    the migration is done."""
    line = "\u2014 korora/%s " % by
    return lab.until(lambda: (lambda r: r if line in r["checkpoint"] else
                              None)(lab.told(host, "log", "prove", *what)),
                     "cosignature of " + by)


# ---- proofs ----------------------------------------------------------------

def proofs_of_a_migration(lab):
    there = lab.migrate("a", "b").json["migration"]
    back = lab.migrate("b", "a").json["migration"]
    for host, other in ("ab", "ba"):
        for id in (there, back):
            r = cosigned(lab, host, other, "--migration", id)
            path = file_of(lab, "entry.tlog-proof", r["proof"])
            good, said = foreign(lab, path, crt(lab, "a"), crt(lab, "b"))
            check(good, "the published script: " + said)
            v = ours(lab, path, *keys(lab))
            equal((v.rc, v.json["host"], v.json["cosigned_by"]),
                  (0, host, [other]), "log check")
            entry = v.json["entry"]
            equal((entry["migration"], entry["event"]),
                  (id, "migration.done"), "what was proved")
            equal(json.loads(said.splitlines()[-1]), entry, "what both read")
    lab.runs("a")


def every_entry_has_a_proof(lab):
    entries = lab.evidence("a", 10000)
    for e in entries[::max(1, len(entries) // 12)] + entries[-1:]:
        path = lab.dir + "/one.tlog-proof"
        r = lab.korora("a", "log", "prove", str(e["index"]), "--out", path)
        equal(r.rc, 0, "log prove")
        good, said = foreign(lab, path, crt(lab, "a"))
        check(good, "entry %d: %s" % (e["index"], said))
        v = ours(lab, path, *keys(lab, "a"))
        equal((v.rc, v.json["entry"]["event"]), (0, e["event"]), "log check")


def proofs_that_it_grew(lab):
    old = lab.told("a", "log", "verify")
    note = file_of(lab, "old", old["checkpoint"])
    lab.works()
    r = cosigned(lab, "a", "b", "--from", str(old["size"]))
    check(r["size"] > old["size"], "%r" % r)
    path = file_of(lab, "growth", r["proof"])
    good, said = foreign(lab, path, note, crt(lab, "a"), crt(lab, "b"))
    check(good, "the published script: " + said)
    v = ours(lab, path, *keys(lab), "--old", note)
    equal((v.rc, v.json["from"], v.json["size"]), (0, old["size"], r["size"]),
          "log check")
    # from another log of that size, signed by the same key
    other = forger.note(lab.dir + "/a", "a", old["size"], b"x" * 32)
    other = file_of(lab, "other", other)
    check(not foreign(lab, path, other, crt(lab, "a"))[0], "script takes it")
    equal(ours(lab, path, *keys(lab), "--old", other).code, "KR-8006", "code")
    # of another size
    older = file_of(lab, "older", lab.told("a", "log", "prove", "0")
                    ["checkpoint"])
    equal(ours(lab, path, *keys(lab), "--old", older).code, "KR-8006", "code")


def altered_proofs_are_refused(lab):
    id = lab.migrations("a")[0]["migration"]
    text = cosigned(lab, "a", "b", "--migration", id)["proof"]
    n = len(text)
    for at in (0, text.index("extra") + 20, text.index("index") + 6,
               text.index("\n\n") - 5, text.index("korora/a\n") + 7,
               text.index("korora/a\n") + 9, n - 40):
        bad = text[:at] + ("B" if text[at] != "B" else "C") + text[at + 1:]
        path = file_of(lab, "bad", bad)
        v = ours(lab, path, *keys(lab))
        equal((v.rc, v.code), (1, "KR-8006"), "byte %d altered" % at)
        check(not foreign(lab, path, crt(lab, "a"), crt(lab, "b"))[0],
              "the published script takes byte %d" % at)
    path = file_of(lab, "good", text)
    equal(ours(lab, path, *keys(lab)).rc, 0, "the unaltered one")
    evil(lab)
    for who in (lab.evil.crt, crt(lab, "b")):	# who is not the log's host
        only = ours(lab, path, "--key", who)
        equal((only.rc, only.code), (1, "KR-8006"), "key of " + who)
    v = ours(lab, path, *keys(lab), "--key", lab.evil.crt)
    equal((v.rc, v.code), (1, "KR-8006"), "who did not cosign")


def earlier_entries(lab):
    all = lab.evidence("a", 1000)
    check(len(all) > 8, "a log of %d entries" % len(all))
    middle = all[len(all) // 2]["index"]
    j = lab.told("a", "log", "show", "--limit", "3", "--before", str(middle))
    equal([e["index"] for e in j["entries"]],
          [middle - 3, middle - 2, middle - 1], "entries before")
    equal(j["cut"], False, "cut")
    equal(lab.told("a", "log", "show", "--before", "0")["entries"], [],
          "entries before the first")
    for wrong in ("x", "-1", "1x"):
        r = lab.korora("a", "log", "show", "--before", wrong)
        equal((r.rc, r.code), (2, "KR-1001"), "--before " + wrong)


def wrong_questions(lab):
    for args in ([], ["x"], ["-1"], ["3", "--from", "2"], ["--from", "x"]):
        r = lab.korora("a", "log", "prove", *args)
        equal((r.rc, r.code), (2, "KR-1001"), "log prove %s" % args)
    for args, code in ((["1000000"], "KR-1011"), (["--from", "1000000"],
                       "KR-1011"), (["--migration", "feedbeef"], "KR-1006")):
        equal(lab.korora("a", "log", "prove", *args).code, code,
              "log prove %s" % args)
    for params in ({}, {"index": 0, "from": 1}, {"index": -1}, {"from": 0},
                   {"index": "0"}, {"index": 1 << 62}):
        r = lab.api("a", {"id": 1, "method": "log.prove", "params": params})
        equal(r.get("error", {}).get("code"), "KR-1001", "%s" % params)
    path = file_of(lab, "p", lab.told("a", "log", "prove", "0")["proof"])
    for args in ([], ["--old", path, *keys(lab, "a")]):
        equal(ours(lab, path, *args).code, "KR-1001", "log check %s" % args)


# ---- a host whose log is not what it was -----------------------------------

class Saved:
    """a's database and checkpoint file, as they are while kororad stands."""

    def __init__(self, lab, name):
        self.at = "%s/a/var/lib/korora/korora.db" % lab.dir
        self.dir = "%s/%s" % (lab.dir, name)
        os.mkdir(self.dir)
        for path in glob.glob(self.at + "*"):
            shutil.copy2(path, self.dir)

    def restore(self):
        for path in glob.glob(self.at + "*"):
            os.remove(path)
        for path in glob.glob(self.dir + "/*"):
            shutil.copy2(path, os.path.dirname(self.at))


@contextlib.contextmanager
def altered(lab, name, alter):
    """Meanwhile a runs on an altered database; then on its own again."""
    lab.lab("daemon", "a", "stop")
    saved = Saved(lab, name)
    alter()
    try:
        lab.lab("daemon", "a", "start")
        yield
        lab.lab("daemon", "a", "stop")
    finally:
        saved.restore()
        with contextlib.suppress(Failed):
            lab.lab("daemon", "a", "start")


def refuses(lab, code, mark):
    """b refuses a's log, the VM runs on at a, and b has both checkpoints."""
    before = lab.ticks("a")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, code), "exit, code: %r" % r)
    lab.until(lambda: lab.ticks("a") > before + 2, "VM that runs on at a")
    equal((lab.state("a"), lab.qemus("b")), ("running", []), "VM")
    lab.await_log("b", code, mark)
    found = [e["detail"] for e in lab.evidence("b", 500)
             if e["event"] == "peer-log-refused"][-1]
    equal((found["peer"], "KR-%d" % found["code"]), ("a", code), "evidence")
    for note in (found["seen"], found["shown"]):
        check(forger.signed(note, "a", crt(lab, "a")), "not a's: " + note)
    return [int(found[n].split("\n")[1]) for n in ("seen", "shown")]


def seen_by_b(lab):
    """b has seen all of a's log: no entry came since its cosignature."""
    lab.until(lambda: lab.told("a", "log", "prove", "0")["size"] ==
              lab.told("a", "log", "verify")["size"], "log as b saw it")


def a_log_rolled_back(lab):
    lab.works()
    lab.lab("daemon", "a", "stop")
    earlier = Saved(lab, "earlier")
    lab.lab("daemon", "a", "start")
    lab.works()
    seen_by_b(lab)
    mark = lab.mark()
    with altered(lab, "rolled", earlier.restore):
        equal(lab.korora("a", "log", "verify").rc, 0, "it finds nothing here")
        seen, shown = refuses(lab, "KR-3009", mark)
        check(seen > shown, "%d seen, %d shown" % (seen, shown))
        lab.await_log("a", "b has seen %d entries" % seen, mark)
    lab.works()


def a_log_forked_with_the_key(lab):
    lab.works()
    seen_by_b(lab)
    mark = lab.mark()

    def fork():
        def change(entry):
            entry["detail"]["requested_by"] = "nobody@a"
        forger.fork(lab.dir + "/a", -1, change)

    with altered(lab, "forked", fork):
        equal(lab.korora("a", "log", "verify").rc, 0, "it finds nothing here")
        found = [e["event"] for e in lab.evidence("a") if
                 e.get("detail", {}).get("requested_by") == "nobody@a"]
        equal(found, ["migration.done"], "what was altered")
        seen, shown = refuses(lab, "KR-3010", mark)
        # it adds entries of its own to what it has forked
        check(seen <= shown, "%d seen, %d shown" % (seen, shown))
    lab.works()


def an_edited_entry(lab):
    lab.works()
    n = lab.told("a", "log", "verify")["size"]
    release = [e["index"] for e in lab.evidence("a", 100)
               if e["event"] == "migration.release"][-1]
    lab.lab("daemon", "a", "stop")
    saved = Saved(lab, "edited")
    forger.edit(lab.dir + "/a", n // 2, b'"a"', b'"c"')
    r = lab.korora("a", "log", "verify")
    equal((r.rc, r.code), (1, "KR-8002"), "exit, code: %r" % r)
    check("entry %d" % (n // 2) in r.json["error"]["message"], "%r" % r)
    saved.restore()
    # what it is found by is signed, too
    forger.file_under(lab.dir + "/a", release, "")
    r = lab.korora("a", "log", "verify")
    equal((r.rc, r.code), (1, "KR-8002"), "exit, code: %r" % r)
    check("entry %d is not found as one of the migration" % release in
          r.json["error"]["message"], "%r" % r)
    saved.restore()
    lab.lab("daemon", "a", "start")
    lab.works()


# ---- a hostile peer --------------------------------------------------------

def told_off(lab, s, code):
    kind, body = s.receive()
    equal((kind, frames.reason(body)[0]), (frames.FAIL, code), "answer")


ENTRY = statements.policy_entry("evil")


def show(lab, s, size, root, seen=0, **more):
    """Show a log of that size; the code b refuses it for, or 0."""
    more.setdefault("policy", (0, ENTRY, more.get("proof", [])))
    s.send(frames.LOG_HEAD, statements.log_head(
        evil(lab), b"m" * 16, size, root, seen, **more))
    kind, body = s.receive()
    return 0 if kind == frames.LOG_COSIGN else frames.reason(body)[0]


def enrolled_anew(lab):
    """What b has seen of evil's log is forgotten."""
    if hasattr(lab, "evil"):
        lab.told("b", "host", "remove", "evil")
        lab.told("b", "host", "add", "evil", "10.77.0.66:7300",
                 "--fingerprint", lab.evil.fingerprint)


@harmless
def an_offer_without_a_log(lab):
    s = session(lab, log=False)
    s.send(frames.OFFER, offer(lab, s, definition=diskless(lab)).body())
    told_off(lab, s, 3003)
    s.close()
    check(not lab.qemus("b"), "b started a hypervisor")


@harmless
def a_peer_forks_its_log(lab):
    enrolled_anew(lab)
    s = session(lab, log=False)
    one, two = (statements.leaf(x) for x in (ENTRY, b"2"))
    both = statements.node(one, two)
    equal(show(lab, s, 1, one), 0, "its first log")
    equal(show(lab, s, 2, both, 1, proof=[two]), 0, "what it grew to")
    mine = 0, ENTRY, [two]
    equal(show(lab, s, 2, both, 2, policy=mine), 0, "the same")
    equal(show(lab, s, 2, statements.node(two, one), 2), 3010, "another")
    equal(show(lab, s, 3, both, 2, proof=[two]), 3010, "no proof")
    equal(show(lab, s, 1, one, 2), 3009, "a shorter one")
    equal(show(lab, s, 0, statements.EMPTY_LOG, 2), 3009, "an empty one")
    equal(show(lab, s, 2, both, 2, policy=mine), 0, "the one that it was")
    # what b saw is more than this proof begins with: it asks for the rest
    s.send(frames.LOG_HEAD, statements.log_head(
        evil(lab), b"m" * 16, 3, both, 1))
    kind, body = s.receive()
    equal((kind, body[16:24]), (frames.LOG_SEEN, (2).to_bytes(8, "big")),
          "its answer")
    s.close()
    found = [e["detail"]["code"] for e in lab.evidence("b", 500)
             if e["event"] == "peer-log-refused" and
             e["detail"]["peer"] == "evil"]
    check(found[-4:] == [3010, 3010, 3009, 3009], "evidence: %s" % found)
    enrolled_anew(lab)


@harmless
def a_policy_that_its_log_does_not_have(lab):
    """Nobody gets a log cosigned, or an offer taken, with another policy than
    the newest that this log was seen to have."""
    enrolled_anew(lab)
    s = session(lab, log=False)

    def entry(version, index=0, **more):
        return statements.policy_entry("evil", version, index, **more)
    two, three = entry(2), entry(3, 1)
    leaves = [statements.leaf(x) for x in (two, three)]
    root = statements.node(*leaves)
    for bad in ((0, entry(9), []), (1, two, []), (0, two, [leaves[1]]),
                (0, entry(2, digest=b"x" * 32), [])):
        equal(show(lab, s, 1, leaves[0], policy=bad), 3011, "%r" % (bad,))
    for bad in (b"{}", statements.policy_entry("a"), entry(2, 1),
                two.replace(b"policy-in", b"policy-of")):
        equal(show(lab, s, 1, statements.leaf(bad), policy=(0, bad, [])), 3011,
              "%s" % bad)
    equal(show(lab, s, 1, leaves[0], policy=(0, two, [])), 0, "its own")
    equal(show(lab, s, 2, root, 1, proof=[leaves[1]],
               policy=(1, three, [leaves[0]])), 0, "the next one")
    equal(show(lab, s, 2, root, 2, policy=(0, two, [leaves[1]])), 3011,
          "the one before")
    equal(show(lab, s, 2, root, 2, policy=(1, three, [leaves[0]])), 0,
          "the one in force")
    s.close()
    found = [e["detail"] for e in lab.evidence("b", 500)
             if e["event"] == "peer-log-refused"][-1]
    equal(found["code"], 3011, "evidence")
    check("version 2 of its policy, and had version 3" in found["what"],
          found["what"])
    enrolled_anew(lab)


@harmless
def a_head_that_it_did_not_sign(lab):
    enrolled_anew(lab)
    s = session(lab, log=False)
    s.send(frames.LOG_HEAD, statements.log_head(
        evil(lab), b"m" * 16, 1, b"r" * 32,
        signature=evil(lab).vouch("b", 1, b"r" * 32)))
    end = s.end()
    equal(end.code, 3005, "its end: %s" % end)
    s.close()


@harmless
def a_cosignature_of_nothing(lab):
    for size, code in ((1 << 40, 1011), (1, 3005)):
        s = session(lab, log=False)
        s.send(frames.LOG_COSIGN, b"m" * 16 + size.to_bytes(8, "big") +
               frames.text(evil(lab).vouch("b", size, b"r" * 32)))
        try:
            s.receive()
            raise Failed("it was taken")
        except Closed as e:
            equal(e.code, code, "its end: %s" % e)
        s.close()


if __name__ == "__main__":
    run([(LAB, [
        proofs_of_a_migration, every_entry_has_a_proof, proofs_that_it_grew,
        altered_proofs_are_refused, earlier_entries, wrong_questions,
        a_log_rolled_back,
        a_log_forked_with_the_key, an_edited_entry, an_offer_without_a_log,
        a_peer_forks_its_log, a_policy_that_its_log_does_not_have,
        a_head_that_it_did_not_sign,
        a_cosignature_of_nothing])])
