# SPDX-License-Identifier: Apache-2.0
"""The lab for functional tests: two hosts, a VM, and who attacks them.

A test is a function that takes a Lab; run() prints one line per test. The lab
(lab/README.md) lies in a temporary folder and is always taken down again:
after a failure, Ctrl-C or SIGTERM, too. Needs root.
"""
import base64
import contextlib
import ctypes
import functools
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SRC = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ATTACK = os.path.join(SRC, "test", "attack")
sys.path.insert(0, ATTACK)

BUILD = os.path.realpath(os.environ.get("KORORA_BUILD", SRC + "/build"))
LAB = os.path.join(SRC, "lab", "lab")
QEMU10 = os.path.realpath(os.environ.get("KORORA_QEMU10",
                                         BUILD + "/lab/qemu10"))
ADDRESS = {"a": "10.77.0.1", "b": "10.77.0.2", "client": "10.77.0.9",
           "mallory": "10.77.0.66"}
PORT = 7300
CLONE_NEWNET = 0x40000000
CONSOLE = re.compile(rb"^t=([0-9a-f]{8}) n=([0-9a-f]{8}) bad=([0-9a-f]{8})\r?$",
                     re.M)
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A test's expectation was not met."""


def check(good, why):
    if not good:
        raise Failed(why)


def equal(got, want, what):
    check(got == want, "%s is %r, not %r" % (what, got, want))


class Result:
    """What a command said: rc, out, err, and json, its last line."""

    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err
        self.json = None
        lines = out.strip().splitlines()
        if lines:
            with contextlib.suppress(ValueError):
                self.json = json.loads(lines[-1])

    @property
    def code(self):
        """KR-nnnn of the error, None if there is none."""
        error = self.json.get("error") if isinstance(self.json, dict) else None
        return error["code"] if error else None

    def __repr__(self):
        return "exit %d %s %s" % (self.rc, self.out.strip()[-600:],
                                  self.err.strip()[-400:])


