#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault sweep: at every step of the hand-over, on either host, every
process is killed, the link is cut, or the peer is frozen; afterwards both
hosts recover by themselves and are held against the one law.

The steps are kororad's own numbered fault points (kororad --fault-list): the
daemon under test stands still at one, the fault is done, and it goes on.

usage: fault_sweep.py [--jobs N] [--only TEXT] [--list]
"""
import argparse
import collections
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("KORORA_BUILD", os.path.join(TOP, "build"))
LAB = os.path.join(TOP, "lab", "lab")
VM = "dirtier"
TICK = re.compile(rb"t=([0-9A-F]{8}) n=[0-9A-F]{8} bad=([0-9A-F]{8})\r?\n",
                  re.I)
PEER_TIMEOUT_S = 1

# The way of a migration in which nothing goes wrong but the one fault.
FORWARD = {
    ("S_NEW", "REQUEST"), ("S_PREPARE", "SESSION"), ("S_OFFER", "ACCEPTED"),
    ("S_COPY", "PAUSED"), ("S_FREEZE", "SENT"), ("S_SEAL", "PREPARED"),
    ("S_RELEASED", "OWNED"), ("S_OWNED", "RECEIPT"),
    ("T_NEW", "OFFERED"), ("T_RESERVE", "READY"), ("T_LOAD", "MATCHED"),
    ("T_PREPARED", "RELEASED"), ("T_OWNER", "RUNNING"), ("T_RAN", "RECEIPT"),
}
AGENTS = ["korora-link", "korora-plane", "korora-qmp"]
FAULTS = ([f"own {p}" for p in ["kororad", *AGENTS, "qemu"]] +
          [f"peer {p}" for p in ["kororad", *AGENTS, "qemu"]] +
          ["cut link", "freeze peer"])


class Failure(Exception):
    pass


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Lab:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kr-sweep-")
        self.env = dict(os.environ, KORORA_LAB=self.dir + "/lab",
                        KORORA_BUILD=BUILD)
        self.at = None

    def run(self, *args, check=True, timeout=60, env=None):
        r = subprocess.run([LAB, *args], env=env or self.env, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL)
        if check and r.returncode:
            raise Failure(f"lab {' '.join(args)}: {r.stdout.decode()[-500:]}")
        return r.stdout.decode(errors="replace")

    def korora(self, host, *args, timeout=60):
        out = self.run("exec", host, "korora", *args, "--json", check=False,
                       timeout=timeout)
        for line in reversed(out.strip().splitlines()):
            try:
                return json.loads(line)
            except ValueError:
                continue
        return {"error": {"code": "none", "message": out[-300:]}}

    def up(self):
        self.run("up", "--vm", VM, "--mem", "32", "--rate", "500")
        for h in "ab":
            conf = f"{self.dir}/lab/{h}/etc/korora/korora.conf"
            with open(conf) as f:
                text = f.read()
            with open(conf, "w") as f:
                f.write(text.replace("[host]", "[host]\npeer_timeout_s = "
                                     f"{PEER_TIMEOUT_S}", 1))
            self.restart(h)
        self.at = "a"

    def down(self):
        self.run("down", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def pid(self, host):
        try:
            with open(f"{self.dir}/lab/{host}.pid") as f:
                return int(f.read())
        except (OSError, ValueError):
            return 0

    def restart(self, host, **env):
        self.run("daemon", host, "stop", check=False)
        self.run("daemon", host, "start",
                 *[f"{k}={v}" for k, v in env.items()])

    def processes(self, host, name):
        """pids of kororad, of an agent of its, or of the VM's hypervisor"""
        if name == "kororad":
            return [p for p in [self.pid(host)] if p and alive(p)]
        if name == "qemu":
            found = []
            for f in glob.glob(f"{self.dir}/lab/{host}/run/korora/vm/*/"
                               "qemu.pid"):
                with open(f) as g:
                    p = int(g.read() or 0)
                if p and alive(p):
                    found.append(p)
            return found
        return [p for p in children(self.pid(host)) if comm(p) == name]

    # ---- what the guest says -------------------------------------------

    def console(self, host):
        path = f"{self.dir}/lab/{host}/var/lib/korora/console/{VM}.log"
        try:
            with open(path, "rb") as f:
                return f.read()
        except OSError:
            return b""

    def forget_console(self):
        for h in "ab":
            path = f"{self.dir}/lab/{h}/var/lib/korora/console/{VM}.log"
            if os.path.exists(path):
                os.truncate(path, 0)

    def guest_says(self):
        """every tick once, on one host only, and no page changed"""
        seen = collections.Counter()
        for h in "ab":
            for t, bad in TICK.findall(self.console(h)):
                seen[t] += 1
                if bad != b"00000000":
                    raise Failure(f"the guest found {bad.decode()} bad pages")
        twice = [t.decode() for t, n in seen.items() if n > 1]
        if twice:
            raise Failure(f"the guest ran twice: tick {twice[0]}")
        return len(seen)

    # ---- the state of things ---------------------------------------------

    def settled(self, timeout=25):
        end = time.time() + timeout
        state = None
        while time.time() < end:
            state = [self.korora(h, "status") for h in "ab"]
            open_ = [m for s in state for m in s.get("migrations", [{}])
                     if m.get("state") in (None, "running", "waiting")]
            if all("migrations" in s for s in state) and not open_:
                return
            time.sleep(0.15)
        raise Failure("not settled: " + json.dumps(
            [[m.get("role"), m.get("phase"), m.get("state"), m.get("error")]
             for s in state for m in s.get("migrations", []) or [s]
             if m.get("state") in (None, "running", "waiting")])[:400])

    def vm_states(self):
        states = {}
        for h in "ab":
            for v in self.korora(h, "vm", "list").get("vms", []):
                if v["name"] == VM:
                    states[h] = v["state"]
        return states


