#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault sweep: at every step of the hand-over, on either host, every
process is killed, the link is cut, or the peer is frozen; and at every step
of recovering from that kororad is killed once more. So it is for a VM that
runs at the target before its memory is there. Afterwards both hosts
recover by themselves, are held against the one law, and hold nothing that
they did not hold before.

A case that failed is run twice more. If it passes then it is unsteady: told, and
a failure of all if there are more than UNSTEADY_MAX (QEMU 7.2 itself crashes now
and then when a torn post-copy is undone). What breaks the law, or a guest's
memory, has failed at once.

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


# Not to be seen once: two owners or none, a guest twice or changed.
GRAVE = ("two hosts", "ran twice", "bad pages", "nobody owns", "started it")
UNSTEADY_MAX = 2
AGAIN = 2


class Sweep:
    """Cases, and threads that take them one by one, each with its lab."""

    def __init__(self, cases):
        self.n_cases = len(cases)
        self.cases = collections.deque(cases)
        self.lock = threading.Lock()
        self.passed, self.failed, self.unsteady = 0, [], []

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

    def attempt(self, case, lab):
        """Returns what was wrong, and the lab if it can be used on."""
        error = None
        try:
            if not lab:
                lab = Lab()
                lab.up()
            case.run(lab)
        except Exception as e:  # whatever it is, it is this case's failure
            error = f"{type(e).__name__}: {e}"
        if error and lab and not os.environ.get("KEEP"):
            self.end_lab(lab)
            lab = None
        return error, lab

    def is_unsteady(self, case, error):
        """May it be, and does it pass in labs of its own?"""
        if any(word in error for word in GRAVE):
            return False
        for _ in range(AGAIN):
            again, lab = self.attempt(case, None)
            if lab:
                self.end_lab(lab)
            if again:
                return False
        with self.lock:
            self.unsteady.append(case.name)
            print(f"UNSTEADY {case.name}: {error}", flush=True)
        return True

    def worker(self):
        lab = None
        while case := self.next_case():
            error, lab = self.attempt(case, lab)
            if error and lab:
                self.report(case.name, error)
                print("kept:", lab.dir)
                return
            if error and self.is_unsteady(case, error):
                error = None
            self.report(case.name, error)
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
        if len(self.unsteady) > UNSTEADY_MAX:
            self.failed.append("unsteady")
            print(f"FAIL {len(self.unsteady)} cases are unsteady")
        print(f"{self.passed} passed, {len(self.failed)} failed, 0 skipped "
              f"in {time.time() - began:.0f} s; {len(self.unsteady)} of them "
              "at a second try")
        return self.passed and not self.failed


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--jobs", type=int, default=3)
    p.add_argument("--only", default="")
    p.add_argument("--list", action="store_true")
    a = p.parse_args()
    try:
        table = Table()
        cases = [c for early in (False, True)
                 for c in (*table.first_faults(early),
                           *table.second_faults(early))]
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
