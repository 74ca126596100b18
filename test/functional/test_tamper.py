# SPDX-License-Identifier: Apache-2.0
"""A man in the middle on the switch: he reads, changes, cuts, and replays.

mallory makes a and b send him what is for the other (test/attack/mitm.py).
Whatever he does, the VM runs on exactly one host, whole, the hosts say what
happened by a named error, and the next migration succeeds.
"""
import contextlib
import json
import os
import threading

from labrun import ATTACK, check, equal, run
import certs
import frames

MITM = os.path.join(ATTACK, "mitm.py")


class Middle:
    """mallory in between, inside `with`; events is what he tells."""

    def __init__(self, lab, *args):
        self.lab, self.events = lab, []
        self.p = lab.start("mallory", "/usr/bin/python3", MITM, *args)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with contextlib.suppress(ValueError):
            for line in self.p.p.stdout:
                self.events.append(json.loads(line))

    def got(self, event):
        return [e for e in self.events if e["event"] == event]

    def __enter__(self):
        if getattr(self.lab, "straight", True):
            # a session that goes straight from a to b is of no use to him
            self.lab.restart("a")
        self.lab.until(lambda: self.got("ready") or self.p.done(),
                       "man in the middle")
        check(not self.p.done(), "mitm.py ended")
        return self

    def __exit__(self, *exc):
        self.p.p.terminate()
        self.reader.join(10)
        self.p.stop()
        self.lab.straight = False	# what went through him ended with him


def straight(lab):
    """An ordinary migration without him."""
    lab.straight = True
    lab.works()


def passing_through(lab):
    """He really stands in between, and may read all he wants."""
    with Middle(lab, "pass") as m:
        own = m.got("ready")[0]["own"]
        neighbours = lab.exec("a", "ip", "neigh", "show", "10.77.0.2").out
        check(own in neighbours, "a takes b to be at " + neighbours)
        wire = 0
        for src, dst in ("ab", "ba"):
            r = lab.migrate(src, dst)
            equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
            wire += r.json["wire_bytes"]
        lab.runs("a")
    s = m.got("summary")[0]
    equal([c["kind"] for c in m.got("connection")],
          ["control"] + ["lane"] * 4, "connections")
    check(s["relayed"]["forward"] >= 0.99 * wire, "%s of %d bytes" % (s, wire))


def intercepting(name):
    def test(lab):
        me = certs.Identity.make("%s/mallory-%s" % (lab.dir, name), name)
        mark = lab.mark()
        with Middle(lab, "intercept", "--identity", me.dir) as m:
            r = lab.migrate("a", "b")
            lab.refused(r, "KR-2002", status="refused")
            lab.await_log("a", "KR-2002", mark)
            lab.await_log("b", "KR-2002", mark)
            lab.until(lambda: m.got("failed"), "failure of the interception")
        equal({e["by"] for e in m.got("refused")}, {"client", "server"},
              "who refused him")
        straight(lab)
    test.__name__ = "intercepting_as_" + name
    return test


# What may be told of a byte changed before the release. a and b need not find
# the same: one sees the forgery, the other that the first one hung up.
LANE = ("KR-5001", "KR-5002", "KR-5003")
CONTROL = ("KR-2006", "KR-2007", "KR-2008", "KR-2009", "KR-2012", "KR-2013",
           "KR-2014", "KR-2015", "KR-3006")


def undone(name, args, a, b):
    """An attack before the release: the VM stays on a.

    a: the codes its user may see; b: what is in b's log
    """
    def test(lab):
        mark = lab.mark()
        with Middle(lab, *args.split()) as m:
            r = lab.migrate("a", "b", "--strategy", "offline"
                            if "pause" in args else "precopy")
            check(m.got(args.split()[0]), "nothing was done to: %r" % r)
            lab.refused(r, *a)
            lab.await_log("a", r.code, mark)
            lab.await_log("b", b, mark)
            lab.works()		# through him, who now only relays
    test.__name__ = name
    return test


def done(name, args):
    """An attack after the release: it is driven to its end all the same."""
    def test(lab):
        with Middle(lab, *args.split()) as m:
            r = lab.migrate("a", "b", timeout=40)
            check(m.got(args.split()[0]), "nothing was done to: %r" % r)
            equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
            lab.runs("b")
            equal(lab.state("a"), "moved", "state on a")
            lab.until(lambda: lab.status("b", r.json["migration"])["state"] ==
                      "completed", "completion on b")
            for h in "ab":
                v = lab.korora(h, "receipt", "show", r.json["migration"])
                equal(v.rc, 0, "receipt on %s: %r" % (h, v))
            equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
            lab.works()
    test.__name__ = name
    return test


