# SPDX-License-Identifier: Apache-2.0
"""A VM that runs on while its memory follows: what is told, what a cut does,
and what ends it."""
import contextlib
import os
import signal
import socket

from labrun import check, equal, openssl, run, stopped

VM = ["--rate", "20", "--wss", "16"]
BUSY = ["--rate", "20000", "--wss", "64"]	# more than SLOW carries
SLOW = ["--bandwidth", "160mbit"]	# of the hypervisor: 20 MB of memory a s


# but not so fast that all has gone before post-copy begins
FAST = ["--bandwidth", "400mbit"]


def agents(lab, host, name="korora-plane"):
    """Pids of one kind of agent of a host's kororad."""
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % pid) as f:
                stat = f.read()
        except (OSError, ValueError):
            continue
        if ("(%s)" % name)[:16] in stat and \
                int(stat.rsplit(")", 1)[1].split()[1]) == lab.pid(host):
            found.append(int(pid))
    return found


def kill_plane(lab, host):
    for pid in lab.until(lambda: agents(lab, host), "plane of " + host):
        os.kill(pid, signal.SIGKILL)


def begun(lab, src="a", dst="b", strategy="postcopy", slow=SLOW):
    """A post-copy whose VM runs at dst and whose memory has not come."""
    p, id = lab.migrating(src, dst, "--strategy", strategy, *slow)
    lab.await_phase(src, id, "post-copy")
    lab.until(lambda: lab.status(dst, id)["phase"] == "post-copy",
              "post-copy at " + dst)
    equal(len(lab.qemus(src)), 1, "hypervisors at the source meanwhile")
    return p, id


def complete(lab, p, id, src="a", dst="b", recoveries=None):
    r = p.result(60)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    own, peer = (lab.status(h, id)["postcopy"] for h in (src, dst))
    equal(own["lost"], False, "lost")
    equal(peer["missing_pages"], 0, "missing pages")
    check(own["owed_pages"] > 1000, "owed: %s" % own)
    for key in ("owed_pages", "late_pages", "preempt", "recoveries"):
        equal(own[key], peer[key], key)
    if not own["recoveries"]:
        equal(own["urgent_pages"], peer["urgent_pages"], "urgent pages")
    if recoveries is not None:
        equal(own["recoveries"] > 0, recoveries, "recoveries: %s" % own)
    lab.runs(dst)
    receipt(lab, src, id, own)
    receipt(lab, dst, id, own)
    return own


def receipt(lab, host, id, told, root=True):
    """It says that the VM ran early, and both have signed that; of what there
    is a root, if of anything."""
    path = "%s/%s/var/lib/korora/receipts/%s.json" % (lab.dir, host, id)
    r = lab.told(host, "receipt", "verify", path)
    p = r["postcopy"]
    equal(p["owed_pages"], told["owed_pages"], "owed pages in the receipt")
    equal(p["late_pages"], told["late_pages"], "late pages in the receipt")
    equal(p["recoveries"], told["recoveries"], "recoveries in the receipt")
    equal(p["preempt"], told["preempt"], "preempt in the receipt")
    check(p["complete_ms"] > r["running_ms"], "complete after it ran: %s" % r)
    if root and not told["recoveries"]:
        check(p["ram_root"].strip("0"), "root of all memory: %s" % p)
        equal(p.get("covers"), "all memory", "what the root covers")
    equal(bool(p["ram_root"].strip("0")), "covers" in p, "root and covers")
    return p


# ---- it works -------------------------------------------------------------

def there_and_back(lab):
    for src, dst in ("ab", "ba"):
        p, id = lab.migrating(src, dst, "--strategy", "postcopy", *FAST)
        told = complete(lab, p, id, src, dst, recoveries=False)
        check(told["late_pages"] >= told["owed_pages"], "late: %s" % told)


