# SPDX-License-Identifier: Apache-2.0
"""What hosts say to each other while memory is owed, said by who lies: a host
that has no part in the migration, and either of the two that have, by the
side of its own kororad. Nothing comes of it but what is told in the log; then
lanes break, and the honest ones bring the VM home."""
import base64
import contextlib
import json
import os
import shutil
import signal

from hostile import evil
from labrun import BUILD, equal, run, stopped
import liar
from certs import Identity
import frames
from peer import Session
import statements
from statements import Offer
from test_postcopy import agents, begun, complete, kill_plane, receipt

LAB = {"up": ["--rate", "20", "--wss", "16"], "mem": 128,
       "conf": {"host": {"peer_timeout_s": 3}}}
NONE = "00" * 32
ROOT = "ab" * 32


# ---- who lies, and how ----------------------------------------------------

def turned(lab, name):
    """The identity of a or b, in an attacker's hands."""
    folder = "%s/bad-%s" % (lab.dir, name)
    me = Identity(folder, name)
    if not os.path.exists(folder):
        os.makedirs(folder)
        for f in ("identity.key", "identity.crt"):
            shutil.copy("%s/%s/etc/korora/%s" % (lab.dir, name, f), folder)
        me.make_link()
    return me


def entries(lab, host, id):
    """(event, envelope or None) of each entry of the log about it."""
    return [(e["event"], e.get("envelope")) for e in lab.evidence(host, 500)
            if e.get("migration") == id]


def statement(lab, id, kind, **late):
    """What a statement of this kind has to be, but for what is given."""
    envelope = dict(entries(lab, "a", id))["migration.release"]
    said = json.loads(base64.b64decode(envelope["payload"]))
    said["predicateType"] = said["predicateType"].replace("release", kind)
    said["predicate"]["postcopy"].update(late)
    said["predicate"]["migration"] = late.pop("migration", id)
    said["predicate"]["postcopy"].pop("migration", None)
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def step(lab, me, id, kind, signature=None, **late):
    """A message with it, signed by me, or with that signature."""
    full = dict(dict(lost=False, ram_root=NONE, stream_bytes=0), **late)
    if kind == "complete":
        full = dict(dict(complete_ms=1, late_pages=1, recoveries=0), **full)
    if signature is None:
        signature = me.sign(kind, statement(lab, id, kind, **full))
    full.pop("migration", None)
    o = Offer(me, "b", bytes(32), "name = dirtier", bytes(32),
              migration=bytes.fromhex(id))
    return frames.STEP, o.step(kind, signature, statements.late(**full))


def mend(id, attempt, kind=frames.MEND, **more):
    return kind, frames.mend(bytes.fromhex(id), attempt, **more)


def refused(lab, me, to, code, *messages):
    """Each ends its session with the code, and the log tells."""
    for kind, body in messages:
        mark = lab.mark()
        s = Session(lab.connect("mallory", to), me)
        s.send(kind, body)
        equal(s.end().code, code, "end of the session at %s" % to)
        s.close()
        lab.await_log(to, "session from %s.*KR-%d" % (me.name, code), mark)


def ignored(lab, me, to, *messages):
    """The session goes on, and the log tells."""
    for kind, body in messages:
        mark = lab.mark()
        s = Session(lab.connect("mallory", to), me)
        s.send(kind, body)
        lab.await_log(to, "%s: KR-7001" % me.name, mark)
        s.send(frames.BYE, frames.word())
        equal(s.end().code, 2014, "end of the session at %s" % to)
        s.close()


# ---- meanwhile ------------------------------------------------------------

def now(lab, id):
    """All that a lie might change."""
    return [(s["phase"], s["postcopy"]["recoveries"],
             s["postcopy"]["lost"], [e for e, _ in entries(lab, h, id)],
             lab.qemus(h))
            for h in "ab" for s in [lab.status(h, id)]]


@contextlib.contextmanager
def held(lab):
    """Memory is owed, and stays so: the source's hypervisor stands still.
    What is said meanwhile changes nothing."""
    p, id = begun(lab)
    with stopped(lab.qemus("a")):
        before = now(lab, id)
        equal([x[0] for x in before], ["post-copy"] * 2, "phases")
        yield p, id
        equal(now(lab, id), before, "what it was before the lies")


@contextlib.contextmanager
def rest_is_said(lab):
    """All was sent, and b does not hear that it came; yields the entry."""
    p, id = begun(lab)
    with stopped(agents(lab, "b", "korora-qmp")):
        lab.until(lambda: "migration.rest" in dict(entries(lab, "a", id)),
                  "rest", 30)
        yield p, id, [e["detail"] for e in lab.evidence("a", 500)
                      if e["event"] == "migration.rest"][-1]