@contextlib.contextmanager
def stopped(pids):
    """Processes stand still meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Process:
    """A command in the background."""

    def __init__(self, argv, env):
        self.p = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)

    def done(self):
        return self.p.poll() is not None

    def result(self, timeout=180):
        try:
            out, err = self.p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.p.kill()
            out, err = self.p.communicate()
            raise Failed("no end after %d s: %s %s" % (timeout, out[-300:],
                                                       err[-300:]))
        return Result(self.p.returncode, out, err)

    def stop(self):
        if not self.done():
            self.p.terminate()
        with contextlib.suppress(Exception):
            self.p.communicate(timeout=5)
        if not self.done():
            self.p.kill()
            self.p.communicate()


@functools.cache
def no_qemu10():
    """Why there is none even after an attempt to get it, or None."""
    r = subprocess.run([os.path.join(SRC, "lab", "qemu10"), QEMU10],
                       capture_output=True, text=True, timeout=300)
    return "no QEMU 10.0: " + r.stderr.strip() if r.returncode else None


class Lab:
    """A lab that is up inside `with`."""

    def __init__(self, vm="dirtier", mem=64, conf=None, up=(), qemu10=False):
        """conf: {section: {key: value}} added to both hosts' korora.conf;
        up: more arguments for lab up; qemu10: it needs that one"""
        self.vm = {"linux": "web1"}.get(vm, vm)
        self.args = list(up)
        if vm:
            self.args += ["--vm", vm]
        if vm and mem:
            self.args += ["--mem", str(mem)]
        self.conf = conf or {}
        self.qemu10 = qemu10
        self.processes = []

    def missing(self):
        """Why this lab cannot be had on this machine, or None."""
        return no_qemu10() if self.qemu10 else None

    # ---- up and down -------------------------------------------------------

    def __enter__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="kr-func-"))
        os.chmod(self.dir, 0o755)
        self.prefix = "kr-" + hashlib.sha256(
            self.dir.encode()).hexdigest()[:6]
        self.env = dict(os.environ, KORORA_LAB=self.dir, KORORA_BUILD=BUILD)
        self.env.pop("KORORA_ROOT", None)
        try:
            self.lab("up", *self.args)
            if self.conf:
                self.configure(self.conf)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *exc):
        self.end()
        if exc[0] is None:
            self.assert_gone()

    def end(self):
        for p in self.processes:
            with contextlib.suppress(Exception):
                p.stop()
        subprocess.run([LAB, "down"], env=self.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=180)
        shutil.rmtree(self.dir, ignore_errors=True)

    def assert_gone(self):
        """No namespace and no process of this lab is left."""
        names = subprocess.run(["ip", "netns", "list"], text=True,
                               capture_output=True).stdout
        check(self.prefix not in names, "namespaces are left: " + names)
        left = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                with open(path, "rb") as f:
                    if self.dir.encode() + b"/" in f.read():
                        left.append(path.split("/")[2])
        check(not left, "processes are left: %s" % left)

    def lab(self, *args, timeout=300):
        r = subprocess.run([LAB, *args], env=self.env, text=True,
                           capture_output=True, timeout=timeout,
                           stdin=subprocess.DEVNULL)
        check(r.returncode == 0, "lab %s: %s" % (" ".join(args), r.stderr))
        return r.stdout

    def configure(self, conf, hosts="ab"):
        """Add keys to korora.conf and start the daemons anew."""
        for h in hosts:
            path = "%s/%s/etc/korora/korora.conf" % (self.dir, h)
            with open(path) as f:
                text = f.read()
            for section, keys in conf.items():
                lines = ""
                for key, value in keys.items():
                    text = re.sub(r"(?m)^%s = .*\n" % key, "", text)
                    lines += "%s = %s\n" % (key, value)
                head = "[%s]\n" % section
                if head in text:
                    text = text.replace(head, head + lines)
                else:
                    text += "\n" + head + lines
            with open(path, "w") as f:
                f.write(text)
            self.restart(h)

    def restart(self, host):
        self.lab("daemon", host, "stop")
        self.lab("daemon", host, "start")

    # ---- commands ----------------------------------------------------------

    def argv(self, host, cmd, user=None):
        """cmd in host's network, as a numeric user if given."""
        if user is not None:
            cmd = ["setpriv", "--reuid", str(user), "--regid", str(user),
                   "--clear-groups", *cmd]
        return [LAB, "exec", host, *cmd]

    def exec(self, host, *cmd, timeout=180, user=None):
        return self.start(host, *cmd, user=user).result(timeout)

    def start(self, host, *cmd, user=None):
        p = Process(self.argv(host, cmd, user), self.env)
        self.processes.append(p)
        return p

    def korora(self, host, *args, timeout=180, user=None):
        return self.exec(host, "korora", "--json", *args, timeout=timeout,
                         user=user)

    def migrate(self, host, to, *args, vm=None, timeout=180):
        return self.korora(host, "migrate", vm or self.vm, "--to", to, *args,
                           timeout=timeout)

    def migrating(self, host, to, *args, vm=None):
        """A migration in the background; returns (process, id)."""
        known = {m["migration"] for m in self.migrations(host)}
        p = self.start(host, "korora", "--json", "migrate", vm or self.vm,
                       "--to", to, *args)

        def new():
            found = [m["migration"] for m in self.migrations(host)
                     if m["migration"] not in known]
            if not found and p.done():
                raise Failed("it ended at once: %r" % p.result())
            return found
        return p, self.until(new, "migration in status")[0]

    def told(self, host, *args):
        """The object that a command which must succeed printed."""
        r = self.korora(host, *args)
        check(r.rc == 0 and isinstance(r.json, dict),
              "korora %s on %s: %r" % (" ".join(args), host, r))
        return r.json

    def migrations(self, host):
        return self.told(host, "status")["migrations"]

    def status(self, host, id):
        return self.told(host, "status", id)["migrations"][0]

    def await_phase(self, host, id, phase, timeout=120):
        self.until(lambda: self.status(host, id)["phase"] == phase,
                   "phase %s" % phase, timeout)

    def until(self, fn, what, timeout=120):
        end = time.monotonic() + timeout
        while True:
            found = fn()
            if found:
                return found
            check(time.monotonic() < end, "no %s after %s s" % (what, timeout))
            time.sleep(0.02)

    def api(self, host, request, timeout=120):
        """Send bytes or an object to the local API; the first answer line."""
        if not isinstance(request, bytes):
            request = json.dumps(request).encode() + b"\n"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(self.api_path(host))
            with contextlib.suppress(BrokenPipeError):
                s.sendall(request)
            data = b""
            while b"\n" not in data:
                try:
                    more = s.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    break
                data += more
        line = data.split(b"\n")[0]
        return json.loads(line) if line else None

    def api_path(self, host):
        return "%s/%s/run/korora/api.sock" % (self.dir, host)

    # ---- the network, from inside a host -----------------------------------

    @contextlib.contextmanager
    def network(self, host):
        """This thread's new sockets are host's."""
        with open("/proc/self/ns/net") as home, \
                open("/run/netns/%s-%s" % (self.prefix, host)) as there:
            self.setns(there)
            try:
                yield
            finally:
                self.setns(home)

    @staticmethod
    def setns(f):
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def connect(self, host, to, timeout=120):
        """A TCP connection from a host to another's kororad."""
        with self.network(host):
            s = socket.socket()
        s.settimeout(timeout)
        s.connect((ADDRESS[to], PORT))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    # ---- logs, consoles, processes -----------------------------------------

    def mark(self):
        """Where both logs end now, for logged()."""
        return {h: os.path.getsize("%s/%s.log" % (self.dir, h)) for h in "ab"}

    def logged(self, host, mark=None):
        with open("%s/%s.log" % (self.dir, host), errors="replace") as f:
            f.seek(mark[host] if mark else 0)
            return f.read()

    def await_log(self, host, text, mark=None, timeout=30):
        """Wait until the log has text (a regular expression)."""
        end = time.monotonic() + timeout
        while not re.search(text, self.logged(host, mark)):
            check(time.monotonic() < end, "%s did not log %s, but: %s" % (
                host, text, self.logged(host, mark)[-700:]))
            time.sleep(0.05)

    def evidence(self, host, limit=50):
        return self.told(host, "log", "show", "--limit",
                         str(limit))["entries"]

    def pid(self, host):
        with open("%s/%s.pid" % (self.dir, host)) as f:
            return int(f.read())

    def alive(self, host):
        return os.path.exists("/proc/%d" % self.pid(host))

    def rss_kb(self, host):
        with open("/proc/%d/status" % self.pid(host)) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def qemus(self, host):
        """Pids of hypervisors on a host."""
        pids = subprocess.run(["ip", "netns", "pids",
                               "%s-%s" % (self.prefix, host)], text=True,
                              capture_output=True).stdout.split()
        found = []
        for pid in pids:
            with contextlib.suppress(OSError):
                with open("/proc/%s/comm" % pid) as f:
                    if f.read().startswith("qemu"):
                        found.append(int(pid))
        return found

    def console(self, host):
        path = "%s/%s/var/lib/korora/console/%s.log" % (self.dir, host,
                                                       self.vm)
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def ticks(self, host):
        """The latest t the VM printed on a host, -1 if none."""
        found = CONSOLE.findall(self.console(host)[-400:])
        return int(found[-1][0], 16) if found else -1

    def state(self, host, vm=None):
        r = self.korora(host, "vm", "show", vm or self.vm)
        return r.json and r.json.get("state")

    # ---- what every test expects -------------------------------------------

    def runs(self, host, timeout=120):
        """The VM runs on host, is whole, and runs nowhere else."""
        other = "b" if host == "a" else "a"
        equal(self.state(host), "running", "state on " + host)
        before = self.ticks(host)
        self.until(lambda: self.ticks(host) >= before + 2,
                   "progress of the VM on %s (t=%x)" % (host, before), timeout)
        self.until(lambda: not self.qemus(other),
                   "end of the hypervisor on " + other, timeout)
        equal(len(self.qemus(host)), 1, "hypervisors on " + host)
        self.whole()

    def whole(self):
        """No memory damage, no instant run twice, none lost."""
        lines = [m for h in "ab" for m in CONSOLE.findall(self.console(h))]
        for t, n, bad in lines:
            check(bad == b"00000000", "t=%s: bad=%s" % (t.decode(),
                                                        bad.decode()))
        seen = sorted(int(t, 16) for t, _, _ in lines)
        twice = [t for t, u in zip(seen, seen[1:]) if t == u]
        check(not twice, "t=%x printed twice: two copies ran" % (
            twice[0] if twice else 0))
        moves = sum(m["state"] == "completed" for h in "ab"
                    for m in self.migrations(h) if m["role"] == "source")
        lost = seen[-1] + 1 - len(seen) if seen else 0
        check(lost <= moves, "%d lines lost in %d moves" % (lost, moves))

    def works(self):
        """An ordinary migration there and back succeeds."""
        for src, dst in ("ab", "ba"):
            r = self.migrate(src, dst)
            check(r.rc == 0 and r.json["status"] == "completed",
                  "an ordinary migration from %s to %s: %r" % (src, dst, r))
        self.runs("a")

    def home(self):
        """Bring the VM back to a, whatever the test before did."""
        for h in "ab":
            with contextlib.suppress(ProcessLookupError, OSError, Failed):
                if not self.alive(h):
                    self.lab("daemon", h, "start")
        if self.state("a") == "running":
            return
        with contextlib.suppress(Failed):
            self.until(lambda: self.state("b") == "running",
                       "running VM on b", 5)
            self.migrate("b", "a")
        if self.state("a") != "running":
            self.korora("a", "vm", "start", self.vm)

    def refused(self, r, *codes, host="a", status=None):
        """A migration ended with one of the codes and the VM runs on."""
        equal(r.rc, 1, "exit of %r" % r)
        check(r.code in codes, "error is %s, not %s: %r" % (
            r.code, "/".join(codes), r))
        if status:
            equal(r.json["status"], status, "status")
        self.runs(host)