class Case:
    def __init__(self, point, fault):
        self.n, self.side, self.state, self.event, self.when = point
        self.fault = fault
        self.name = (f"{self.side} {self.state}+{self.event} {self.when} act:"
                     f" {fault}")

    def hold(self, lab, folder):
        """start the migration; returns when the daemon stands at the point"""
        src = lab.at
        held = src if self.side == "source" else "ab"[src == "a"]
        lab.restart(held, KORORA_FAULT=self.n, KORORA_FAULT_DIR=folder)
        proc = subprocess.Popen(
            [LAB, "exec", src, "korora", "migrate", VM, "--to",
             "ab"[src == "a"], "--timeout", "20", "--json"], env=lab.env,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL)
        end = time.time() + 10
        while not os.path.exists(folder + "/hit"):
            if time.time() > end or proc.poll() is not None:
                proc.kill()
                proc.communicate()
                raise Failure("the fault point was not met")
            time.sleep(0.01)
        return held, proc

    def strike(self, lab, held):
        """do the fault; returns what mends it later"""
        other = "ab"[held == "a"]
        what = self.fault.split(" ", 1)
        if self.fault == "cut link":
            lab.run("link", "--cut")
            return lambda: lab.run("link", "--heal")
        if self.fault == "freeze peer":
            top = lab.pid(other)
            pids = [top, *children(top)]
            for p in pids:
                os.kill(p, signal.SIGSTOP)

            def thaw():
                for p in pids:
                    try:
                        os.kill(p, signal.SIGCONT)
                    except ProcessLookupError:
                        pass
            return thaw
        host = held if what[0] == "own" else other
        struck = lab.processes(host, what[1])
        for p in struck:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it ended by itself just now
        while any(alive(p) for p in struck):
            time.sleep(0.005)
        return lambda: None

    def run(self, lab):
        folder = tempfile.mkdtemp(dir=lab.dir)
        src = lab.at
        ticks = lab.guest_says()
        held, proc = self.hold(lab, folder)
        killed_qemu = []
        try:
            if self.fault.endswith("qemu"):
                host = held if self.fault.startswith("own") else \
                    "ab"[held == "a"]
                killed_qemu = lab.processes(host, "qemu")
            mend = self.strike(lab, held)
            open(folder + "/go", "w").close()
            if self.fault in ("cut link", "freeze peer"):
                time.sleep(PEER_TIMEOUT_S + 0.7)
            mend()
            for h in "ab":
                if not lab.processes(h, "kororad"):
                    lab.run("daemon", h, "start")
            lab.settled()
        finally:
            open(folder + "/go", "w").close()
            try:
                proc.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.communicate()
        self.judge(lab, src, bool(killed_qemu), ticks)

    def judge(self, lab, src, killed_qemu, ticks):
        states = lab.vm_states()
        runs = [h for h in "ab" if states.get(h) == "running"]
        procs = {h: lab.processes(h, "qemu") for h in "ab"}
        if len(runs) > 1 or sum(map(len, procs.values())) > 1:
            raise Failure(f"two hosts: {states} {procs}")
        if not runs:
            if not killed_qemu:
                raise Failure(f"nobody runs it: {states}")
            lab.guest_says()
            self.resurrect(lab, states)
        else:
            lab.at = runs[0]
            if not procs[lab.at]:
                raise Failure(f"{lab.at} says running, without a process")
            self.still_ticks(lab)
        self.nothing_left(lab)

    def still_ticks(self, lab):
        before = lab.guest_says()
        end = time.time() + 5
        while lab.guest_says() <= before:
            if time.time() > end:
                raise Failure(f"the guest on {lab.at} stands still")
            time.sleep(0.05)

    def resurrect(self, lab, states):
        """its process was killed: the owner, and only it, can start it"""
        owners = [h for h in "ab" if states.get(h) in ("stopped", "lost")]
        if len(owners) != 1:
            raise Failure(f"nobody owns it: {states}")
        other = "ab"[owners[0] == "a"]
        lab.forget_console()
        if states.get(other):
            r = lab.korora(other, "vm", "start", VM)
            if not r.get("error"):
                raise Failure(f"{other} started it though {owners[0]} owns it")
        r = lab.korora(owners[0], "vm", "start", VM)
        if r.get("error"):
            raise Failure(f"the owner cannot start it: {r['error']}")
        lab.at = owners[0]
        self.still_ticks(lab)

    def nothing_left(self, lab):
        other = "ab"[lab.at == "a"]
        left = glob.glob(f"{lab.dir}/lab/{other}/run/korora/vm/*")
        if left:
            raise Failure(f"left on {other}: {left}")
        for h in "ab":
            for agent in ("korora-plane",):
                if lab.processes(h, agent):
                    raise Failure(f"{agent} left on {h}")
            r = lab.korora(h, "log", "verify")
            if not r.get("ok"):
                raise Failure(f"log of {h}: {r.get('error')}")


