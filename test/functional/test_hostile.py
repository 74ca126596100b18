# SPDX-License-Identifier: Apache-2.0
"""A malicious host that is enrolled: its frames, offers and sessions."""
import contextlib
import os
import time

from hostile import (LAB, children, definition, diskless, ended, evil, frame,
                     harmless, offer, session)
from labrun import check, equal, run
import frames
from peer import Closed
import statements


# ---- frames ---------------------------------------------------------------

def sent(name, codes, *chunks):
    """Bytes after the hello, and the codes they may be answered by."""
    def test(lab):
        s = session(lab)
        with contextlib.suppress(OSError):
            for c in chunks:
                s.raw(c)
        ended(lab, s, *codes)
    test.__name__ = name
    return harmless(test)


FRAMES = [
    sent("length_zero", [3001], bytes(64)),
    sent("length_too_small", [3001], frame(frames.ALIVE, length=9)),
    sent("length_over_the_limit", [3002], frame(frames.OFFER, length=32779)),
    sent("length_of_2_gib", [3002], frame(frames.OFFER, length=1 << 31)),
    sent("length_of_4_gib", [3002], frame(frames.OFFER, length=(1 << 32) - 1),
         b"x" * 500000),
    sent("longest_frame", [3001, 3003], frame(frames.OFFER, b"x" * 32768)),
    sent("replayed_message", [2010], frame(frames.ALIVE, seq=1),
         frame(frames.ALIVE, seq=1)),
    sent("message_left_out", [2010], frame(frames.ALIVE, seq=2)),
    sent("sequence_of_all_ones", [2010], frame(frames.ALIVE,
                                               seq=(1 << 64) - 1)),
    sent("unknown_type", [3003], frame(999)),
    sent("type_zero", [3003], frame(0)),
    sent("second_hello", [3003], frame(frames.HELLO, frames.hello_body())),
    sent("heartbeat_with_a_body", [3003], frame(frames.ALIVE, b"x")),
    sent("garbage_frames", [3001, 3002], os.urandom(100000)),
    sent("empty_offer", [3001], frame(frames.OFFER)),
    sent("empty_step", [3001], frame(frames.STEP)),
    sent("step_of_no_kind", [3001], frame(frames.STEP, b"\xff" * 900)),
    sent("too_many_checks", [3001], frame(frames.CHECKED, b"\xff\xff" * 40)),
    sent("checks_nobody_asked_for", [2014], frame(frames.CHECKED, bytes(18)),
         frame(frames.BYE, frames.word(), 2)),
    sent("goodbye", [2014], frame(frames.BYE, frames.word())),
    sent("goodbye_with_a_reason", [3006, 2014], frame(
        frames.BYE, frames.word(kr=65535, what="%s%n\x07" * 0 + "%s%n"))),
    sent("goodbye_with_control_characters", [3001], frame(
        frames.BYE, frames.word(kr=3001, what=b"\x1b[2J\x00"))),
    sent("fail_for_an_unknown_migration", [2014], frame(
        frames.FAIL, frames.word(os.urandom(16), 5001, "x")),
        frame(frames.BYE, frames.word(), 2)),
    sent("ask_for_an_unknown_migration", [2014], frame(
        frames.ASK, frames.word(os.urandom(16))),
        frame(frames.BYE, frames.word(), 2)),
]


@harmless
def message_before_hello(lab):
    s = session(lab, hello=False)
    s.raw(frame(frames.OFFER, b"x" * 100, seq=0))
    s.receive()
    equal(s.end().code, 3003, "code")
    lab.await_log("b", "KR-3003", lab.since)


@harmless
def hello_without_an_end(lab):
    s = session(lab, hello=False)
    s.raw(frame(frames.HELLO, b"\0\1\0\1\xff\xff", seq=0))
    s.receive()
    equal(s.end().code, 3001, "code")


# ---- offers and steps -----------------------------------------------------