def fault(state, event, when):
    """The number of a point where kororad can be made to stand still."""
    text = subprocess.run([BUILD + "/daemon/kororad", "--fault-list"],
                          check=True, capture_output=True, text=True).stdout
    return [line.split("\t")[0] for line in text.splitlines()
            if line.split("\t")[2:5] == [state, event, when]][0]


# ---- receipts, with openssl alone -----------------------------------------

def openssl(*args, data=None, ok=True):
    r = subprocess.run(["openssl", *args], input=data, capture_output=True)
    if ok:
        check(r.returncode == 0, "openssl %s: %s" % (
            " ".join(args), r.stderr.decode(errors="replace")))
    return r


def signed_by(envelope, cert):
    """Does a signature of the DSSE envelope verify with cert's key?"""
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    pem = openssl("x509", "-in", cert, "-noout", "-pubkey").stdout
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/pub", "wb") as f:
            f.write(pem)
        for s in envelope["signatures"]:
            with open(d + "/sig", "wb") as f:
                f.write(base64.b64decode(s["sig"]))
            if openssl("dgst", "-sha256", "-verify", d + "/pub", "-signature",
                       d + "/sig", data=pae, ok=False).returncode == 0:
                return True
    return False


# ---- running tests --------------------------------------------------------

def title(test):
    return test.__name__.replace("_", "-")


