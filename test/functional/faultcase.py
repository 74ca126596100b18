# SPDX-License-Identifier: Apache-2.0
"""The cases of the fault sweep: where a daemon is held and what is done then.

Everything is enumerated from kororad --fault-list, that is, from the code's
own table. A case is a chain of stations, each a fault point of one daemon and
the fault done while it stands there. A first fault has one station on the way
of a migration; a second fault has more: each but the last leads to the next
one's edge, and at the last kororad is killed.
"""
import collections
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time

import sweeplab
from sweeplab import Failure, PEER_TIMEOUT_S, VM, alive, other

# The way of a migration in which nothing goes wrong but the one fault.
FORWARD = {
    ("S_NEW", "REQUEST"), ("S_PREPARE", "SESSION"), ("S_OFFER", "ACCEPTED"),
    ("S_COPY", "PAUSED"), ("S_FREEZE", "SENT"), ("S_SEAL", "PREPARED"),
    ("S_RELEASED", "OWNED"), ("S_OWNED", "RECEIPT"),
    ("T_NEW", "OFFERED"), ("T_RESERVE", "READY"), ("T_LOAD", "MATCHED"),
    ("T_PREPARED", "RELEASED"), ("T_OWNER", "RUNNING"), ("T_RAN", "RECEIPT"),
}
# And of one whose VM runs at the target before its memory is there.
EARLY = (FORWARD - {("S_RELEASED", "OWNED"), ("T_OWNER", "RUNNING")}) | {
    ("S_RELEASED", "EARLY"), ("S_STREAM", "SENT"), ("S_STREAM", "OWNED"),
    ("T_OWNER", "EARLY"), ("T_FETCH", "MATCHED"),
}
# Until these, the two are the same.
SAME = {"S_NEW", "S_PREPARE", "S_OFFER", "T_NEW", "T_RESERVE"}
# What only the latter has.
OWED = {"S_STREAM", "T_FETCH"}
POSTCOPY = ["--strategy", "postcopy", "--bandwidth", "120mbit"]
AGENTS = ["korora-link", "korora-plane", "korora-qmp"]
FAULTS = ([f"own {p}" for p in ["kororad", *AGENTS, "qemu"]] +
          [f"peer {p}" for p in ["kororad", *AGENTS, "qemu"]] +
          ["cut link", "freeze peer"])
KILL = "own kororad"
# The fault, done in a state, after which the state's edge of the event is met.
LEADS_TO = {
    "RESTART": KILL, "SESSION": KILL, "LOST": "own korora-link",
    "FAIL": "own qemu", "DISOWNED": "peer qemu", "ABORTED": "peer kororad",
}
WHEN = {"record": "before record", "before": "before act",
        "after": "after act"}
HIT_S = 60
# Was undone before the fault: the other host stood still for a second or two
# on a machine that is busy elsewhere (KR-2013, or it is seen as a loss).
STARVED = ("KR-2012", "KR-2013", "KR-5003")
STARTS_MAX = 3

Point = collections.namedtuple("Point", "number side state event when next")
Station = collections.namedtuple("Station", "point fault")


