#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault sweep: at every step of the hand-over, on either host, every
process is killed, the link is cut, or the peer is frozen; and at every step
of recovering from that kororad is killed once more. Afterwards both hosts
recover by themselves, are held against the one law, and hold nothing that
they did not hold before.

The steps are kororad's own numbered fault points (kororad --fault-list): the
daemon under test stands still at one, the fault is done, and it goes on.

usage: fault_sweep.py [--jobs N] [--only TEXT] [--list]
"""
import argparse
import collections
import os
import signal
import sys
import threading
import time

from faultcase import Table
from sweeplab import Failure, Lab


class Sweep:
    """Cases, and threads that take them one by one, each with its lab."""

    def __init__(self, cases):
        self.n_cases = len(cases)
        self.cases = collections.deque(cases)
        self.lock = threading.Lock()
        self.passed, self.failed = 0, []

    def report(self, name, error):
        with self.lock:
            if error:
                self.failed.append(name)
                print(f"FAIL {name}: {error}", flush=True)
            else:
                self.passed += 1
                print(f"ok {name}", flush=True)

    def next_case(self):
        with self.lock:
            return self.cases.popleft() if self.cases else None

    def end_lab(self, lab):
        """That nothing is left of a lab is a case of its own, if it fails."""
        try:
            lab.down()
        except Exception as e:
            self.report(f"lab down of {lab.dir}", e)

    def worker(self):
        lab = None
        while case := self.next_case():
            error = None
            try:
                if not lab:
                    lab = Lab()
                    lab.up()
                case.run(lab)
            except Exception as e:  # whatever it is, it is this case's failure
                error = f"{type(e).__name__}: {e}"
            self.report(case.name, error)
            if error and lab:
                if os.environ.get("KEEP"):
                    print("kept:", lab.dir)
                    return
                self.end_lab(lab)
                lab = None
        if lab:
            self.end_lab(lab)

    def run(self, jobs):
        began = time.time()
        threads = [threading.Thread(target=self.worker) for _ in range(jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.passed + len(self.failed) < self.n_cases:
            self.failed.append("not every case was run")
            print("FAIL not every case was run")
        print(f"{self.passed} passed, {len(self.failed)} failed, 0 skipped "
              f"in {time.time() - began:.0f} s")
        return self.passed and not self.failed


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--jobs", type=int, default=3)
    p.add_argument("--only", default="")
    p.add_argument("--list", action="store_true")
    a = p.parse_args()
    try:
        table = Table()
        cases = [*table.first_faults(), *table.second_faults()]
    except Failure as e:
        print(f"FAIL {e}")
        return 1
    cases = [c for c in cases if a.only in c.name]
    if a.list:
        print("\n".join(c.name for c in cases))
        return 0
    sweep = Sweep(cases)
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: sweep.cases.clear())
    return 0 if sweep.run(a.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