def wanted(test):
    only = sys.argv[1:]
    return not only or any(w in test.__name__ for w in only)


def run(groups, kind=Lab):
    """groups: [(keywords for kind, [tests])]; exits: 0, 1 if one failed, 77
    if none did and some were skipped."""
    signal.signal(signal.SIGTERM, lambda *a: sys.exit("ended by SIGTERM"))
    failed = skipped = 0

    def one(name, fn, *args):
        nonlocal failed
        start = time.monotonic()
        try:
            fn(*args)
            print("ok %s (%.1f s)" % (name, time.monotonic() - start),
                  flush=True)
            return True
        except Exception as e:
            failed += 1
            where = traceback.extract_tb(e.__traceback__)
            if os.environ.get("KORORA_TRACE"):
                traceback.print_exc()
            here = [f.lineno for f in where if "/test_" in f.filename]
            what = str(e) if isinstance(e, Failed) else repr(e)
            print("FAIL %s: %s (line %s)" % (
                name, " ".join(what.split()), here[-1] if here else "?"),
                flush=True)
            return False

    for keywords, tests in groups:
        tests = [t for t in tests if wanted(t)]
        if not tests:
            continue
        with contextlib.ExitStack() as stack:
            lab = kind(**keywords)
            why = lab.missing()
            if why:
                skipped += len(tests)
                for test in tests:
                    print("skip %s: %s" % (title(test), why), flush=True)
                continue
            if not one("lab-up", stack.enter_context, lab):
                continue
            for test in tests:
                if lab.vm:
                    lab.home()
                name = title(test)
                if not one(name, test, lab) and os.environ.get("KORORA_KEEP"):
                    keep = "/tmp/kr-kept-%d" % os.getpid()
                    for h in "ab" if lab.vm else "":
                        shutil.copy("%s/%s.log" % (lab.dir, h),
                                    "%s-%s-%s.log" % (keep, name, h))
            lab.end()
            one("lab-gone", lab.assert_gone)
    sys.exit(1 if failed else 77 if skipped else 0)