class Table:
    """The hand-over's fault points."""

    def __init__(self):
        out = subprocess.check_output(
            [f"{sweeplab.BUILD}/daemon/kororad", "--fault-list"], text=True)
        self.points = [Point(*line.split("\t")) for line in out.splitlines()]
        self.at = {(p.state, p.event, p.when): p for p in self.points}
        self.eager = {(p.state, p.event)
                      for p, q in zip(self.points, self.points[1:])
                      if p.when == "before" and q.when == "record"}
        gone = (FORWARD | EARLY) - {(p.state, p.event) for p in self.points}
        if gone:
            raise Failure(f"the table has no edge {gone}")

    def first_faults(self, early):
        """Every fault at every point of the forward way. Before its record
        an edge that is not eager did nothing yet that another process could
        see: there only kororad itself is killed."""
        for p in self.points:
            edge = (p.state, p.event)
            if early and p.state in SAME:
                continue
            if edge in (EARLY if early else FORWARD):
                nothing = p.when == "record" and edge not in self.eager
                for f in [KILL] if nothing else FAULTS:
                    yield Case([Station(p, f)], early)

    def in_doubt(self, state):
        """Does neither a lost session nor a restart end it?"""
        return all((state, ev, "before") in self.at and
                   self.at[state, ev, "before"].next == state
                   for ev in ("LOST", "RESTART"))

    def recovers(self, p):
        """Is this edge one of recovering? Every restart is, and in doubt
        what comes and goes, or ends the doubt not on the forward way."""
        if p.event == "RESTART":
            return True
        return (p.event in LEADS_TO and self.in_doubt(p.state) and
                (p.event in ("SESSION", "LOST") or p.next != p.state))

    def ways(self, early):
        """{state: the stations that lead into it, the last without fault}:
        by the forward way, else by the fewest edges of recovery. A state is
        entered at the point that follows the record."""
        entries = [p for record, p in zip(self.points, self.points[1:])
                   if record.when == "record"]
        ways = {p.next: [p] for p in entries if p.next != p.state and
                (p.state, p.event) in (EARLY if early else FORWARD)}
        edges = [p for p in entries if self.recovers(p)]
        found = True
        while found:
            found = {p.next: [*ways[p.state], p] for p in edges
                     if p.state in ways and p.next not in ways}
            ways.update(found)
        return ways

    def second_faults(self, early):
        """kororad is killed at every edge of recovering, too."""
        ways = self.ways(early)
        for p in self.points:
            if not self.recovers(p) or (p.state in OWED) != early:
                continue
            if p.state not in ways:
                raise Failure(f"no way leads to {p.state}")
            if p.when == "record" and p.next == p.state:
                continue  # nothing new to record
            points = [*ways[p.state], p]
            faults = [LEADS_TO[q.event] for q in points[1:]] + [KILL]
            yield Case([Station(*s) for s in zip(points, faults)], early)


class Starved(Exception):
    pass


