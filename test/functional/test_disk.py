# SPDX-License-Identifier: Apache-2.0
"""A disk that is full while a VM moves: nobody waits for it but the records."""
import contextlib
import os
import shutil
import subprocess

from labrun import check, equal, fault, run

SIZE_MB = 90		# preflight wants 64 of it free
SOON_S = 10		# long before anything runs into its time


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def stop(lab):
    """The VM is started anew, so what it printed so far does not count."""
    r = lab.korora("a", "vm", "stop", lab.vm, "--force")
    equal(r.rc, 0, "exit of %r" % r)
    for h in "ab":
        with contextlib.suppress(FileNotFoundError):
            os.truncate("%s/%s/var/lib/korora/console/%s.log" % (
                lab.dir, h, lab.vm), 0)


@contextlib.contextmanager
def small_disk(lab, host, *env):
    """var/ of a host is a small disk; what the guest prints is elsewhere.

    Gives a function that fills the disk, or with False empties it again.
    """
    var = "%s/%s/var" % (lab.dir, host)
    console, full = var + "/lib/korora/console", var + "/full"
    stop(lab)
    lab.lab("daemon", host, "stop")
    os.rename(var, var + ".big")
    os.mkdir(var)
    mount("-t", "tmpfs", "-o", "size=%dm,mode=0755" % SIZE_MB, "small", var)
    subprocess.run(["cp", "-a", var + ".big/.", var], check=True)
    mount("--bind", var + ".big/lib/korora/console", console)
    lab.lab("daemon", host, "start", *env)
    equal(lab.korora("a", "vm", "start", lab.vm).rc, 0, "exit of vm start")

    def fill(yes=True):
        if not yes:
            os.unlink(full)
            return
        with open(full, "wb", buffering=0) as f, \
                contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))

    try:
        yield fill
    finally:
        if os.path.exists(full):
            fill(False)
        try:
            lab.home()
            stop(lab)
            lab.lab("daemon", host, "stop")
            shutil.copytree(var + "/lib/korora", var + ".big/lib/korora",
                            ignore=shutil.ignore_patterns("console"),
                            dirs_exist_ok=True)
        finally:	# whatever failed, no mount is left
            for path in (console, var):
                subprocess.run(["umount", "-l", path], check=True)
        os.rmdir(var)
        os.rename(var + ".big", var)
        lab.lab("daemon", host, "start")
        lab.korora("a", "vm", "start", lab.vm)


def undone(lab, p):
    """It is answered at once, for its cause, and the guest runs on a."""
    r = p.result(SOON_S)
    lab.refused(r, "KR-8001")
    check("full" in r.json["error"]["message"], "the cause: %r" % r)
    return r


def recorded(lab, host, id):
    """With room again, the undoing is recorded and all is as ever."""
    def there():
        return [e for e in lab.evidence(host, 20) if
                e["event"] == "migration.undone" and e["migration"] == id]
    lab.until(there, "entry of the undoing on " + host)
    equal(lab.korora(host, "log", "verify").rc, 0, "log verify on " + host)
    equal(len(there()), 1, "entries of it")


def source_is_full(lab):
    with small_disk(lab, "a") as fill:
        p, id = lab.migrating("a", "b", "--bandwidth", "20MB")
        lab.await_phase("a", id, "copy")
        fill()
        r = undone(lab, p)
        check(0 < r.json["downtime_ms"] < SOON_S * 1000,
              "for how long it stood still: %r" % r)
        equal(lab.migrate("a", "b").code, "KR-1014", "one more meanwhile")
        fill(False)
        recorded(lab, "a", id)
        lab.works()


def source_is_full_and_it_is_cancelled(lab):
    with small_disk(lab, "a") as fill:
        p, id = lab.migrating("a", "b", "--bandwidth", "2MB")
        lab.await_phase("a", id, "copy")
        fill()
        r = lab.korora("a", "cancel", id)
        equal(r.rc, 0, "exit of cancel: %r" % r)
        lab.refused(p.result(SOON_S), "KR-1012", status="cancelled")
        fill(False)
        recorded(lab, "a", id)
        lab.works()


def source_is_full_and_kororad_dies(lab):
    """What was undone without a record is undone again with one."""
    with small_disk(lab, "a") as fill:
        p, id = lab.migrating("a", "b", "--bandwidth", "20MB")
        lab.await_phase("a", id, "copy")
        fill()
        undone(lab, p)
        lab.lab("daemon", "a", "kill")
        fill(False)
        lab.lab("daemon", "a", "start")
        recorded(lab, "a", id)
        lab.runs("a")
        lab.works()


def the_release_finds_no_room(lab):
    """b has prepared, and a cannot record its release: then there is none."""
    points, mark = lab.dir + "/points", lab.mark()
    n = fault("S_FREEZE", "SENT", "before")
    os.mkdir(points)
    with small_disk(lab, "a", "KORORA_FAULT_DIR=" + points,
                    "KORORA_FAULT=" + n) as fill:
        p = lab.start("a", "korora", "--json", "migrate", "dirtier", "--to",
                      "b")
        lab.until(lambda: os.path.exists(points + "/%s.hit" % n), "fault point")
        fill()
        open(points + "/%s.go" % n, "w").close()
        r = undone(lab, p)
        check("S_SEAL + PREPARED" not in lab.logged("a", mark),
              "it was released")
        lab.await_log("b", "T_PREPARED . FAIL -> T_DISOWNED", mark)
        lab.await_log("b", "T_DISOWNED . ABORTED -> T_UNDONE", mark)
        fill(False)
        recorded(lab, "a", r.json["migration"])
        lab.works()


def destination_is_full(lab):
    with small_disk(lab, "b") as fill:
        p, id = lab.migrating("a", "b", "--bandwidth", "20MB")
        lab.await_phase("a", id, "copy")
        fill()
        undone(lab, p)
        equal(lab.migrate("a", "b").rc, 1, "exit of one more")
        fill(False)
        recorded(lab, "b", id)
        lab.works()


def no_room_from_the_start(lab):
    """Neither side begins what it cannot record, and nothing is left of it."""
    with small_disk(lab, "a") as fill:
        fill()
        equal(lab.migrate("a", "b").code, "KR-8001", "code")
        lab.runs("a")
        fill(False)
        lab.works()
    with small_disk(lab, "b") as fill:
        fill()
        lab.refused(lab.migrate("a", "b"), "KR-8001", status="refused")
        fill(False)
        lab.works()


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [
        source_is_full, source_is_full_and_it_is_cancelled,
        source_is_full_and_kororad_dies, the_release_finds_no_room,
        destination_is_full, no_room_from_the_start])])
