# SPDX-License-Identifier: Apache-2.0
"""Migrations across QEMU's versions, and of a stream that nobody has seen.

QEMU 10.0 comes from Debian's backports (lab/qemu10); without it most of this
is skipped. A stream unknown to the reader is made by QEMU itself, told to do
what Kororā never asks for.
"""
import atexit
import base64
import json
import os
import re
import shutil
import tempfile

from labrun import QEMU10, check, equal, run
from test_decide import edit, reload, shipped, text_of

HERE = tempfile.mkdtemp(prefix="kr-qemus-")
atexit.register(shutil.rmtree, HERE)
OLD = "/usr/bin/qemu-system-x86_64"
NEW = QEMU10 + "/qemu"


def qemu_with(name, binary, args):
    """A QEMU that adds arguments of its own to kororad's."""
    path = HERE + "/" + name
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec '%s' \"$@\" %s\n" % (binary, args))
    os.chmod(path, 0o755)
    os.chmod(HERE, 0o755)
    return path


# pages go as differences to what went before, once they went before
DELTAS = qemu_with("deltas", OLD, "-global migration.x-xbzrle=on")
NEW_DELTAS = qemu_with("new-deltas", NEW, "-global migration.x-xbzrle=on")
# a device whose state comes before the VM's RAM
EARLY = qemu_with(
    "early", NEW, "-m maxmem=1G,slots=1 "
    "-object memory-backend-ram,id=more,size=64M -device virtio-mem-pci,"
    "id=early,memdev=more,addr=0x1c,x-early-migration=on")


def qemu_of(lab, host):
    """The version of the hypervisor that runs the VM there."""
    pid, = lab.qemus(host)
    exe = os.readlink("/proc/%d/exe" % pid)
    return "10.0" if exe.startswith(QEMU10 + "/") else "7.2"


def moved(lab, src, dst, stream, *args):
    """Migrate; both hosts' receipts verify and tell how it was carried."""
    r = lab.migrate(src, dst, *args)
    equal((r.rc, r.json["status"], r.json["error"]), (0, "completed", None),
          "exit, status, error of %r" % r)
    equal(r.json["protection"]["stream"], stream, "stream")
    lab.runs(dst)
    listed = {}
    for h in (src, dst):
        path, = [x["path"] for x in lab.told(h, "receipt", "list")["receipts"]
                 if x["migration"] == r.json["migration"]]
        v = lab.exec("client", "korora", "--json", "receipt", "verify", path,
                     *(a for k in "ab" for a in
                       ("--key", "%s/%s/etc/korora/identity.crt" %
                        (lab.dir, k))))
        equal(v.rc, 0, "receipt verify of %s's: %r" % (h, v))
        with open(path) as f:
            listed[h] = f.read()
    equal(listed[src], listed[dst], "the destination's receipt")
    envelope = json.loads(listed[src])
    said = json.loads(base64.b64decode(envelope["payload"]))
    told = said["predicate"]["stream"]
    equal(told["opaque"], stream == "opaque", "opaque in the receipt")
    equal("ram_root" in told, stream == "parsed", "ram_root in the receipt")
    return r


def refused_as_too_old(lab, src, dst):
    for args in (), ("--dry-run",):
        r = lab.migrate(src, dst, *args)
        equal((r.rc, r.code), (1, "KR-4012"), "exit, code of %r" % r)
    equal(r.json["status"], "refused", "status")
    lab.runs(src)


# ---- versions -------------------------------------------------------------

def to_the_newer_and_not_back(lab):
    equal(qemu_of(lab, "a"), "7.2", "QEMU of a")
    r = lab.migrate("a", "b", "--dry-run")
    equal(r.rc, 0, "exit of %r" % r)
    moved(lab, "a", "b", "parsed")
    equal(qemu_of(lab, "b"), "10.0", "QEMU of b")
    refused_as_too_old(lab, "b", "a")
    # until a has the newer one, too
    lab.configure({"qemu": {"binary": NEW}}, "a")
    moved(lab, "b", "a", "parsed")
    equal(qemu_of(lab, "a"), "10.0", "QEMU of a")


def newer_with_the_older_machine(lab):
    for src, dst in ("ab", "ba"):
        moved(lab, src, dst, "parsed")
        equal(qemu_of(lab, dst), "10.0", "QEMU of " + dst)


def newer_with_its_own_machine(lab):
    """Here QEMU tells of the switch-over in the stream, and needs no more
    memory under TCG: nothing is lost all the same."""
    for src, dst in ("ab", "ba", "ab", "ba"):
        moved(lab, src, dst, "parsed")
    lab.configure({"qemu": {"binary": OLD}}, "b")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-4012"), "exit, code of %r" % r)
    failed = [c["name"] for c in lab.migrate("a", "b", "--dry-run").json[
        "checks"] if not c["ok"]]
    equal(failed, ["b: hypervisor version", "b: machine and CPU"],
          "failed checks")
    lab.configure({"qemu": {"binary": NEW}}, "b")


