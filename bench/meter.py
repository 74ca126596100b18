# SPDX-License-Identifier: Apache-2.0
"""meter - what a migration costs both hosts

CPU time is that of a root process per host and of all it ever started: the
kernel adds to a process what its ended children used, so the sum over those
that are alive, each with its ended children, misses nothing. Who of them used
it is sampled, and what was not seen is "rest". The root processes named in
@fresh count from their own beginning, the others from start().
"""
import os
import threading

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
EVERY_S = 0.2


def stat(pid):
    """(comm, parent, own s, ended children's s) or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            text = f.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    at = text.rindex(")")
    w = text[at + 2:].split()
    return (text[text.index("(") + 1:at], int(w[1]),
            (int(w[11]) + int(w[12])) * TICK_S,
            (int(w[13]) + int(w[14])) * TICK_S)


def high_water_kb(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def machine_s():
    """What all CPUs of the machine have worked, and others than it on them."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, _, _, steal = map(
            int, f.readline().split()[1:9])
    return (user + nice + system + steal) * TICK_S  # interrupts may be ours


class Meter:
    def __init__(self, roots, wire_pid, fresh=()):
        """@roots: {"src": pid, "dst": pid}; @wire_pid: in a's network."""
        self.roots, self.wire_pid, self.fresh = roots, wire_pid, fresh
        self.seen, self.base, self.peak = {}, {}, {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def wire(self):
        with open(f"/proc/{self.wire_pid}/net/dev") as f:
            for line in f:
                name, _, rest = line.partition(":")
                if name.strip() == "uplink":
                    w = rest.split()
                    return int(w[0]), int(w[8])
        raise RuntimeError("the host has no uplink")

    def processes(self):
        """{pid: (host, comm, own s, ended children's s)} of our trees."""
        every = {int(p): s for p in os.listdir("/proc") if p.isdigit()
                 and (s := stat(p))}
        owner = {pid: host for host, pid in self.roots.items()}
        grew = True
        while grew:
            grew = False
            for pid, s in every.items():
                if pid not in owner and s[1] in owner:
                    owner[pid] = owner[s[1]]
                    grew = True
        return {pid: (host, every[pid][0], *every[pid][2:])
                for pid, host in owner.items() if pid in every}

    def sample(self):
        now = self.processes()
        for pid, (host, comm, own, _) in now.items():
            self.seen[pid] = (host, comm, own)
            key = f"{host}/{comm}"
            self.peak[key] = max(self.peak.get(key, 0), high_water_kb(pid))
        return now

    def look(self):
        while not self.over.wait(EVERY_S):
            self.sample()

    def totals(self, now):
        out = dict.fromkeys(self.roots, 0.0)
        for host, _, own, children in now.values():
            out[host] += own + children
        return out

    def start(self):
        now = self.sample()
        self.base = {pid: own for pid, (_, _, own) in self.seen.items()}
        self.total0 = self.totals(now)
        for host in self.fresh:
            self.base[self.roots[host]] = 0.0
            self.total0[host] = 0.0
        self.wire0, self.machine0 = self.wire(), machine_s()
        self.thread.start()

    def stop(self):
        """The record of it all; the root processes must still live."""
        sent, received = (b - a for a, b in zip(self.wire0, self.wire()))
        machine = machine_s() - self.machine0
        self.over.set()
        self.thread.join()
        total = self.totals(self.sample())
        cpu = {h: total[h] - self.total0[h] for h in total}
        by = {}
        for pid, (host, comm, own) in self.seen.items():
            key = f"{host}/{comm}"
            by[key] = by.get(key, 0.0) + own - self.base.get(pid, 0.0)
        for h, s in cpu.items():
            rest = s - sum(v for k, v in by.items() if k.startswith(h))
            if rest > 0.02:
                by[f"{h}/rest"] = rest
        return {"cpu_s": round(sum(cpu.values()), 2),
                "cpu_by_s": {k: round(v, 2) for k, v in sorted(by.items())
                             if v >= 0.01},
                "others_cpu_s": round(max(0, machine - sum(cpu.values())), 2),
                "wire_bytes": sent + received,
                "peak_kb": self.peak}
