# SPDX-License-Identifier: Apache-2.0
"""QEMU's multifd channels, a lane for each: what holds for a migration over
one channel holds for these."""
import time

from labrun import check, equal, run
from test_migrate import (cancel_from_the_destination, cancel_in_the_middle,
                          completed, connection_survives, offline,
                          precopy_there_and_back, receipts_verify_offline,
                          too_short_a_timeout)

ON = {"plane": {"multifd": "on", "lanes": "3"}}


def every_channel_has_a_lane(lab):
    r = lab.migrate("a", "b")
    completed(lab, r, "b")
    equal(r.json["protection"]["lanes"], 3, "lanes")
    equal(r.json["protection"]["stream"], "parsed", "stream")
    check(r.json["wire_bytes"] > 0, "wire_bytes")
    check(r.json["rounds"] > 0, "rounds")
    completed(lab, lab.migrate("b", "a"), "a")


def the_source_decides(lab):
    """There with, back without, and so once more: QEMU is told each time."""
    lab.configure({"plane": {"multifd": "off"}}, "b")
    for _ in range(2):
        for src, dst in ("ab", "ba"):
            r = lab.migrate(src, dst)
            completed(lab, r, dst)
            equal(r.json["protection"]["stream"], "parsed", "stream")
    lab.configure({"plane": {"multifd": "on"}}, "b")


def cancel_again_and_again(lab):
    """QEMU 7.2 never ends if a channel breaks while its channels sync."""
    for i in range(8):
        p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
        lab.await_phase("a", id, "copy")
        time.sleep(i * 0.02)
        equal(lab.korora("a", "cancel", id[:8]).rc, 0, "exit of cancel")
        lab.refused(p.result(), "KR-1012", status="cancelled")
    lab.works()


def lanes_are_cut(lab):
    for i in range(3):
        p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
        lab.await_phase("a", id, "copy")
        time.sleep(i * 0.05)
        lab.lab("daemon", "b", "kill")
        check(p.result().rc == 1, "the migration went on")
        lab.lab("daemon", "b", "start")
        lab.runs("a")
    lab.works()


def there_and_back_often(lab):
    for _ in range(5):
        completed(lab, lab.migrate("a", "b"), "b")
        completed(lab, lab.migrate("b", "a"), "a")


if __name__ == "__main__":
    run([
        (dict(vm="dirtier", mem=64, conf=ON), [
            precopy_there_and_back, every_channel_has_a_lane, offline,
            the_source_decides, too_short_a_timeout, cancel_in_the_middle,
            cancel_from_the_destination, receipts_verify_offline,
            cancel_again_and_again,
            lanes_are_cut, there_and_back_often]),
        (dict(vm="linux", mem=None, conf=ON), [connection_survives]),
    ])