FLIPS = [
    # the lane's preamble, in the clear
    undone("lane_preamble_magic", "flip --at 0", LANE, "KR-3001"),
    undone("lane_preamble_version", "flip --at 4", LANE, "KR-3004"),
    undone("lane_preamble_number", "flip --at 5 --bit 7", LANE,
           "KR-3007"),
    undone("lane_preamble_migration", "flip --at 9", LANE, "KR-3007"),
    # its handshake
    undone("lane_hello_header", "flip --at record:0:0", LANE, "KR-500[123]"),
    undone("lane_hello_length", "flip --at record:0:4", LANE, "KR-500[123]"),
    undone("lane_hello", "flip --at record:0:40", ["KR-5001"], "KR-5001"),
    undone("lane_finished", "flip --at record:1", ["KR-5001"], "KR-5001"),
    undone("lane_server_hello", "flip --dir back --at record:0:40",
           ["KR-5001"], "KR-5001"),
    undone("lane_server_finished", "flip --dir back --at record:2",
           ["KR-5001"], "KR-500[12]"),
    # the VM's memory and devices
    undone("lane_ram_early", "flip --at 100000", ["KR-5001"], "KR-5001"),
    undone("lane_ram_late", "flip --at 4000000 --bit 7", ["KR-5001"],
           "KR-5001"),
    undone("lane_record_type", "flip --at record:50:0", ["KR-5001"],
           "KR-5001"),
    undone("lane_record_version", "flip --at record:50:2", ["KR-5001"],
           "KR-5001"),
    undone("lane_record_length", "flip --at record:50:3", LANE,
           "KR-500[13]"),
    undone("lane_device_state", "flip --at pause:3000", ["KR-5001"], "KR-5001"),
    undone("lane_device_state_end", "flip --at pause:60", ["KR-5001"],
           "KR-5001"),
    undone("lane_end_header", "flip --at -44", ["KR-5001"], "KR-5001"),
    undone("lane_end", "flip --at -30", ["KR-5001"], "KR-5001"),
    undone("lane_last_byte", "flip --at -1", ["KR-5001"], "KR-5001"),
    # the control session's handshake
    undone("control_hello_header", "flip --conn control --at 0", CONTROL,
           "KR-3001"),
    undone("control_hello", "flip --conn control --at 60", CONTROL,
           "KR-20(08|09)"),
    undone("control_server_hello", "flip --conn control --dir back --at 60",
           ["KR-2008", "KR-2009"], "KR-20(08|09|15)"),
    undone("control_certificate", "flip --conn control --at record:2",
           CONTROL, "KR-20(08|09)"),
    undone("control_finished", "flip --conn control --at record:4",
           CONTROL, "KR-20(08|09)"),
    undone("control_server_certificate",
           "flip --conn control --dir back --at record:4",
           ["KR-2008", "KR-2009"], "KR-20(08|09|15)"),
    # its messages up to the release
    undone("control_introduction", "flip --conn control --at message:0",
           CONTROL, "KR-2008"),
    undone("control_log_seen", "flip --conn control --at message:1", CONTROL,
           "KR-2008"),
    undone("control_log_cosigned", "flip --conn control --at message:2",
           CONTROL, "KR-2008"),
    undone("control_log_shown",
           "flip --conn control --dir back --at message:1", ["KR-2008"],
           "KR-20(08|14|15)|KR-3006"),
    undone("control_offer", "flip --conn control --at message:4", CONTROL,
           "KR-2008"),
    undone("control_acceptance",
           "flip --conn control --dir back --at message:4", ["KR-2008"],
           "KR-20(08|14|15)|KR-3006"),
    undone("control_manifest", "flip --conn control --at message:5", CONTROL,
           "KR-2008"),
    undone("control_prepared", "flip --conn control --dir back --at message:5",
           ["KR-2008"], "KR-20(08|14|15)|KR-3006"),
    # from the release on
    done("control_release", "flip --conn control --at message:6"),
    done("control_owner", "flip --conn control --dir back --at message:6"),
    done("control_receipt", "flip --conn control --at message:7"),
    done("control_last_byte",
         "flip --conn control --dir back --at message:7"),
]
CUTS = [
    undone("cut_lane", "cut --at 3000000", ["KR-5002"], "KR-5002"),
    undone("cut_lane_at_its_end", "cut --at -1", ["KR-5002"], "KR-500[12]"),
    undone("cut_at_the_offer", "cut --conn control --at message:4",
           ["KR-2015", "KR-2014"], "KR-201[45]"),
    undone("cut_at_the_manifest", "cut --conn control --at message:5",
           ["KR-2015", "KR-2014"], "KR-201[45]"),
    undone("cut_at_prepared", "cut --conn control --dir back --at message:5",
           ["KR-2015", "KR-2014"], "KR-201[45]"),
    done("cut_at_the_release", "cut --conn control --at message:6"),
    done("cut_at_owner", "cut --conn control --dir back --at message:6"),
    done("cut_at_the_receipt", "cut --conn control --dir back --at message:7"),
]
STALLS = [
    undone("stall_lane", "stall --at 3000000", ["KR-5003"], "KR-5003"),
    undone("stall_at_the_offer", "stall --conn control --at message:4",
           ["KR-2013"], "KR-2013"),
    undone("stall_at_prepared",
           "stall --conn control --dir back --at message:5", ["KR-2013"],
           "KR-2013"),
    done("stall_at_the_release", "stall --conn control --at message:6"),
    done("stall_at_owner", "stall --conn control --dir back --at message:6"),
]