def home(lab, p, id, recoveries):
    """The honest hosts end it, and can do so once more."""
    complete(lab, p, id, recoveries=recoveries)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def shown(lab, p, id):
    """The end of a test: lanes break, too."""
    kill_plane(lab, "b")
    home(lab, p, id, True)


# ---- MEND and MENDED ------------------------------------------------------

def mend_that_is_malformed(lab):
    with held(lab) as (p, id):
        for me, to in ((turned(lab, "a"), "b"), (turned(lab, "b"), "a")):
            for kind in (frames.MEND, frames.MENDED):
                body = mend(id, 1)[1]
                refused(lab, me, to, 3001,
                        *((kind, x) for x in (b"", body[:-1], body + b"x",
                                              body + bytes(30000),
                                              mend(id, 0)[1],
                                              mend(id, 1, goes_on=2)[1])))
    shown(lab, p, id)


def mend_by_who_has_no_part(lab):
    with held(lab) as (p, id):
        for to in "ab":
            for n in (1, 65535):
                refused(lab, evil(lab), to, 1006, mend(id, n),
                        mend(id, n, frames.MENDED))
            refused(lab, turned(lab, "a" if to == "b" else "b"), to, 1006,
                    mend(os.urandom(16).hex(), 1))
    shown(lab, p, id)


def mend_out_of_turn(lab):
    """What the other side has to say; MENDED that nobody waits for."""
    with held(lab) as (p, id):
        ignored(lab, turned(lab, "a"), "b", mend(id, 1, frames.MENDED))
        ignored(lab, turned(lab, "b"), "a", mend(id, 1),
                mend(id, 1, frames.MENDED), mend(id, 7, frames.MENDED))
    shown(lab, p, id)
    ignored(lab, turned(lab, "a"), "b", mend(id, 1000))
    ignored(lab, turned(lab, "b"), "a", mend(id, 1000, frames.MENDED))


def mend_of_an_old_attempt(lab):
    """Lanes were set up anew; what set them up is said again."""
    p, id = begun(lab)
    kill_plane(lab, "b")
    n = lab.until(lambda: lab.status("a", id)["postcopy"]["flows"] and
                  lab.status("b", id)["postcopy"]["recoveries"], "recovery",
                  30)
    with stopped(lab.qemus("a")):
        before = now(lab, id)
        ignored(lab, turned(lab, "a"), "b", *(mend(id, i)
                                              for i in range(1, n + 1)))
        ignored(lab, turned(lab, "b"), "a", *(mend(id, i, frames.MENDED)
                                              for i in range(1, n + 1)))
        equal(now(lab, id), before, "what it was before the lies")
        equal(before[0][0], "post-copy", "phase")
    shown(lab, p, id)


def mend_that_could_be_true(lab, goes_on=0):
    """The destination cannot know better. The source's own attempts are old
    ones then, until they are not; and the hypervisor, which was about to take
    the first new lanes, takes others."""
    p, id = begun(lab)
    a = turned(lab, "a")
    with stopped(lab.qemus("a")):
        s = Session(lab.connect("mallory", "b"), a)
        s.send(*mend(id, 3, goes_on=goes_on))
        lab.until(lambda: lab.status("b", id)["postcopy"]["recoveries"] == 3,
                  "new lanes, at b")
        kind, body = s.receive()
        while kind != frames.MENDED:
            kind, body = s.receive()
        equal(body[:19], frames.mend(bytes.fromhex(id), 3, goes_on)[:19],
              "MENDED")
        s.close()
        ignored(lab, a, "b", mend(id, 3), mend(id, 2))
    home(lab, p, id, True)


def mend_of_lanes_that_could_be_true(lab):
    """As above, of a plane that would go on: the hypervisor hears nothing."""
    mend_that_could_be_true(lab, 1)


def mend_from_where_nobody_is(lab):
    """The source's hypervisor has what the other never said: no such lanes."""
    p, id = begun(lab)
    a = turned(lab, "a")
    s = Session(lab.connect("mallory", "b"), a)
    s.send(*mend(id, 1, goes_on=1, position=1 << 40))
    lab.await_log("b", "of a return path of")
    s.close()
    home(lab, p, id, True)


# ---- rest, to the destination ---------------------------------------------

