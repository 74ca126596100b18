# SPDX-License-Identifier: Apache-2.0
"""Connections follow a VM that libvirt or Proxmox VE migrates: their hooks,
called as they call them, with ssh's part played by what runs a command in a
network namespace."""
import os
import subprocess
import time

from firewall import Stand, connected, echoes
from labrun import BUILD, check, equal, run
from test_context import VM

HOOKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                     "hooks")
XML = "<domain type='kvm'><name>web1</name></domain>"


class Hooks:
    def __init__(self, s, hook):
        self.s, self.hook = s, HOOKS + "/" + hook
        self.zones = s.file("zones")
        with open(self.zones, "w") as f:
            f.write("db1 8\nweb1 7\n100 7\n")
        self.reach = s.file("reach")
        with open(self.reach, "w") as f:
            f.write("#!/bin/sh\nshift\nexec env KORORA_CONTEXT_CONF=%s "
                    "ip netns exec %s \"$@\"\n" % (self.conf("a"),
                                                  s.ns["a"]))
        os.chmod(self.reach, 0o700)
        for h in "ab":
            with open(self.conf(h), "w") as f:
                f.write("zones=%s\nreach=%s\npeer=a\nstrict_after=1\nrun=%s\n"
                        "korora=%s\n" % (
                            self.zones, self.reach, s.file("run-" + h),
                            BUILD + "/client/korora"))

    def conf(self, h):
        return self.s.file("conf-" + h)

    def call(self, h, *args, **env):
        p = subprocess.run(
            ["ip", "netns", "exec", self.s.ns[h], self.hook, *args],
            input=XML, capture_output=True, text=True, timeout=10,
            env=dict(os.environ, KORORA_CONTEXT_CONF=self.conf(h), **env))
        equal((p.returncode, p.stdout, p.stderr), (0, "", ""),
              "hook " + " ".join(args))

    def log(self, vm):
        with open(self.s.file("run-b/%s.log" % vm)) as f:
            return f.read()


def until(good, what):
    end = time.monotonic() + 10
    while not good():
        check(time.monotonic() < end, what)
        time.sleep(0.05)


def follows(s, hook, vm, begin, end, **env):
    ends = connected(s, "c", "v", 5001, to=(VM, 5001))
    hooks = Hooks(s, hook)
    hooks.call("b", vm, *begin, **env)
    until(lambda: s.entries("b"), "nothing came")
    late = connected(s, "c", "v", 5001, to=(VM, 5001))
    s.unplug("a", "b")
    s.plug("b")
    hooks.call("a", vm, *end)
    until(lambda: "judged" in hooks.log(vm), "it does not end")
    check("2 TCP connections judged by windows again, 0 not yet" in
          hooks.log(vm), hooks.log(vm))
    check(echoes(*ends) and echoes(*late), "a connection died")


def with_libvirt(s):
    follows(s, "libvirt", "web1", ("migrate", "begin", "-"),
            ("stopped", "end", "-"))


def with_proxmox(s):
    follows(s, "proxmox", "100", ("pre-start",), ("post-stop",),
            PVE_MIGRATED_FROM="a")


def a_migration_that_failed_leaves_nothing(s):
    kept = connected(s, "c", "v", 5001, to=(VM, 5001))
    hooks = Hooks(s, "libvirt")
    hooks.call("b", "web1", "migrate", "begin", "-")
    until(lambda: s.entries("b"), "nothing came")
    hooks.call("b", "web1", "stopped", "end", "-")
    until(lambda: not s.entries("b"), "it stays")
    until(lambda: not os.path.exists(s.file("run-b/web1.pid")), "a file stays")
    check(echoes(*kept), "it died where it was")


def of_others_nothing_is_done(s):
    """VMs without a zone, starts, odd names, no configuration."""
    hooks = Hooks(s, "libvirt")
    hooks.call("b", "other", "migrate", "begin", "-")
    hooks.call("a", "other", "stopped", "end", "-")
    hooks.call("b", "web1", "start", "begin", "-")
    hooks.call("a", "web1", "stopped", "end", "-")
    check(not os.path.exists(s.file("run-b/web1.log")), "something is done")
    p = subprocess.run([HOOKS + "/context", "pull", "../web1", "a"],
                       capture_output=True, text=True)
    equal(p.returncode, 1, "a name with a slash")
    os.unlink(hooks.zones)
    hooks.call("b", "web1", "migrate", "begin", "-")


if __name__ == "__main__":
    run([({}, [case]) for case in (
        with_libvirt, with_proxmox, a_migration_that_failed_leaves_nothing,
        of_others_nothing_is_done)], Stand)
