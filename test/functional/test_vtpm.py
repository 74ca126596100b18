# SPDX-License-Identifier: Apache-2.0
"""A VM with a TPM of its own: it is there, it stays the VM's, and nobody else
opens it."""
import contextlib
import glob
import os
import re
import signal
import socket
import struct
import subprocess

from labrun import check, equal, fault, run, stopped

SECRET = b"what nobody but this guest knows"
INDEX = 0x01500001
OWNER = 0x40000001
NO_PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
FIRST_UID = 1900000000


# ---- TPM commands, and a guest that gives them ------------------------------

def command(code, handles, rest=b""):
    body = struct.pack(">%dI" % len(handles), *handles) + NO_PASSWORD + rest
    return struct.pack(">HII", 0x8002, 10 + len(body), code) + body


def sized(b):
    return struct.pack(">H", len(b)) + b


def extend(pcr):
    return command(0x182, [pcr], struct.pack(">IH", 1, 0x0b) + b"\1" * 32)


DEFINE = command(0x12a, [OWNER], sized(b"") + sized(
    struct.pack(">IHIHH", INDEX, 0x0b, 0x02060006, 0, len(SECRET))))
WRITE = command(0x137, [OWNER, INDEX], sized(SECRET) + struct.pack(">H", 0))
READ = command(0x14e, [OWNER, INDEX], struct.pack(">HH", len(SECRET), 0))


def console(lab):
    with open("%s/a/var/lib/korora/console/web1.log" % lab.dir, "rb") as f:
        return f.read()


PCR16 = "cat /sys/class/tpm/tpm0/pcr-sha256/16"