# ---- record and replay ----------------------------------------------------

def replayed(lab, recording):
    r = lab.exec("mallory", "/usr/bin/python3", MITM, "replay", "--file",
                 recording)
    equal(r.rc, 0, "exit of the replay: %r" % r)
    return [json.loads(x) for x in r.out.splitlines()]


def replaying(lab):
    """All that a said to b in a migration, said again, lanes and all."""
    recording = lab.dir + "/recording"
    with Middle(lab, "record", "--file", recording):
        r = lab.migrate("a", "b")
        equal(r.rc, 0, "exit of %r" % r)
    lab.straight = True
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    check(os.path.getsize(recording) > r.json["wire_bytes"] * 0.9,
          "the recording has %d bytes" % os.path.getsize(recording))
    before = [lab.korora(h, "vm", "list").json for h in "ab"]
    mark = lab.mark()
    replayed(lab, recording)
    lab.await_log("b", r"10\.77\.0\.66.* KR-2010", mark)
    lab.await_log("b", r"10\.77\.0\.66.* KR-3007", mark)
    lab.runs("a")
    # b forgets the hellos it met when it is started anew: TLS itself refuses
    lab.restart("b")
    mark = lab.mark()
    replayed(lab, recording)
    lab.await_log("b", r"10\.77\.0\.66.* KR-200[89]", mark)
    lab.await_log("b", r"10\.77\.0\.66.* KR-3007", mark)
    equal([lab.korora(h, "vm", "list").json for h in "ab"], before, "VMs")
    check(not lab.qemus("b"), "b started a hypervisor")
    straight(lab)


def replaying_while_it_migrates(lab):
    """The lane of a migration under way is opened a second time."""
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    lab.until(lambda: lab.status("b", id)["sent_bytes"] > 0, "the lane")
    mark = lab.mark()
    for lane, code in ((0, 3008), (1, 3008), (2, 3007)):
        with lab.connect("mallory", "b") as s:
            s.sendall(frames.preamble(bytes.fromhex(id), lane) +
                      b"\x16\x03\x01")
            with contextlib.suppress(ConnectionResetError):
                equal(s.recv(100), b"", "answer to a second lane")
        lab.await_log("b", r"KR-%d" % code, mark)
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def evidence_is_whole(lab):
    for h in "ab":
        equal(lab.korora(h, "log", "verify").rc, 0, "log verify on " + h)
    lab.whole()


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=32, up=["--wss", "8", "--content", "noise"],
               conf={"host": {"peer_timeout_s": 3}, "plane": {"lanes": 2}}),
          [passing_through, intercepting("mallory"), intercepting("b"),
           *FLIPS, *CUTS, *STALLS, replaying, replaying_while_it_migrates,
           evidence_is_whole])])