def rest_that_is_false(lab):
    a, b = turned(lab, "a"), turned(lab, "b")
    with held(lab) as (p, id):
        owed = lab.status("b", id)["postcopy"]["owed_pages"]
        refused(lab, a, "b", 3005,
                step(lab, a, id, "rest", signature=b""),
                step(lab, a, id, "rest", signature=b"x" * 70),
                step(lab, b, id, "rest"),
                step(lab, a, id, "rest", owed_pages=owed + 1),
                step(lab, a, id, "rest", migration="77" * 16),
                step(lab, a, id, "rest", a.sign("rest", statement(
                    lab, id, "complete")), lost=True))
        refused(lab, a, "b", 3003,
                step(lab, a, id, "rest", lost=True, ram_root=ROOT,
                     stream_bytes=1),
                step(lab, a, id, "complete"))
        kind, body = step(lab, a, id, "rest")
        refused(lab, a, "b", 3001, (kind, body[:-100]), (kind, body + b"x"))
        refused(lab, evil(lab), "b", 1006, (kind, body))
    shown(lab, p, id)


def rest_that_is_forged_behind_a_true_one(lab):
    """One that is not signed takes no place of one that is, though the source
    cannot say it once more."""
    a = turned(lab, "a")
    with contextlib.ExitStack() as still:
        with rest_is_said(lab) as (p, id, _):
            still.enter_context(stopped([lab.pid("a")]))
            refused(lab, a, "b", 3005, step(lab, a, id, "rest", b"x" * 70,
                                            ram_root=ROOT, stream_bytes=1))
        lab.await_phase("b", id, "receipt")
        equal(lab.status("b", id)["postcopy"]["lost"], False, "lost")
    home(lab, p, id, False)


def rest_is_said_by_an_earlier_kororad(lab):
    """The source knows what it signed for, started anew; so the receipt may
    say it."""
    with rest_is_said(lab) as (p, id, said):
        lab.lab("daemon", "a", "kill")
        lab.lab("daemon", "a", "start")
    for h in "ab":
        lab.until(lambda: lab.status(h, id)["state"] == "completed",
                  "end of it at " + h, 30)
    p.stop()
    lab.runs("b")
    receipt(lab, "a", id, lab.status("b", id)["postcopy"])
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def rest_before_the_split(lab):
    """Nothing is late yet: whatever either says, it goes its way."""
    a, b = turned(lab, "a"), turned(lab, "b")
    p, id = lab.migrating("a", "b", "--strategy", "hybrid", "--bandwidth",
                          "400mbit")
    for h in "ab":
        lab.await_phase(h, id, "copy")
    with stopped(lab.qemus("a")):
        ignored(lab, a, "b", mend(id, 1), mend(id, 1, frames.MENDED),
                step(lab, a, id, "rest", b"x" * 70),
                step(lab, a, id, "rest", b"x" * 70, lost=True))
        refused(lab, b, "a", 3003, step(lab, b, id, "complete", b"x" * 70))
        ignored(lab, b, "a", mend(id, 1), mend(id, 1, frames.MENDED))
        equal([lab.status(h, id)["phase"] for h in "ab"], ["copy"] * 2,
              "phases after lies")
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


# ---- complete, to the source ----------------------------------------------

def complete_that_is_false(lab):
    a, b = turned(lab, "a"), turned(lab, "b")
    with held(lab) as (p, id):
        owed = lab.status("a", id)["postcopy"]["owed_pages"]
        refused(lab, b, "a", 3005,
                step(lab, b, id, "complete", signature=b""),
                step(lab, b, id, "complete", signature=b"x" * 70),
                step(lab, a, id, "complete"),
                step(lab, b, id, "complete", owed_pages=owed - 1),
                step(lab, b, id, "complete", migration="77" * 16),
                step(lab, b, id, "complete", b.sign("complete", statement(
                    lab, id, "owner"))))
        # of memory that was not sent there is no root, nor of a loss
        refused(lab, b, "a", 3003,
                step(lab, b, id, "complete", ram_root=ROOT, stream_bytes=1),
                step(lab, b, id, "complete", ram_root=ROOT),
                step(lab, b, id, "complete", stream_bytes=1),
                step(lab, b, id, "complete", lost=True, ram_root=ROOT,
                     stream_bytes=1),
                step(lab, b, id, "rest"))
        refused(lab, evil(lab), "a", 1006, step(lab, b, id, "complete"))
    shown(lab, p, id)