@harmless
def truncated_offers(lab):
    s = session(lab)
    body = offer(lab, s).body()
    for n in (1, 17, 200, len(body) // 2, len(body) - 1):
        with contextlib.suppress(Closed):
            s = session(lab)
            s.send(frames.OFFER, body[:n])
            ended(lab, s, 3001)
    s = session(lab)
    s.send(frames.OFFER, body + b"x")
    ended(lab, s, 3001)


@harmless
def offers_predicted_by_nothing(lab):
    """Of no such basis, or of one but without figures."""
    for basis, figures in ((4, (10, 10, 10)), (63, (10, 10, 10)),
                           (2, (0, 0, 0)), (0, (0, 1, 0))):
        s = session(lab)
        o = offer(lab, s)
        o.more = statements.predicted(basis, *figures)
        s.send(frames.OFFER, o.body())
        ended(lab, s, 3001)


def refused_offer(lab, s, o, code, **body):
    s.send(frames.OFFER, o.body(**body))
    kind, answer = s.receive()
    equal((kind, frames.reason(answer)[0]), (frames.FAIL, code), "answer")
    s.close()
    lab.await_log("b", "KR-%d" % code, lab.since)
    found = [e["detail"] for e in lab.evidence("b", 500)
             if e["event"] == "offer-refused"]
    check(found and found[-1]["code"] == code and
          found[-1]["peer"] == "evil", "evidence: %s" % found[-1:])
    check(not lab.qemus("b"), "b started a hypervisor")


@harmless
def offer_of_another_session(lab):
    s = session(lab)
    o = offer(lab, s, epoch=1000)
    s.close()
    refused_offer(lab, session(lab), o, 2010)


@harmless
def offer_with_another_signature(lab):
    for statement in (b"{}", b""):
        s = session(lab)
        o = offer(lab, s, definition=diskless(lab))
        refused_offer(lab, s, o, 3005,
                      signature=evil(lab).sign("offer", statement))
    s = session(lab)
    refused_offer(lab, s, offer(lab, s, definition=diskless(lab)), 3005,
                  signature=b"")


@harmless
def offer_of_another_definition(lab):
    s = session(lab)
    o = offer(lab, s, epoch=1000)
    o.definition = o.definition.replace("memory_mb = 64", "memory_mb = 65")
    check(o.definition != definition(lab), "nothing changed")
    refused_offer(lab, s, o, 3005)


@harmless
def offer_of_an_old_epoch(lab):
    """An old copy of the VM is brought back."""
    lab.works()
    s = session(lab)
    refused_offer(lab, s, offer(lab, s, epoch=1), 4008)


@harmless
def offer_of_a_vm_that_runs_here(lab):
    lab.migrate("a", "b")
    s = session(lab)
    s.send(frames.OFFER, offer(lab, s, epoch=1000,
                             definition=lab.told("b", "vm", "show", "dirtier")
                             ["definition"]).body())
    kind, answer = s.receive()
    equal((kind, frames.reason(answer)[0]), (frames.FAIL, 4007), "answer")
    s.close()
    lab.runs("b")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


@harmless
def offer_of_a_disk_that_is_not_there(lab):
    s = session(lab)
    for file in ("images:../../../../etc/shadow", "images:nothing.raw",
                 "nowhere:x.raw"):
        text = definition(lab).replace("images:dirtier.raw", file).replace(
            "name = dirtier", "name = trojan")
        s = session(lab)
        s.send(frames.OFFER, offer(lab, s, definition=text).body())
        try:
            kind, answer = s.receive()
            code = frames.reason(answer)[0] if kind == frames.FAIL else 0
        except Closed as e:
            code = e.code
        check(code in (3001, 4001, 4009), "%s: %d" % (file, code))
        s.close()
    check(not lab.qemus("b"), "b started a hypervisor")


def trojan(lab, s):
    """An offer that b accepts: a VM without disks."""
    o = offer(lab, s, definition=diskless(lab))
    s.send(frames.OFFER, o.body())
    kind, body = s.receive()
    equal(kind, frames.STEP, "answer to a good offer: %s" % (
        frames.reason(body) if kind == frames.FAIL else kind))
    return o


def dropped(lab):
    """Nothing is left of what b reserved."""
    lab.until(lambda: not lab.qemus("b"), "end of the hypervisor on b", 20)
    r = lab.korora("b", "vm", "show", "trojan")
    equal(r.code, "KR-1004", "vm show of the trojan")


@harmless
def accepted_and_hung_up(lab):
    s = session(lab)
    trojan(lab, s)
    check(lab.qemus("b"), "no hypervisor waits")
    s.close()
    dropped(lab)


@harmless
def accepted_and_silent(lab):
    """The session goes on with heartbeats, and no lane ever comes."""
    s = session(lab)
    o = trojan(lab, s)
    s.tls.settimeout(0.5)
    end = time.monotonic() + 60
    while lab.qemus("b") and time.monotonic() < end:
        s.send(frames.ALIVE)
        with contextlib.suppress(Closed, OSError):
            s.tls.recv(65536)
    left = lab.qemus("b")
    s.close()
    dropped(lab)
    check(not left, "b kept its hypervisor waiting for a lane for 60 s")
    lab.await_log("b", "migration %s.*FAIL" % o.migration.hex()[:8],
                  lab.since)


@harmless
def accepted_and_a_false_lane(lab):
    """The right lane, and garbage instead of TLS on it."""
    s = session(lab)
    o = trojan(lab, s)
    with lab.connect("mallory", "b") as lane:
        lane.sendall(frames.preamble(o.migration) + os.urandom(3000))
        kind, body = s.receive()
        equal((kind, frames.reason(body)[0]), (frames.FAIL, 5001), "answer")
    dropped(lab)
    lab.await_log("b", "KR-5001", lab.since)
    s.close()


@harmless
def accepted_and_a_stranger_takes_the_lane(lab):
    """A second connection for the lane is refused, the first one stays."""
    s = session(lab)
    o = trojan(lab, s)
    with lab.connect("mallory", "b") as one:
        one.sendall(frames.preamble(o.migration))
        time.sleep(0.3)
        with lab.connect("client", "b") as two:
            two.sendall(frames.preamble(o.migration))
            with contextlib.suppress(ConnectionResetError):
                equal(two.recv(10), b"", "answer to the second lane")
        lab.await_log("b", "10.77.0.9.* KR-3008", lab.since)
    s.close()
    dropped(lab)


@harmless
def steps_out_of_order(lab):
    """A release without a manifest, owner and receipt by the source."""
    for kind in ("release", "receipt", "owner", "prepared", "manifest",
                 "abort", "disown"):
        s = session(lab)
        o = trojan(lab, s)
        with contextlib.suppress(OSError):
            s.send(frames.STEP, o.step(kind))
            s.send(frames.BYE, frames.word())
        s.end()
        s.close()
        dropped(lab)
    check("T_OWNER" not in lab.logged("b", lab.since).split("trojan")[-1],
          "b owns the trojan")


@harmless
def step_for_an_unknown_migration(lab):
    s = session(lab)
    o = offer(lab, s)
    for kind in statements.STATEMENTS:
        s = session(lab)
        s.send(frames.STEP, o.step(kind))
        ended(lab, s, 1006)


@harmless
def step_for_anothers_migration(lab):
    """evil sends an abort for a migration between a and b."""
    p, id = lab.migrating("a", "b", "--bandwidth", "15MB")
    lab.await_phase("b", id, "copy")
    s = session(lab)
    o = offer(lab, s, migration=bytes.fromhex(id))
    s.send(frames.FAIL, frames.word(bytes.fromhex(id), 5001, "stop it"))
    s.send(frames.ASK, frames.word(bytes.fromhex(id)))
    s.send(frames.STEP, o.step("abort"))
    ended(lab, s, 1006)
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


# ---- sessions -------------------------------------------------------------

@harmless
def many_sessions_of_a_peer(lab):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            s = session(lab)
            stack.callback(s.close)
        lab.works()
    lab.until(lambda: len(children(lab.pid("b"))) < 8, "end of the agents")


@harmless
def peer_that_never_reads(lab):
    s = session(lab)
    ask = offer(lab, s, epoch=1000).body()
    with contextlib.suppress(OSError):
        s.tls.settimeout(3)
        for _ in range(3000):
            s.send(frames.CHECK, ask)
    s.close()


if __name__ == "__main__":
    run([(LAB, [
        *FRAMES, message_before_hello, hello_without_an_end, truncated_offers, offers_predicted_by_nothing,
        offer_of_another_session, offer_with_another_signature,
        offer_of_another_definition, offer_of_an_old_epoch,
        offer_of_a_vm_that_runs_here, offer_of_a_disk_that_is_not_there,
        accepted_and_hung_up, accepted_and_silent, accepted_and_a_false_lane,
        accepted_and_a_stranger_takes_the_lane, steps_out_of_order,
        step_for_an_unknown_migration, step_for_anothers_migration,
        many_sessions_of_a_peer, peer_that_never_reads])])