class Case:
    def __init__(self, stations, early):
        self.stations = stations
        self.early = early
        self.side = stations[0].point.side
        self.name = ("early " if early else "") + self.side + ", then".join(
            f" {p.state}+{p.event} {WHEN[p.when]}: {f}"
            for p, f in stations)

    # ---- faults ----------------------------------------------------------

    def start_migration(self, lab):
        """Returns the process that asked for it."""
        src = lab.at
        self.held = src if self.side == "source" else other(src)
        self.armed = {
            "KORORA_FAULT": ",".join(s.point.number for s in self.stations),
            "KORORA_FAULT_DIR": self.folder}
        lab.restart(self.held, **self.armed)
        return lab.spawn("exec", src, "korora", "migrate", VM, "--to",
                         other(src), "--timeout", "60", "--json",
                         *(POSTCOPY if self.early else []))

    def await_hit(self, point, asked):
        end = time.time() + HIT_S
        while not os.path.exists(f"{self.folder}/{point.number}.hit"):
            ended = asked and asked.poll() is not None
            if ended and said(asked) in STARVED:
                raise Starved
            if ended or time.time() > end:
                raise Failure("the fault point was not met: "
                              f"{point.state}+{point.event} {point.when}" +
                              (f" ({said(asked)})" if ended else ""))
            time.sleep(0.01)

    def go(self, point):
        with open(f"{self.folder}/{point.number}.go", "w"):
            pass

    def strike(self, lab, fault):
        """do the fault; returns what mends it later"""
        if fault == "cut link":
            lab.run("link", "--cut")
            return lambda: lab.run("link", "--heal")
        whose, what = fault.split(" ", 1)
        if fault == "freeze peer":
            pids = lab.family(other(self.held))
            send(pids, signal.SIGSTOP)
            return lambda: send(pids, signal.SIGCONT)
        host = self.held if whose == "own" else other(self.held)
        struck = lab.processes(host, what)
        if what == "qemu" and struck:
            self.without_qemu.add(host)
        send(struck, signal.SIGKILL)
        while any(alive(p) for p in struck):
            time.sleep(0.005)
        return lambda: None

    def start_again(self, lab, last):
        """Start the daemons that were killed; the held one is armed anew, and
        waited for only if it has no point to stand still at any more."""
        for h in "ab":
            if lab.processes(h, "kororad"):
                continue
            if h == self.held and not last:
                self.starting.append(lab.spawn(
                    "daemon", h, "start",
                    *[f"{k}={v}" for k, v in self.armed.items()]))
            else:
                lab.run("daemon", h, "start")

    def stop_others(self, lab, point):
        """Whoever could overtake what leads to this point stands still: the
        guest, which would run, and the peer, which could answer before the
        guest's death is noticed."""
        self.still = lab.processes(self.held, "qemu")
        if point.event == "FAIL":
            self.still += lab.processes(other(self.held), "kororad")
        send(self.still, signal.SIGSTOP)

    def pass_through(self, lab, asked):
        """From station to station."""
        for i, (point, fault) in enumerate(self.stations):
            self.await_hit(point, None if i else asked)
            send(self.still, signal.SIGCONT)
            last = i == len(self.stations) - 1
            mend = self.strike(lab, fault)
            if not last:
                self.stop_others(lab, self.stations[i + 1].point)
            self.go(point)
            if fault in ("cut link", "freeze peer"):
                time.sleep(PEER_TIMEOUT_S + 0.7)
            mend()
            self.start_again(lab, last)

    def run(self, lab):
        for left in reversed(range(STARTS_MAX)):
            try:
                return self.run_once(lab)
            except Starved:
                if not left:
                    raise Failure("the hosts are starved") from None
                lab.settled()

    def run_once(self, lab):
        self.folder = tempfile.mkdtemp(dir=lab.dir)
        self.without_qemu, self.starting, self.still = set(), [], []
        ticks = lab.guest_says()
        asked = self.start_migration(lab)
        try:
            self.pass_through(lab, asked)
            lab.settled()
        finally:
            send(self.still, signal.SIGCONT)
            for s in self.stations:
                self.go(s.point)
            for p in [asked, *self.starting]:
                end(p)
        self.judge(lab, ticks)

    # ---- what became of it -----------------------------------------------

    def judge(self, lab, ticks):
        states = lab.vm_states()
        runs = [h for h in "ab" if states.get(h) == "running"]
        procs = {h: lab.processes(h, "qemu") for h in "ab"}
        if len(runs) > 1 or sum(map(len, procs.values())) > 1:
            raise Failure(f"two hosts: {states} {procs}")
        if not runs:
            lab.guest_says()
            self.resurrect(lab, states)
        else:
            lab.at = runs[0]
            if not procs[lab.at]:
                raise Failure(f"{lab.at} says running, without a process")
            self.still_ticks(lab, ticks)
        lab.nothing_left()
        for h in "ab":
            r = lab.korora(h, "log", "verify")
            if not r.get("ok"):
                raise Failure(f"log of {h}: {r.get('error')}")

    def still_ticks(self, lab, ticks):
        before = max(ticks, lab.guest_says())
        # undoing a post-copy may have to be tried once more
        end = time.time() + (40 if self.early else 20)
        while lab.guest_says() <= before:
            if time.time() > end:
                raise Failure(f"the guest on {lab.at} stands still")
            time.sleep(0.05)

    def resurrect(self, lab, states):
        """its process was killed: the owner, and only it, can start it"""
        owners = [h for h in "ab" if states.get(h) in ("stopped", "lost")]
        if len(owners) != 1:
            raise Failure(f"nobody owns it: {states}")
        owner = owners[0]
        # what is owed is lost with the source
        if owner not in self.without_qemu and not (
                self.early and self.without_qemu and states[owner] == "lost"):
            raise Failure(f"nobody runs it, though nothing killed it on "
                          f"{owner}: {states}")
        lab.forget_console()
        if states.get(other(owner)):
            r = lab.korora(other(owner), "vm", "start", VM)
            if not r.get("error"):
                raise Failure(f"{other(owner)} started it though {owner} "
                              "owns it")
        lab.must(owner, "vm", "start", VM)
        lab.at = owner
        self.still_ticks(lab, 0)


def send(pids, sig):
    for p in pids:
        try:
            os.kill(p, sig)
        except ProcessLookupError:
            pass  # it ended by itself just now


def said(asked):
    """The code of the error that a migration ended with."""
    if not hasattr(asked, "said"):
        asked.said = asked.stdout.read().decode(errors="replace")
    with contextlib.suppress(ValueError, IndexError, KeyError, TypeError):
        return json.loads(asked.said.strip().splitlines()[-1])["error"]["code"]
    return asked.said[-200:]


def end(process):
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