def linux_to_the_newer(lab):
    """virtio, and a connection that goes on."""
    talk = lab.start("client", "talk", "10.77.0.10", "7", "--seconds", "12")
    r = lab.migrate("a", "b")
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    equal(r.json["protection"]["stream"], "parsed", "stream")
    equal(qemu_of(lab, "b"), "10.0", "QEMU of b")
    t = talk.result(30)
    equal(t.rc, 0, "exit of talk: %r" % t)
    check(t.json["intact"] and not t.json["lost"] and not t.json["reset"],
          "the connection suffered: %s" % t.json)
    lab.until(lambda: re.search(rb"^web1 up \d+\r?$", lab.console("b"), re.M),
              "sign of life on b")
    check(b"web1 up 1\r" not in lab.console("b"), "the guest was booted")


def multifd_by_versions(lab):
    """Zero pages move from the main channel into the others', and the marks at
    which these wait for each other come with each round."""
    lab.configure({"plane": {"multifd": "on", "lanes": "3"}})
    hosts = "ab" if qemu_of(lab, "a") == "7.2" else "abab"
    for src, dst in zip(hosts, hosts[1:]):
        p, id = lab.migrating(src, dst, "--bandwidth", "8MB")
        for h in src, dst:
            lab.until(lambda: rounds(lab, h, id), "rounds on " + h)
        r = p.result()
        equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
        equal(r.json["protection"]["stream"], "parsed", "stream")
        equal(r.json["protection"]["lanes"], 3, "lanes")
        lab.runs(dst)


def urgent_by_versions(lab):
    """The second connection of post-copy is made at the start, or, by a newer
    machine, when it goes over; it ends with a last record or without."""
    p, id = lab.migrating("a", "b", "--strategy", "postcopy", "--bandwidth",
                          "160mbit")
    for h in "ab":
        lab.await_phase(h, id, "post-copy")
        lab.until(lambda: lab.status(h, id)["postcopy"]["urgent_pages"],
                  "urgent pages on " + h)
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    told = lab.status("b", id)["postcopy"]
    equal((told["preempt"], told["lost"]), (True, False), "%s" % told)
    lab.runs("b")


def rounds(lab, host, id):
    return [m["rounds"] for m in lab.migrations(host)
            if m["migration"] == id and m["rounds"]]


# ---- streams unlike any that was seen --------------------------------------

def says_why(lab, mark, why):
    for h in "ab":
        lab.await_log(h, "without being understood: " + why, mark)


def pages_as_differences(lab):
    """From the middle of RAM on the stream is not understood."""
    mark = lab.mark()
    moved(lab, "a", "b", "opaque", "--bandwidth", "300mbit",
          "--max-downtime-ms", "20")
    says_why(lab, mark, "XBZRLE pages")


def a_policy_that_wants_a_root(lab):
    """Less evidence than it demands, on either host: the VM stays."""
    for host in "ab":
        good = text_of(lab, host)
        edit(lab, host, lambda t: t + "\n[protection all]\non = vm:*\n"
             "memory_root = yes\n")
        equal(reload(lab, host).rc, 0, "reload on " + host)
        r = lab.migrate("a", "b", "--bandwidth", "300mbit",
                        "--max-downtime-ms", "20")
        equal((r.rc, r.code), (1, "KR-1030"), "by %s: %r" % (host, r))
        check("a root of all memory" in r.json["error"]["message"], "%r" % r)
        for early in "hybrid", "postcopy":
            r = lab.migrate("a", "b", "--strategy", early)
            equal((r.rc, r.code), (1, "KR-1030"), "by %s: %r" % (host, r))
            check("%s signs one of a part" % early in
                  r.json["error"]["message"], "%r" % r)
        lab.runs("a")
        shipped(lab, host, good)


def a_device_before_ram(lab):
    for src, dst in ("ab", "ba"):
        mark = lab.mark()
        moved(lab, src, dst, "opaque")
        says_why(lab, mark, "unknown section before the end of RAM")


def on(a, b, *up):
    return ["--qemu-a", a, "--qemu-b", b, *up]


if __name__ == "__main__":
    run([
        (dict(qemu10=True, up=on(OLD, NEW)), [to_the_newer_and_not_back]),
        (dict(qemu10=True, up=on(NEW, NEW)), [newer_with_the_older_machine]),
        (dict(qemu10=True,
              up=on(NEW, NEW, "--machine", "pc-i440fx-10.0", "--rate",
                    "5000")), [newer_with_its_own_machine]),
        (dict(qemu10=True, up=on(OLD, NEW), vm="linux", mem=None),
         [linux_to_the_newer]),
        (dict(qemu10=True, up=on(OLD, NEW)), [multifd_by_versions]),
        (dict(qemu10=True, up=on(NEW, NEW, "--machine", "pc-i440fx-10.0")),
         [multifd_by_versions]),
        (dict(qemu10=True, up=on(OLD, NEW), mem=128), [urgent_by_versions]),
        (dict(qemu10=True, mem=128,
              up=on(NEW, NEW, "--machine", "pc-i440fx-10.0")),
         [urgent_by_versions]),
        (dict(up=on(DELTAS, OLD)), [a_policy_that_wants_a_root,
                                    pages_as_differences]),
        (dict(qemu10=True, up=on(NEW_DELTAS, NEW)), [pages_as_differences]),
        (dict(qemu10=True, up=on(EARLY, EARLY)), [a_device_before_ram]),
    ])