def urgent(lab):
    """What the VM waits for comes on a connection of its own."""
    p, id = begun(lab)
    for h in "ab":
        lab.until(lambda: lab.status(h, id)["postcopy"]["urgent_pages"],
                  "urgent pages at " + h)
    told = complete(lab, p, id, recoveries=False)
    equal(told["preempt"], True, "preempt")
    check(told["urgent_pages"] < told["late_pages"], "urgent: %s" % told)


def not_urgent(lab):
    """One that does without is enough, and it works all the same."""
    for host in "ba":
        lab.configure({"plane": {"postcopy_preempt": "off"}}, hosts=host)
        p, id = begun(lab)
        told = complete(lab, p, id, recoveries=False)
        equal((told["preempt"], told["urgent_pages"]), (False, 0), "preempt")
        lab.configure({"plane": {"postcopy_preempt": "on"}}, hosts=host)
        lab.home()


def hybrid(lab):
    """Most memory goes before, and a guest that writes cannot hold it up."""
    p, id = begun(lab, strategy="hybrid", slow=["--bandwidth", "400mbit",
                                                "--max-downtime-ms", "1"])
    told = complete(lab, p, id, recoveries=False)
    pages = lab.status("a", id)["pages"]
    check(told["owed_pages"] < pages / 2, "owed %d of %d" % (
        told["owed_pages"], pages))


def hybrid_that_converges(lab):
    r = lab.migrate("a", "b", "--strategy", "hybrid", "--max-downtime-ms",
                    "30000")
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")


# ---- lanes break ----------------------------------------------------------

def plane_of_the_source_dies(lab):
    p, id = begun(lab)
    kill_plane(lab, "a")
    told = complete(lab, p, id, recoveries=True)
    for h in "ab":
        equal(receipt(lab, h, id, told)["covers"], "resumed stream",
              "what the root covers, at " + h)


def plane_of_the_destination_dies(lab):
    p, id = begun(lab)
    kill_plane(lab, "b")
    complete(lab, p, id, recoveries=True)


def again_and_again(lab):
    p, id = begun(lab)
    for n, host in enumerate("abab"):
        lab.until(lambda: lab.status("a", id)["postcopy"]["flows"],
                  "memory that flows")
        kill_plane(lab, host)
        lab.until(lambda: lab.status("a", id)["postcopy"]["recoveries"] > n,
                  "recovery")
    complete(lab, p, id, recoveries=True)


def cut(lab, id):
    lab.lab("link", "--cut")
    lab.until(lambda: not lab.status("a", id)["postcopy"]["flows"],
              "notice of the cut at a", 30)
    lab.lab("link", "--heal")


def cable_is_cut(lab):
    """New lanes for the same planes, twice, by themselves and told to: no
    hypervisor pauses, and the root is that of all memory."""
    p, id = begun(lab)
    planes = [agents(lab, h) for h in "ab"]
    cut(lab, id)
    lab.until(lambda: lab.status("a", id)["postcopy"]["flows"],
              "memory that flows", 30)
    cut(lab, id)
    equal([agents(lab, h) for h in "ab"], planes, "planes")
    r = lab.korora("a", "recover", id)
    equal(r.rc, 0, "recover: %r" % r)
    told = complete(lab, p, id, recoveries=True)
    path = "%s/a/var/lib/korora/receipts/%s.json" % (lab.dir, id)
    p = lab.told("a", "receipt", "verify", path)["postcopy"]
    check(p["ram_root"].strip("0"), "root of all memory after %s" % told)
    equal(p["covers"], "all memory", "what the root covers")


def inside(lab, host, *cmd):
    r = lab.exec(host, *cmd)
    equal(r.rc, 0, "%s: %r" % (" ".join(cmd), r))
    return r.out


def lanes(lab, host):
    """Local ports of the lanes that a host's plane holds."""
    return [line.split()[3].rsplit(":", 1)[1]
            for line in inside(lab, host, "ss", "-tnpH").splitlines()
            if "korora-plane" in line]


@contextlib.contextmanager
def one_port(lab, host):
    """Of all that would be dialled only one is."""
    ports = "/proc/sys/net/ipv4/ip_local_port_range"
    before = inside(lab, host, "cat", ports).strip()
    inside(lab, host, "sh", "-c", "echo 1024 1024 > " + ports)
    try:
        yield
    finally:
        inside(lab, host, "sh", "-c", "echo %s > %s" % (before, ports))


