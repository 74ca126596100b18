# SPDX-License-Identifier: Apache-2.0
"""guest - a lab and the VM in it that is moved, made anew for every run

One lab per case. Whatever a guest's memory is to be, it is started on a by
whoever measures, moved to b and ended there.
"""
import os
import re
import shutil
import subprocess
import time

import memory

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "lab", "lab")
ADDRESS = {"a": "10.77.0.1", "b": "10.77.0.2"}
UP_S = 120
TCG_SPARE = 8192        # what kororad adds to the memory of a guest under TCG
STILL_PARAM = 0x1a4     # of still.S

STILL = """[vm]
name = still
machine = pc-i440fx-7.2
cpu = qemu64
vcpus = 1
memory_mb = {mem}
accel = tcg

[disk hda]
file = images:still.raw
format = raw
bus = ide
"""


def lab(*words, **more):
    r = subprocess.run([LAB, *words], text=True, capture_output=True, **more)
    if r.returncode:
        raise RuntimeError(f"lab {' '.join(words[:4])}: "
                           f"{(r.stderr or r.stdout).strip()[-400:]}")
    return r.stdout


class Guest:
    """The guest of one case: its name, its definition, how to tell it is up."""

    def __init__(self, folder, case, mem, rate, wss):
        self.folder, self.case, self.mem = folder, case, mem
        self.rate, self.wss = rate, wss
        self.kind = {"idle": "linux", "dirty": "dirtier"}.get(
            case.memory, "still")
        self.says = {"linux": "web1"}.get(self.kind, self.kind)
        self.name, self.n = None, 0
        self.ram = None
        self.content = None
        self.prefix = None

    def up(self):
        """Makes the lab, the guest's files, kororad with our QEMU."""
        words = []
        if self.kind != "still":
            words = ["--vm", self.kind, "--mem", str(self.mem)]
        if self.kind == "dirtier":
            words += ["--rate", str(self.rate), "--wss", str(self.wss)]
        lab("up", *words)
        with open(f"{self.folder}/lab.id") as f:
            self.prefix = f.read().strip()
        for h in "ab":
            lab("daemon", h, "stop")
            with open(f"{self.folder}/{h}/etc/korora/korora.conf", "a") as f:
                f.write(f"\n[qemu]\nbinary = {HERE}/qemu-filled\n")
                if self.case.back:
                    f.write(f"\n[plane]\npage_cache_mb = {self.mem}\n")
            lab("daemon", h, "start")
        if self.kind == "still":
            self.make_still()
        else:
            self.korora("a", "vm", "stop", self.says)
            self.korora("a", "vm", "remove", self.says)
        lab("link", "--rate", self.case.link)

    def make_still(self):
        images = f"{self.folder}/images"
        with open(f"{os.environ['KORORA_BUILD']}/bench/still.raw", "rb") as f:
            boot = bytearray(f.read())
        boot[STILL_PARAM] = 1 if self.case.back else 0
        with open(f"{images}/still.raw", "wb") as f:
            f.write(boot.ljust(1 << 20, b"\0"))
        with open(f"{images}/still.vm", "w") as f:
            f.write(STILL.format(mem=self.mem))
        self.ram = f"/dev/shm/kr-bench-{os.getpid()}.ram"
        self.content = memory.fill(self.case.memory, self.ram,
                                   (self.mem << 20) + TCG_SPARE)
        os.symlink(self.ram, f"{self.folder}/ram")

    def fresh(self):
        """
        Before each start: a disk that nobody has written to, and a name that
        kororad does not know yet: it keeps that of a VM that it has sent away,
        and of its pages, which the next VM would find.
        """
        for h in "ab":
            shutil.rmtree(f"{self.folder}/{h}/var/lib/korora/pagecache",
                          ignore_errors=True)
        images = f"{self.folder}/images"
        self.n += 1
        self.name = f"{self.says}-{self.n}"
        with open(f"{images}/{self.says}.vm") as f:
            text = re.sub(r"(?m)^name = .*", f"name = {self.name}", f.read())
        with open(self.definition(), "w") as f:
            f.write(text)
        if self.kind == "linux":
            subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4",
                            f"{images}/web1.raw"], check=True)

    def down(self):
        subprocess.run([LAB, "down"], check=False, start_new_session=True)
        if self.ram and os.path.exists(self.ram):
            os.remove(self.ram)

    def korora(self, host, *words, timeout=None):
        """korora on one of the hosts: exit status, standard output, error."""
        r = subprocess.run([LAB, "exec", host, "korora", *words], text=True,
                           capture_output=True, timeout=timeout)
        return r.returncode, r.stdout, r.stderr

    def definition(self):
        return f"{self.folder}/images/run.vm"

    def daemon(self, host):
        with open(f"{self.folder}/{host}.pid") as f:
            return int(f.read())

    def wait_up(self, console):
        """Until the guest has printed, into the file @console, that it is."""
        up = re.compile(rf"^{self.says} up", re.M)
        end = time.monotonic() + UP_S
        while time.monotonic() < end:
            try:
                with open(console, errors="replace") as f:
                    if up.search(f.read()):
                        return
            except FileNotFoundError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self.says} did not come up in {UP_S} s")

    def inside(self, host):
        """What comes before a command to run it in a host's network."""
        return ["ip", "netns", "exec", f"{self.prefix}-{host}"]


def needs():
    """What is missing to measure at all, or None."""
    if os.geteuid():
        return "the lab needs root"
    for program in ("qemu-system-x86_64", "ip", "tc", "openssl"):
        if not shutil.which(program, path=os.environ["PATH"] +
                            ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    if not os.path.exists(f"{os.environ['KORORA_BUILD']}/bench/still.raw"):
        return f"nothing is built in {os.environ['KORORA_BUILD']}"
    return None
