# SPDX-License-Identifier: Apache-2.0
"""ours - Kororā as a contender: korora migrate between the lab's daemons"""
import json
import re
import subprocess
import time

from meter import Meter

GRACE_S = 30
STEP = re.compile(r"\d+-\d+-\d+T(\d+):(\d+):([\d.]+)Z .*migration (\w+) of "
                  r"\S+: (\S+) \+ (\S+) ->")


class Korora:
    def __init__(self, name, strategy):
        self.name, self.strategy = name, strategy

    def steps(self, g, migration):
        """When each step was taken, in ms, from both hosts' logs."""
        at = {}
        for h in "ab":
            with open(f"{g.folder}/{h}.log") as f:
                for line in f:
                    m = STEP.match(line)
                    if m and m[4] == migration[:8]:
                        at[f"{m[5]}+{m[6]}"] = 1e3 * (
                            int(m[1]) * 3600 + int(m[2]) * 60 + float(m[3]))
        return at

    def start(self, g):
        """Defined, running and up on a; kororad's command line for others."""
        for words in (("define", g.definition()), ("start", g.name)):
            code, _, err = g.korora("a", "vm", *words)
            if code:
                raise RuntimeError(f"vm {words[0]}: {err.strip()}")
        g.wait_up(f"{g.folder}/a/var/lib/korora/console/{g.name}.log")
        with open(f"{g.folder}/a/run/korora/vm/{g.name}/qemu.pid") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            g.command_line = [w.decode() for w in f.read().split(b"\0")[:-1]]

    def clear(self, g):
        """No VM that runs, on either host, wherever it came to."""
        for h in "ab":
            for verb in ("stop", "remove"):
                g.korora(h, "vm", verb, g.name, timeout=GRACE_S)

    def move(self, g, here, to, o):
        words = ["migrate", g.name, "--to", to, "--json", "--strategy",
                 self.strategy, "--max-downtime-ms", str(o.limit_ms),
                 "--timeout", str(o.limit_s)]
        r = {"total_ms": None, "downtime_ms": None, "why": None}
        meter = Meter({"src": g.daemon(here), "dst": g.daemon(to)},
                      g.daemon("a"))
        meter.start()
        began = time.monotonic()
        try:
            code, out, err = g.korora(here, *words,
                                      timeout=o.limit_s + GRACE_S)
        except subprocess.TimeoutExpired:
            code, out, err = 1, "", f"no answer in {o.limit_s + GRACE_S} s"
        r["command_ms"] = round((time.monotonic() - began) * 1e3, 1)
        r.update(meter.stop())
        try:
            j = json.loads(out.splitlines()[-1])
        except (IndexError, ValueError):
            j = {}
        r["rounds"] = j.get("rounds")
        if code or j.get("status") != "completed":
            e = j.get("error")
            r["why"] = e["message"] if isinstance(e, dict) else \
                err.strip() or "failed"
            return r
        r["total_ms"], r["downtime_ms"] = j["total_ms"], j["downtime_ms"]
        at = self.steps(g, j["migration"])
        for key, first, last in (
                ("before_copy_ms", "S_NEW+REQUEST", "S_OFFER+ACCEPTED"),
                ("verdict_ms", "S_FREEZE+SENT", "T_LOAD+MATCHED")):
            if first in at and last in at:
                r[key] = round(at[last] - at[first], 1)
        return r

    def run(self, g, o):
        g.fresh()
        try:
            self.start(g)
            time.sleep(g.case.settle_s)
            r = self.move(g, "a", "b", o)
            if g.case.back and r["total_ms"] is not None:
                time.sleep(g.case.settle_s)
                back = self.move(g, "b", "a", o)
                back["first"] = r
                r = back
            return r
        finally:
            self.clear(g)

    def end(self):
        pass


CONTENDERS = [
    Korora("korora", "precopy"),
    Korora("korora-hybrid", "hybrid"),
]