@contextlib.contextmanager
def no_port(lab, host):
    """Of all that would be dialled nothing is."""
    with lab.network(host):
        taken = socket.socket()
    with taken, one_port(lab, host):
        taken.bind(("", 1024))
        yield


def break_lanes(lab, host):
    ports = lanes(lab, host)
    check(len(ports) > 1, "lanes: %s" % ports)
    for port in ports:
        inside(lab, host, "ss", "-K", "-tn", "sport", "=", port)


def lanes_break_and_cannot_be_dialled(lab):
    """The session lives, and so do the planes, however often it takes."""
    p, id = begun(lab)
    planes = [agents(lab, h) for h in "ab"]
    with one_port(lab, "a"):
        break_lanes(lab, "a")
        lab.until(lambda: lab.status("a", id)["postcopy"]["recoveries"] > 2,
                  "attempts", 60)
        check(not lab.status("a", id)["postcopy"]["flows"], "memory flows")
        equal([agents(lab, h) for h in "ab"], planes, "planes")
    complete(lab, p, id, recoveries=True)


def cable_is_cut_and_a_plane_dies(lab, host="b"):
    """A plane that waits for new lanes dies: then the hypervisors resume."""
    p, id = begun(lab)
    lab.lab("link", "--cut")
    lab.until(lambda: not lab.status("a", id)["postcopy"]["flows"],
              "notice of the cut at a", 30)
    kill_plane(lab, host)
    lab.lab("link", "--heal")
    complete(lab, p, id, recoveries=True)


def cable_is_cut_and_the_first_plane_dies(lab):
    cable_is_cut_and_a_plane_dies(lab, "a")


def second_plane_dies_before_its_lanes(lab, host):
    """Nothing came on it, so its hypervisor's connection is the next one's:
    one that resumes, QEMU 7.2 above all, would be lost with it."""
    p, id = begun(lab)
    first = agents(lab, host)
    with no_port(lab, "a"):
        kill_plane(lab, "b")
        lab.until(lambda: set(agents(lab, host)) - set(first),
                  "second plane of " + host)
        lab.until(lambda: lab.status("a", id)["postcopy"]["recoveries"] > 2,
                  "attempts", 30)
        kill_plane(lab, host)
        n = lab.status("a", id)["postcopy"]["recoveries"]
        lab.until(lambda: lab.status("a", id)["postcopy"]["recoveries"] >
                  n + 2, "more attempts", 30)
    complete(lab, p, id, recoveries=True)


def second_plane_of_the_destination_dies(lab):
    second_plane_dies_before_its_lanes(lab, "b")


def second_plane_of_the_source_dies(lab):
    second_plane_dies_before_its_lanes(lab, "a")


def hypervisor_that_resumes_late(lab):
    """The source's stands still for longer than an attempt takes: its data
    plane and the destination's wait for it, with lanes set up anew."""
    p, id = begun(lab)
    with contextlib.ExitStack() as stands:
        with no_port(lab, "a"):		# it is not resumed before
            kill_plane(lab, "a")
            lab.until(lambda: lab.status("b", id)["postcopy"]["recoveries"],
                      "attempt at b")
            stands.enter_context(stopped(lab.qemus("a")))
        planes = lab.until(lambda: agents(lab, "b"), "plane of b", 10)
        lab.until(lambda: lab.status("a", id)["postcopy"]["recoveries"] > 3,
                  "attempts", 90)
        equal(agents(lab, "b"), planes, "plane of b")
    complete(lab, p, id, recoveries=True)


def cancel_is_too_late(lab):
    p, id = begun(lab)
    r = lab.korora("a", "cancel", id)
    equal(r.code, "KR-7002", "cancel: %r" % r)
    complete(lab, p, id, recoveries=False)


# ---- kororad dies ---------------------------------------------------------