def typed(lab, line, host="a"):
    """What a line that the guest's shell is given prints."""
    typed.n += 1
    mark = re.compile(b"<%d:(.*?):%d>" % (typed.n, typed.n), re.S)
    fd = os.open("%s/%s/run/korora/vm/web1" % (lab.dir, host), os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect("/proc/self/fd/%d/con.sock" % fd)
            s.settimeout(60)
            s.sendall(b"echo '<'%d: $(%s) :%d'>'\n" % (
                typed.n, line.encode(), typed.n))
            said = b""	# to be read: the guest waits for that
            while not mark.search(said):
                more = s.recv(4096)
                check(more, "the console hung up")
                said += more
    finally:
        os.close(fd)
    return mark.search(said).group(1).decode().strip()


typed.n = 0


def tell(lab, cmd, host="a"):
    """A command to the guest's TPM, in one write; its reply."""
    text = "".join("\\%03o" % b for b in cmd)
    said = typed(lab, "exec 3<>/dev/tpm0; printf '%s' >&3; "
                      "dd bs=4096 count=1 <&3 2>/dev/null | od -An -v -tx1"
                      % text, host)
    reply = bytes.fromhex("".join(said.split()))
    equal(struct.unpack(">I", reply[6:10])[0], 0, "response of %r" % reply)
    return reply


def up(lab):
    before = len(console(lab))
    r = lab.korora("a", "vm", "start", "web1")
    equal(r.rc, 0, "start: %r" % r)
    lab.until(lambda: b"web1 up" in console(lab)[before:], "the guest")


def stop(lab):
    equal(lab.korora("a", "vm", "stop", "web1", "--force").rc, 0, "stop")


def folder(lab, host="a"):
    return "%s/%s/var/lib/korora/vtpm/web1" % (lab.dir, host)


def agents(lab, host="a"):
    """Processes on a host: {name: pids}."""
    pids = subprocess.run(["ip", "netns", "pids",
                           "%s-%s" % (lab.prefix, host)], text=True,
                          capture_output=True).stdout.split()
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            with open("/proc/%s/comm" % pid) as f:
                found.setdefault(f.read().strip(), []).append(int(pid))
    return found


def tpms(lab, host="a"):
    """Those of VMs' TPMs; the host's own is not in its network."""
    return {n: p for n, p in agents(lab, host).items()
            if n in ("swtpm", "korora-vtpm")}


def with_tpm(text):
    return text.replace("[vm]\n", "[vm]\ntpm = 2.0\n", 1)


def define(lab, host, text):
    path = "%s/%s.vm" % (lab.dir, host)
    with open(path, "w") as f:
        f.write(text)
    return lab.korora(host, "vm", "define", path)


# ---- what holds -------------------------------------------------------------

def guest_has_a_tpm(lab):
    stop(lab)
    text = lab.told("a", "vm", "show", "web1")["definition"]
    check("tpm" not in text, "a VM without: " + text)
    equal(define(lab, "a", with_tpm(text)).rc, 0, "define")
    equal(lab.told("a", "vm", "show", "web1")["tpm"],
          {"version": "2.0", "key": "none", "runs": False}, "before")
    up(lab)
    equal(lab.told("a", "vm", "show", "web1")["tpm"],
          {"version": "2.0", "key": "sealed", "runs": True}, "while it runs")
    equal(typed(lab, "cat /sys/class/tpm/tpm0/tpm_version_major"), "2",
          "the guest's TPM")
    tell(lab, extend(16))
    tell(lab, DEFINE)
    tell(lab, WRITE)
    check(SECRET in tell(lab, READ), "the secret is not there")


def others_learn_nothing(lab):
    """Of what lies on the disk, and what processes show."""
    owner = os.stat(folder(lab) + "/state")
    equal((owner.st_uid >= FIRST_UID, owner.st_mode & 0o777), (True, 0o700),
          "the state's folder")
    for path in glob.glob(folder(lab) + "/**", recursive=True):
        if os.path.isfile(path):
            check(SECRET not in open(path, "rb").read(), path)
    running = tpms(lab)
    for pid in sum(running.values(), []):
        uid = open("/proc/%d/status" % pid).read().split("Uid:")[1].split()[:4]
        equal(uid, [str(owner.st_uid)] * 4, "who it is")
    argv = open("/proc/%d/cmdline" % running["swtpm"][0]).read().split("\0")
    equal(argv[:5], ["swtpm", "socket", "--tpm2", "--tpmstate",
                     "dir=.,mode=0600"], "arguments")
    check(re.fullmatch(r"fd=\d+,format=binary,mode=aes-256-cbc",
                       argv[argv.index("--key") + 1]), repr(argv))
    equal(open("/proc/%d/environ" % running["swtpm"][0]).read(), "",
          "environment")
    for user in (owner.st_uid + 1, 65534):
        r = lab.exec("a", "cat", folder(lab) + "/state/tpm2-00.permall",
                     user=user)
        check(r.rc and not r.out, "user %d reads %r" % (user, r))


def it_outlives_kororad(lab):
    before = tpms(lab)
    lab.restart("a")
    equal(tpms(lab), before, "processes")
    equal(lab.told("a", "vm", "show", "web1")["tpm"]["runs"], True, "runs")
    check(SECRET in tell(lab, READ), "the secret is not there")
    check("0000" not in typed(lab, PCR16),
          "PCR 16 begins anew")


def not_early(lab):
    """Post-copy would run it before all of it is there."""
    for how in ("postcopy", "hybrid"):
        r = lab.migrate("a", "b", "--strategy", how, vm="web1")
        equal((r.rc, r.code), (1, "KR-2135"), "%s: %r" % (how, r))
    equal(lab.state("a", "web1"), "running", "state")


def is_whole(lab, host):
    """The TPM is what it was, and one lives."""
    check(SECRET in tell(lab, READ, host), "the secret is not there")
    check("0000" not in typed(lab, PCR16, host), "PCR 16 begins anew")
    other = "ab"[host == "a"]
    lab.until(lambda: not os.path.exists(folder(lab, other)),
              "erasure on " + other, 20)
    check(not tpms(lab, other), "a TPM runs on " + other)
    equal(lab.told(host, "vm", "show", "web1")["tpm"],
          {"version": "2.0", "key": "sealed", "runs": True}, "tpm")


def it_moves_with_its_vm(lab):
    keys = [open(folder(lab) + "/key", "rb").read()]
    for here, there, how in (("a", "b", "precopy"), ("b", "a", "offline")):
        r = lab.migrate(here, there, "--strategy", how, vm="web1")
        equal(r.rc, 0, "%s: %r" % (how, r))
        is_whole(lab, there)
        keys.append(open(folder(lab, there) + "/key", "rb").read())
    equal(len(set(keys)), 3, "keys of one VM, on its ways")
    events = [e["event"] for e in lab.told("a", "log", "show")["entries"]]
    check("vm-tpm-erased" in events, repr(events[-9:]))


def a_way_that_is_left_changes_nothing(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB", vm="web1")
    lab.await_phase("a", id, "copy")
    equal(lab.korora("a", "cancel", id).rc, 0, "cancel")
    equal(p.result().code, "KR-1012", "code of the migration")
    is_whole(lab, "a")


def a_tpm_that_dies_on_its_way_stays(lab):
    """The destination's, which is to be given the state."""
    p, id = lab.migrating("a", "b", "--bandwidth", "32MB", vm="web1")
    lab.await_phase("a", id, "copy")
    os.kill(tpms(lab, "b")["swtpm"][0], signal.SIGKILL)
    check(p.result().rc, "it went well without a TPM")
    lab.until(lambda: lab.state("a", "web1") == "running", "VM on a")
    is_whole(lab, "a")
    check(not lab.qemus("b"), "a hypervisor is left on b")


def crash(lab, host, *point):
    """A migration to b, in which host's kororad is killed there."""
    points, n = lab.dir + "/points-%s-%s" % point[:2], fault(*point)
    os.mkdir(points)
    lab.lab("daemon", host, "stop")
    lab.lab("daemon", host, "start", "KORORA_FAULT_DIR=" + points,
            "KORORA_FAULT=" + n)
    p, _ = lab.migrating("a", "b", vm="web1")
    lab.until(lambda: os.path.exists(points + "/%s.hit" % n), "the point")
    lab.lab("daemon", host, "kill")
    lab.lab("daemon", host, "start")
    p.result()


def a_crash_before_the_release_leaves_it_here(lab):
    """All of its state is at the destination, which has not been told yet
    that the VM is its own."""
    crash(lab, "a", "S_SEAL", "PREPARED", "record")
    lab.until(lambda: lab.state("a", "web1") == "running" and
              lab.told("a", "vm", "show", "web1")["tpm"]["runs"], "VM on a")
    is_whole(lab, "a")


def a_crash_behind_it_leaves_it_there(lab):
    """One kororad ends before the VM runs, the other before it erases."""
    crash(lab, "b", "T_PREPARED", "RELEASED", "before")
    lab.until(lambda: lab.state("b", "web1") == "running", "VM on b")
    is_whole(lab, "b")
    equal(lab.migrate("b", "a", vm="web1").rc, 0, "back")
    crash(lab, "a", "S_OWNED", "RECEIPT", "before")
    lab.until(lambda: lab.state("b", "web1") == "running", "VM on b")
    is_whole(lab, "b")
    equal(lab.migrate("b", "a", vm="web1").rc, 0, "back")
    is_whole(lab, "a")


def a_way_that_waits_for_a_key_is_left(lab):
    with silent_tpm(lab, "b"):
        p, id = lab.migrating("a", "b", vm="web1")
        lab.until(lambda: "korora-tpm" in agents(lab, "b"), "question to b's")
        equal(lab.korora("a", "cancel", id).rc, 0, "cancel")
        equal(p.result().code, "KR-1012", "code of the migration")
    is_whole(lab, "a")
    check(not lab.qemus("b"), "a hypervisor is left on b")


def a_host_that_keeps_no_key_is_no_place_for_it(lab):
    path = "%s/b/etc/korora/korora.conf" % lab.dir
    conf = open(path).read()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^tpm = .*\n", "", conf))
    lab.restart("b")
    r = lab.migrate("a", "b", vm="web1")
    equal((r.rc, r.code), (1, "KR-2133"), "%r" % r)
    with open(path, "w") as f:
        f.write(conf)
    lab.restart("b")
    is_whole(lab, "a")


def it_is_there_after_a_stop(lab):
    stop(lab)
    lab.until(lambda: not tpms(lab), "end of its TPM", 20)
    up(lab)
    check(SECRET in tell(lab, READ), "the secret is not there")
    check("0000" in typed(lab, PCR16),
          "PCR 16 of a VM that was off")


def its_vm_goes_on_without(lab):
    os.kill(tpms(lab)["swtpm"][0], signal.SIGKILL)
    lab.until(lambda: not lab.told("a", "vm", "show", "web1")["tpm"]["runs"],
              "word of the TPM's end")
    lab.until(lambda: "its TPM ended" in open(lab.dir + "/a.log").read(),
              "a line in the log", 20)
    equal(typed(lab, "echo alive"), "alive", "the guest")
    stop(lab)


def host_tpm(lab, cmds, host="a"):
    """Commands to a host's own TPM; their response codes."""
    with socket.socket(socket.AF_UNIX) as s:
        fd = os.open("%s/%s.tpm" % (lab.dir, host), os.O_PATH)
        s.connect("/proc/self/fd/%d/sock" % fd)
        os.close(fd)
        said = []
        for cmd in cmds:
            s.sendall(cmd)
            said.append(struct.unpack(">I", s.recv(4096)[6:10])[0])
        return said


@contextlib.contextmanager
def silent_tpm(lab, host="a"):
    """The host's TPM does not answer meanwhile. It has no resource manager:
    what is left in it by who died, is taken out."""
    with open("%s/%s.tpm/pid" % (lab.dir, host)) as f:
        with stopped([int(f.read())]):
            yield
    host_tpm(lab, [struct.pack(">HIII", 0x8001, 14, 0x165, h)
                   for h in (0x80000000, 0x80000001, 0x80000002, 0x02000000,
                             0x03000000)], host)


def a_start_that_waits_is_cut_short(lab):
    """For the key: kororad goes on, the VM has no process, and nothing is
    left of it if kororad ends."""
    with silent_tpm(lab):
        p = lab.start("a", "korora", "--json", "vm", "start", "web1")
        lab.until(lambda: "korora-tpm" in agents(lab), "question to the TPM")
        equal(lab.korora("a", "vm", "start", "web1").code, "KR-1014",
              "another start")
        shown = lab.told("a", "vm", "show", "web1")
        equal((shown["pid"], shown["state"]), (None, "stopped"), "meanwhile")
        lab.restart("a")
        check(p.result().rc, "a start that was cut short")
    equal(lab.state("a", "web1"), "stopped", "state")
    check(not tpms(lab) and not lab.qemus("a"), "something was left")
    check(not os.path.exists("%s/a/run/korora/vm/web1" % lab.dir), "folder")
    up(lab)
    check(SECRET in tell(lab, READ), "the secret is not there")
    stop(lab)


def a_copy_is_of_no_use(lab):
    """The folder on another host, whose TPM did not seal its key."""
    text = lab.told("a", "vm", "show", "web1")["definition"]
    equal(define(lab, "b", text.replace("name = web1", "name = twin")).rc, 0,
          "define")
    copied = folder(lab, "b")[:-4] + "twin"
    subprocess.run(["cp", "-a", folder(lab), copied], check=True)
    r = lab.korora("b", "vm", "start", "twin")
    equal((r.rc, r.code), (1, "KR-2130"), "start of a copy: %r" % r)
    check(not tpms(lab, "b") and not lab.qemus("b"), "something was left")
    equal(lab.state("b", "twin"), "stopped", "state")
    equal(lab.korora("b", "vm", "remove", "twin").rc, 0, "remove")
    check(not os.path.exists(copied), "the copy is left")


def what_moved_away_does_not_come_back(lab):
    """Its folder, put back where it was before: not started, and erased."""
    subprocess.run(["cp", "-a", folder(lab), folder(lab, "b")], check=True)
    r = lab.korora("b", "vm", "start", "web1")
    equal((r.rc, lab.state("b", "web1")), (1, "moved"), "start: %r" % r)
    lab.restart("b")
    lab.until(lambda: not os.path.exists(folder(lab, "b")), "erasure", 20)


def it_never_begins_anew(lab):
    """State or key is gone: that is told, and not mended by an empty TPM."""
    state = folder(lab) + "/state/tpm2-00.permall"
    for path in (state, folder(lab) + "/key"):
        os.rename(path, path + ".away")
        r = lab.korora("a", "vm", "start", "web1")
        equal((r.rc, r.code), (1, "KR-2134"), "%s: %r" % (path, r))
        os.rename(path + ".away", path)
    check(not tpms(lab) and not lab.qemus("a"), "something was left")


def another_boot_does_not_open_it(lab):
    """A PCR that the key is sealed to is another one."""
    equal(host_tpm(lab, [extend(7)]), [0], "PCR_Extend")
    r = lab.korora("a", "vm", "start", "web1")
    equal((r.rc, r.code), (1, "KR-2129"), "start: %r" % r)
    equal(lab.state("a", "web1"), "stopped", "state")


def it_goes_with_its_vm(lab):
    equal(lab.korora("a", "vm", "remove", "web1").rc, 0, "remove")
    check(not os.path.exists(folder(lab)), "a folder is left")


def a_host_without_keeps_no_key(lab):
    """But where its configuration says so; then it is told."""
    path = "%s/b/etc/korora/korora.conf" % lab.dir
    conf = open(path).read()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^tpm = .*\n", "", conf))
    lab.restart("b")
    equal(define(lab, "b", PLAIN).rc, 0, "define")
    r = lab.korora("b", "vm", "start", "plain")
    equal((r.rc, r.code), (1, "KR-2133"), "start: %r" % r)
    lab.configure({"vtpm": {"unsealed": "on"}}, "b")
    equal(lab.korora("b", "vm", "start", "plain").rc, 0, "start")
    equal(lab.told("b", "vm", "show", "plain")["tpm"],
          {"version": "2.0", "key": "unsealed", "runs": True}, "it is told")
    said = {c["name"]: c["message"] for c in
            lab.korora("b", "doctor").json["checks"]}
    check("files" in said["here: VMs' TPMs"], repr(said))
    equal(lab.told("b", "status")["vtpm_unsealed"], True, "status")
    check("lies in a file" in lab.exec("b", "korora", "vm", "show",
                                       "plain").out, "vm show")
    key = open("%s/b/var/lib/korora/vtpm/plain/key" % lab.dir, "rb").read()[1:]
    equal(len(key), 32, "bytes of the key")
    for path in glob.glob("/proc/[0-9]*/cmdline") + \
            glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError):
            shown = open(path, "rb").read()
            check(key not in shown and key.hex().encode() not in
                  shown.lower(), path)
    lab.configure({"vtpm": {"unsealed": "off"}}, "b")
    equal(lab.korora("b", "vm", "stop", "plain", "--force").rc, 0, "stop")
    r = lab.korora("b", "vm", "start", "plain")
    equal((r.rc, r.code), (1, "KR-2133"), "start, off again: %r" % r)
    lab.until(lambda: not tpms(lab, "b"), "end of its TPM", 20)
    equal(lab.korora("b", "vm", "remove", "plain").rc, 0, "remove")


PLAIN = """[vm]
name = plain
machine = pc-q35-7.2
vcpus = 1
memory_mb = 32
tpm = 2.0
"""


def it_works_with_a_later_qemu(lab):
    equal(define(lab, "a", PLAIN).rc, 0, "define")
    equal(lab.korora("a", "vm", "start", "plain").rc, 0, "start")
    r = lab.migrate("a", "b", vm="plain")
    equal(r.rc, 0, "to a QEMU 10.0: %r" % r)
    for step in (["stop", "plain", "--force"], ["start", "plain"]):
        equal(lab.korora("b", "vm", *step).rc, 0, "vm %s" % step)
    equal(lab.told("b", "vm", "show", "plain")["tpm"]["runs"], True, "runs")
    for step in (["stop", "plain", "--force"], ["remove", "plain"]):
        equal(lab.korora("b", "vm", *step).rc, 0, "vm %s" % step)


run([({"vm": None, "up": ["--tpm", "--vm", "linux", "--mem", "128"]},
      [guest_has_a_tpm, others_learn_nothing, it_outlives_kororad,
       not_early, a_way_that_is_left_changes_nothing,
       a_tpm_that_dies_on_its_way_stays, it_moves_with_its_vm,
       a_crash_before_the_release_leaves_it_here,
       a_crash_behind_it_leaves_it_there,
       a_way_that_waits_for_a_key_is_left,
       a_host_that_keeps_no_key_is_no_place_for_it, it_is_there_after_a_stop,
       its_vm_goes_on_without,
       a_start_that_waits_is_cut_short, a_copy_is_of_no_use,
       what_moved_away_does_not_come_back, it_never_begins_anew,
       another_boot_does_not_open_it, it_goes_with_its_vm,
       a_host_without_keeps_no_key]),
     ({"vm": None, "qemu10": True, "up": ["--tpm", "--qemu-b", "10"]},
      [it_works_with_a_later_qemu])])