class Sweep:
    def __init__(self, cases):
        self.cases = collections.deque(cases)
        self.lock = threading.Lock()
        self.passed, self.failed = 0, []

    def report(self, case, error):
        with self.lock:
            if error:
                self.failed.append(case.name)
                print(f"FAIL {case.name}: {error}", flush=True)
            else:
                self.passed += 1
                print(f"ok {case.name}", flush=True)

    def worker(self):
        lab = None
        try:
            while True:
                with self.lock:
                    if not self.cases:
                        return
                    case = self.cases.popleft()
                error = None
                try:
                    if not lab:
                        lab = Lab()
                        lab.up()
                    case.run(lab)
                except Exception as e:  # whatever it is, it is this case's failure
                    error = f"{type(e).__name__}: {e}"
                self.report(case, error)
                if error and lab:
                    if os.environ.get("KEEP"):
                        print("kept:", lab.dir)
                        return
                    lab.down()
                    lab = None
        finally:
            if lab and not os.environ.get("KEEP"):
                lab.down()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--jobs", type=int, default=3)
    p.add_argument("--only", default="")
    p.add_argument("--list", action="store_true")
    a = p.parse_args()
    out = subprocess.check_output([f"{BUILD}/daemon/kororad", "--fault-list"],
                                  text=True)
    points = [tuple(line.split("\t")) for line in out.splitlines()]
    met = {(s, e) for _, _, s, e, _ in points}
    if FORWARD - met:
        print(f"FAIL the table has no edge {FORWARD - met}")
        return 1
    cases = [Case(pt, f) for pt in points if (pt[2], pt[3]) in FORWARD
             for f in FAULTS]
    cases = [c for c in cases if a.only in c.name]
    if a.list:
        print("\n".join(c.name for c in cases))
        return 0
    sweep = Sweep(cases)
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: sweep.cases.clear())
    threads = [threading.Thread(target=sweep.worker) for _ in range(a.jobs)]
    began = time.time()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if sweep.passed + len(sweep.failed) != len(cases):
        sweep.failed.append("not every case was run")
        print("FAIL not every case was run")
    print(f"{sweep.passed} passed, {len(sweep.failed)} failed, 0 skipped "
          f"in {time.time() - began:.0f} s")
    return 1 if sweep.failed or not sweep.passed else 0


if __name__ == "__main__":
    sys.exit(main())
