# SPDX-License-Identifier: Apache-2.0
"""The lab of a fault sweep: two hosts, a VM that tells of itself, and what
either host may hold when nothing is going on.
"""
import collections
import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import inventory

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("KORORA_BUILD", os.path.join(TOP, "build"))
LAB = os.path.join(TOP, "lab", "lab")
VM = "dirtier"
NIC = "\n[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:11\n"
TICK = re.compile(rb"t=([0-9A-F]{8}) n=[0-9A-F]{8} bad=([0-9A-F]{8})\r?\n",
                  re.I)
PEER_TIMEOUT_S = 2
# A handshake that a cut link left hanging, on top of what ends by itself.
LEFTOVERS_S = 40


class Failure(Exception):
    pass


def other(host):
    return "ab"[host == "a"]


def alive(pid):
    """Is any thread of it left? The first may end before the others."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    return len(threads) > 1 or inventory.stat(pid)[1] not in (None, "Z")


class Lab:
    def __init__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="kr-sweep-"))
        self.lab = self.dir + "/lab"
        self.prefix = "kr-" + hashlib.sha256(
            self.lab.encode()).hexdigest()[:6]
        self.env = dict(os.environ, KORORA_LAB=self.lab,
                        KORORA_BUILD=BUILD)
        self.at = None

    # ---- up and down -----------------------------------------------------

    def run(self, *args, check=True, timeout=60):
        r = subprocess.run([LAB, *args], env=self.env, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL)
        if check and r.returncode:
            raise Failure(f"lab {' '.join(args)}: {r.stdout.decode()[-500:]}")
        return r.stdout.decode(errors="replace")

    def spawn(self, *args):
        return subprocess.Popen([LAB, *args], env=self.env,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL,
                                stdin=subprocess.DEVNULL)

    def up(self):
        """Both hosts at rest, the VM on a, with a tap device of its own."""
        self.run("up", "--vm", VM, "--mem", "32", "--rate", "4000")
        self.must("a", "vm", "stop", VM)
        with open(f"{self.lab}/images/{VM}.vm", "a") as f:
            f.write(NIC)
        self.must("a", "vm", "define", f.name)
        for h in "ab":
            conf = f"{self.lab}/{h}/etc/korora/korora.conf"
            with open(conf) as f:
                text = f.read()
            with open(conf, "w") as f:
                f.write(text.replace("[host]", "[host]\npeer_timeout_s = "
                                     f"{PEER_TIMEOUT_S}", 1))
            self.restart(h)
        self.forget_console()
        self.must("a", "vm", "start", VM)
        self.at = "a"
        self.spaces = [f"net:[{os.stat(f).st_ino}]" for f in
                       glob.glob(f"/run/netns/{self.prefix}-*")]
        self.remember_rest()

    def down(self):
        """End it; says what is left of it all the same."""
        self.run("down")
        left = [f"namespace {n}" for n in os.listdir("/run/netns")
                if n.startswith(self.prefix)]
        for p in inventory.inside(self.lab, self.spaces):
            left.append(f"process {p} {inventory.stat(p)[0]}")
        left += [f"file {f}" for f in glob.glob(self.lab + "*")]
        if left:
            raise Failure(f"left by lab down: {left}")
        shutil.rmtree(self.dir)

    # ---- hosts -----------------------------------------------------------

    def korora(self, host, *args, timeout=60):
        out = self.run("exec", host, "korora", *args, "--json", check=False,
                       timeout=timeout)
        for line in reversed(out.strip().splitlines()):
            with contextlib.suppress(ValueError):
                return json.loads(line)
        return {"error": {"code": "none", "message": out[-300:]}}

    def must(self, host, *args):
        r = self.korora(host, *args)
        if r.get("error"):
            raise Failure(f"korora {' '.join(args)} on {host}: {r['error']}")
        return r

    def pid(self, host):
        try:
            with open(f"{self.lab}/{host}.pid") as f:
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
            for f in glob.glob(f"{self.lab}/{host}/run/korora/vm/*/"
                               "qemu.pid"):
                with open(f) as g:
                    p = int(g.read() or 0)
                if p and alive(p):
                    found.append(p)
            return found
        return [p for p in self.family(host)[1:]
                if inventory.stat(p)[0] == name]

    def family(self, host):
        """kororad and its children"""
        top = self.pid(host)
        return [top] + [p for p in inventory.pids()
                        if inventory.stat(p)[2] == top]

    # ---- what the guest says ---------------------------------------------

    def console(self, host):
        path = f"{self.lab}/{host}/var/lib/korora/console/{VM}.log"
        try:
            with open(path, "rb") as f:
                return f.read()
        except OSError:
            return b""

    def forget_console(self):
        for h in "ab":
            path = f"{self.lab}/{h}/var/lib/korora/console/{VM}.log"
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

    def lingering(self):
        """Hosts with a process beside the VM's: a copy that is being wiped,
        of a migration whose outcome is known."""
        there = [h for h in "ab" if self.processes(h, "qemu")]
        states = self.vm_states() if len(there) > 1 else {}
        return [h for h in there if states.get(h) == "moved"]

    def settled(self, timeout=60):
        end = time.time() + timeout
        state = None
        while time.time() < end:
            state = [self.korora(h, "status") for h in "ab"]
            open_ = [m for s in state for m in s.get("migrations", [{}])
                     if m.get("state") in (None, "running", "waiting")]
            if all("migrations" in s for s in state) and not open_ and \
                    not self.lingering():
                return
            time.sleep(0.15)
        raise Failure(f"not settled: {self.lingering()} " + json.dumps(
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

    # ---- what is left over -----------------------------------------------

    def holds(self, host):
        """A host's inventory; its peer's certificate by one name for both,
        and its receipts left to receipts()."""
        found = collections.Counter()
        for line, n in inventory.take(f"{self.lab}/{host}",
                                      self.pid(host)).items():
            line = line.replace(f"/peers/{other(host)}.crt", "/peers/PEER.crt")
            if not re.search(r"/receipts/[0-9a-f]{32}\.json$", line):
                found[line] += n
        return found

    def remember_rest(self):
        """What a host holds at rest, with the VM and without. What it may
        keep for good, below var, is the same for both."""
        for h in "ab":
            self.must(h, "doctor", "--to", other(h))
        last, end = None, time.time() + 60
        while True:
            rest = self.holds("a"), self.holds("b")
            lines = {line.rsplit(".", 1)[-1] for r in rest for line in r}
            if rest == last and "checkpoint" in lines and "new" not in lines:
                break
            if time.time() > end:
                raise Failure(f"the lab does not come to rest: {lines}")
            last = rest
            time.sleep(0.2)
        self.with_vm, self.without = rest
        for line, n in self.with_vm.items():
            if line.startswith("file var/"):
                self.without[line] = n

    def receipts(self, host):
        """Each receipt that the store has is a file, and no other is."""
        known = {r["migration"] for r in
                 self.must(host, "receipt", "list")["receipts"]}
        there = {f.removesuffix(".json") for f in os.listdir(
            f"{self.lab}/{host}/var/lib/korora/receipts")}
        return [f"receipt without a file: {r}" for r in known - there] + \
               [f"file without a receipt: {r}" for r in there - known]

    def sessions(self):
        """Each session has its two ends, and neither host dialled two."""
        here, there = (inventory.sessions(self.pid(h)) for h in "ab")
        wrong = [f"half a session: {s}" for s in
                 set(here) ^ {(b, a) for a, b in there}]
        for name, ends in (("a", here), ("b", there)):
            n = sum(b is not None and b[1] == inventory.PORT for _, b in ends)
            if n > 1:
                wrong.append(f"{n} sessions that {name} dialled")
        return wrong

    def leftovers(self):
        wrong = self.sessions()
        for h in "ab":
            then = self.with_vm if h == self.at else self.without
            now = self.holds(h)
            wrong += [f"left over: {k} on {h}" for k in now - then]
            wrong += [f"missing: {k} on {h}" for k in then - now
                      if not k.startswith("file var/")]
            wrong += [f"{r} on {h}" for r in self.receipts(h)]
        return wrong

    def nothing_left(self):
        """Both hosts hold what they held at first, or will at once: an agent
        that was let go, a session whose peer is gone take their time."""
        end = time.time() + LEFTOVERS_S
        while True:
            wrong = self.leftovers()
            if not wrong:
                return
            if time.time() > end:
                raise Failure("; ".join(wrong)[:600])
            time.sleep(0.1)