def complete_of_other_than_was_sent(lab):
    """The true root, and what does not go with it."""
    b = turned(lab, "b")
    with rest_is_said(lab) as (p, id, said):
        root, n = said["ram_root"], said["stream_bytes"]
        refused(lab, b, "a", 3003, *(
            step(lab, b, id, "complete", **dict(
                dict(ram_root=root, stream_bytes=n), **lie))
            for lie in (dict(ram_root=ROOT), dict(stream_bytes=n + 1),
                        dict(recoveries=1), dict(lost=True))))
        equal(lab.status("a", id)["phase"], "post-copy", "phase")
    home(lab, p, id, False)


def complete_once_more(lab):
    """The true one is answered by the receipt, as ever; another is not."""
    p, id = begun(lab)
    complete(lab, p, id, recoveries=False)
    b = turned(lab, "b")
    said = dict(entries(lab, "b", id))["migration.receipt"]
    late = json.loads(base64.b64decode(said["payload"]))["predicate"][
        "postcopy"]
    signature = base64.b64decode(said["signatures"][0]["sig"])
    before = now(lab, id)
    s = Session(lab.connect("mallory", "a"), b)
    s.send(*step(lab, b, id, "complete", signature, **late))
    kind, body = s.receive()
    equal((kind, body[0]),
          (frames.STEP, statements.STATEMENTS.index("receipt")),
          "answer to the true one")
    s.close()
    late["late_pages"] += 1
    refused(lab, b, "a", 3005, step(lab, b, id, "complete", **late))
    equal(now(lab, id), before, "what it was before")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


# ---- a data plane that lies -------------------------------------------------

def differ(lab, host):
    """The last manifests differ by what host's data plane says of them: the
    VM is lost, both hosts say so, and no root is signed for."""
    folder = lab.dir + "/agents"
    liar.install(folder, BUILD + "/daemon")
    lab.lab("daemon", host, "stop")
    lab.lab("daemon", host, "start", "KORORA_LIBEXEC=" + folder)
    p, id = begun(lab)
    r = p.result()
    equal((r.rc, r.code, r.json["status"]), (3, "KR-7004", "lost"), "%r" % r)
    for h in "ab":
        lab.until(lambda: lab.status(h, id)["phase"] == "done",
                  "end of it at " + h)
        s = lab.status(h, id)
        equal((s["state"], s["error"]["code"], s["postcopy"]["lost"]),
              ("lost", "KR-7004", True), "at " + h)
        lab.until(lambda: not lab.qemus(h), "end of the hypervisor on " + h)
        said = lab.told(h, "receipt", "verify",
                        "%s/%s/var/lib/korora/receipts/%s.json" % (
                            lab.dir, h, id))["postcopy"]
        equal((said["lost"], said["ram_root"], said["complete_ms"]),
              (True, NONE, 0), "in the receipt of " + h)
        equal(lab.korora(h, "log", "verify").rc, 0, "log verify on " + h)
    equal((lab.state("a"), lab.state("b")), ("moved", "lost"), "states")
    lab.await_log("b", "KR-7004 .*is not what arrived")
    rest, own = ([e["detail"] for e in lab.evidence(h, 500)
                  if e["event"] == "migration." + event][-1]
                 for h, event in (("a", "rest"), ("b", "differs")))
    equal((own["sent_root"], own["sent_bytes"]),
          (rest["ram_root"], rest["stream_bytes"]), "what a signed, at b")
    equal(own["stream_bytes"], rest["stream_bytes"], "length at b")
    # it is started anew from its disks, and travels as ever
    lab.restart(host)
    equal(lab.korora("b", "vm", "start", "dirtier").rc, 0, "vm start")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def plane_of_the_source_lies(lab):
    differ(lab, "a")


def plane_of_the_destination_lies(lab):
    differ(lab, "b")


if __name__ == "__main__":
    run([(LAB, [mend_that_is_malformed, mend_by_who_has_no_part,
                mend_out_of_turn, mend_of_an_old_attempt, rest_that_is_false,
                rest_that_is_forged_behind_a_true_one,
                rest_is_said_by_an_earlier_kororad, rest_before_the_split,
                complete_that_is_false, complete_of_other_than_was_sent,
                complete_once_more]),
         (dict(LAB, qemu10=True, up=LAB["up"] + ["--qemu-a", "10",
                                                 "--qemu-b", "10"]),
          [mend_that_could_be_true, mend_from_where_nobody_is]),
         (LAB, [mend_of_lanes_that_could_be_true]),
         (LAB, [plane_of_the_source_lies]),
         (LAB, [plane_of_the_destination_lies])])