def dies(lab, *hosts):
    for h in hosts:
        lab.lab("daemon", h, "kill")
    for h in hosts:
        lab.lab("daemon", h, "start")


def crash(lab, *hosts):
    p, id = begun(lab)
    dies(lab, *hosts)
    ends(lab, p, id)


def ends(lab, p, id):
    lab.until(lambda: lab.status("a", id)["state"] == "completed" and
              lab.status("b", id)["state"] == "completed", "end of it", 40)
    p.stop()
    lab.runs("b")
    # what flows needs no kororad, and is not said to be more than it is
    told = lab.status("b", id)["postcopy"]
    check(told["missing_pages"] == 0 and not told["lost"], "%s" % told)
    receipt(lab, "b", id, told, root=False)


def kororad_of_the_source_dies(lab):
    crash(lab, "a")


def kororad_of_the_destination_dies(lab):
    crash(lab, "b")


def kororad_dies_while_lanes_are_dialled(lab, host="a"):
    """A plane does not go on alone with some of its lanes."""
    p, id = begun(lab)
    with one_port(lab, "a"):
        break_lanes(lab, "a")
        lab.until(lambda: lab.status("b", id)["postcopy"]["recoveries"],
                  "attempt")
        dies(lab, host)
    ends(lab, p, id)


def kororad_of_the_destination_dies_meanwhile(lab):
    kororad_dies_while_lanes_are_dialled(lab, "b")


def both_die(lab):
    crash(lab, "a", "b")


# ---- it cannot be whole ---------------------------------------------------

def lost(lab, host):
    """What was owed is gone with a hypervisor, and both hosts say so."""
    p, id = begun(lab)
    for pid in lab.qemus(host):
        os.kill(pid, signal.SIGKILL)
    lab.until(lambda: lab.status("b", id)["state"] != "running" and
              lab.status("b", id)["phase"] == "done", "end of it", 30)
    for h in "ab":
        lab.until(lambda: lab.status(h, id)["postcopy"]["lost"], "loss")
    for h in "ab":
        s = lab.status(h, id)
        equal((s["state"], s["error"]["code"]), ("lost", "KR-7004"), "at " + h)
    r = lab.korora("b", "vm", "show", "dirtier")
    equal(r.json["state"], "lost", "state: %r" % r)
    p.stop()
    path = "%s/b/var/lib/korora/receipts/%s.json" % (lab.dir, id)
    equal(lab.told("b", "receipt", "verify", path)["postcopy"]["lost"], True,
          "loss in the receipt")


def hypervisor_of_the_source_dies(lab):
    lost(lab, "a")


def hypervisor_of_the_destination_dies(lab):
    lost(lab, "b")


# ---- it ends itself --------------------------------------------------------

def typed(lab, host, text):
    """On the guest's console."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("%s/%s/run/korora/vm/%s/con.sock" % (lab.dir, host, lab.vm))
        s.sendall(text)


def powered_off(lab):
    """A guest that goes off while memory is owed is off, and nothing is lost:
    both hosts say so, and nobody runs it. Nor if the hypervisor's end is seen
    before its last words are heard."""
    p, id = begun(lab, slow=["--bandwidth", "40mbit"])
    owed = lab.status("b", id)["postcopy"]["missing_pages"]
    check(owed > 0, "all memory has come: %d" % owed)
    with stopped(agents(lab, "b", "korora-qmp")):
        typed(lab, "b", b"q")
        lab.until(lambda: not lab.qemus("b"), "end of the hypervisor")
    r = p.result(60)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.until(lambda: lab.status("b", id)["state"] == "completed", "end at b")
    for h in "ab":
        s = lab.status(h, id)
        equal((s["error"], s["postcopy"]["lost"], s["postcopy"]["off"]),
              (None, False, True), "at " + h)
        lab.until(lambda: not lab.qemus(h), "end of the hypervisor of " + h)
        path = "%s/%s/var/lib/korora/receipts/%s.json" % (lab.dir, h, id)
        told = lab.told(h, "receipt", "verify", path)["postcopy"]
        equal((told["lost"], told["off"], "covers" in told),
              (False, True, False), "receipt at " + h)
    equal([lab.state(h) for h in "ab"], ["moved", "stopped"], "states")
    r = lab.korora("a", "vm", "start", lab.vm)
    check(r.rc, "a started what is b's: %r" % r)
    r = lab.korora("b", "vm", "start", lab.vm)
    equal(r.rc, 0, "vm start: %r" % r)


# ---- what the operator may do -----------------------------------------------

def source_is_gone_for_good(lab):
    """The VM waits for what is owed, and can be ended, and started anew."""
    p, id = begun(lab)
    lab.lab("daemon", "a", "kill")
    for pid in lab.qemus("a"):
        os.kill(pid, signal.SIGKILL)
    r = lab.korora("b", "vm", "stop", "dirtier")
    equal(r.code, "KR-1014", "a stop without force: %r" % r)
    r = lab.korora("b", "vm", "stop", "dirtier", "--force")
    equal(r.rc, 0, "vm stop --force: %r" % r)
    lab.until(lambda: not lab.qemus("b"), "end of the hypervisor")
    equal(lab.state("b"), "lost", "state")
    p.stop()
    r = lab.korora("b", "vm", "start", "dirtier")
    equal(r.rc, 0, "vm start: %r" % r)
    equal(lab.state("b"), "running", "state")
    lab.lab("daemon", "a", "start")
    lab.until(lambda: lab.status("b", id)["phase"] == "done", "receipt", 30)
    equal(len(lab.qemus("b")), 1, "hypervisors of b")


def switched_off(lab):
    """A host that does not allow it refuses, and nothing changes."""
    for host in "ba":
        lab.configure({"plane": {"postcopy": "off"}}, hosts=host)
        for strategy in ("postcopy", "hybrid"):
            r = lab.migrate("a", "b", "--strategy", strategy)
            lab.refused(r, "KR-1011", status="refused")
        lab.configure({"plane": {"postcopy": "on"}}, hosts=host)


def capabilities(lab):
    """Only QEMU before 8.0 that takes a post-copy may trace processes."""
    def ptrace(host):
        with open("/proc/%d/status" % lab.qemus(host)[0]) as f:
            bits = int(f.read().split("CapEff:")[1].split()[0], 16)
        return bool(bits >> 19 & 1)
    equal(ptrace("a"), False, "CAP_SYS_PTRACE of a fresh one")
    lab.migrate("a", "b")
    equal(ptrace("b"), False, "after a precopy")
    p, id = lab.migrating("b", "a", "--strategy", "postcopy", *FAST)
    complete(lab, p, id, "b", "a")
    equal(ptrace("a"), True, "after a post-copy")


RUNS = [capabilities, switched_off, there_and_back, urgent, not_urgent,
        hybrid_that_converges, cancel_is_too_late,
        plane_of_the_source_dies, plane_of_the_destination_dies,
        again_and_again, cable_is_cut, cable_is_cut_and_a_plane_dies,
        lanes_break_and_cannot_be_dialled,
        cable_is_cut_and_the_first_plane_dies, kororad_of_the_source_dies,
        kororad_of_the_destination_dies, both_die,
        kororad_dies_while_lanes_are_dialled,
        kororad_of_the_destination_dies_meanwhile]
TWICE = [second_plane_of_the_destination_dies, second_plane_of_the_source_dies,
         hypervisor_that_resumes_late]

if __name__ == "__main__":
    run([({"up": VM, "mem": 128}, RUNS),
         ({"up": VM, "mem": 128, "conf": {"host": {"peer_timeout_s": 2}}},
          TWICE),
         ({"up": BUSY, "mem": 128}, [hybrid]),
         ({"up": VM, "mem": 128}, [hypervisor_of_the_source_dies]),
         ({"up": VM, "mem": 128}, [hypervisor_of_the_destination_dies]),
         ({"up": VM, "mem": 128}, [source_is_gone_for_good]),
         ({"up": VM, "mem": 128}, [powered_off])])
