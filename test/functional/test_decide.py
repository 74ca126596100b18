# SPDX-License-Identifier: Apache-2.0
"""The policy in force: what it decides, and how another comes into force."""
import contextlib
import os
import re
import shutil
import sqlite3

from labrun import Failed, check, equal, run, stopped

NOBODY = 65534		# an ordinary user of every Debian system


def folder(lab, host):
    return "%s/%s/etc/korora/policy.d" % (lab.dir, host)


def files(lab, host):
    return sorted(os.listdir(folder(lab, host)))


def edit(lab, host, change, version=None):
    """change(text) of the one file, one version on unless told otherwise."""
    equal(files(lab, host), ["standard.policy"], "files of %s" % host)
    path = folder(lab, host) + "/standard.policy"
    with open(path) as f:
        text = f.read()
    now = int(re.search(r"(?m)^version = (\d+)", text)[1])
    text = re.sub(r"(?m)^version = \d+",
                  "version = %d" % (version or now + 1), change(text))
    with open(path, "w") as f:
        f.write(text)
    return now


def reload(lab, host):
    return lab.korora(host, "policy", "reload")


def in_force(lab, host):
    return lab.api(host, {"id": 1, "method": "policy.show",
                          "params": {}})["result"]


def shipped(lab, host, was):
    """As it was, in a newer version."""
    edit(lab, host, lambda _: was)
    r = reload(lab, host)
    equal(r.rc, 0, "%r" % r)


def text_of(lab, host):
    with open(folder(lab, host) + "/standard.policy") as f:
        return f.read()


def put(lab, host, text):
    with open(folder(lab, host) + "/standard.policy", "w") as f:
        f.write(text)


def statements_carry_its_digest(lab):
    p = in_force(lab, "a")
    equal(p["name"], "standard", "name")
    r = lab.migrate("a", "b")
    equal(r.rc, 0, "%r" % r)
    shown = lab.told("a", "receipt", "show", r.json["migration"])
    check(p["sha256"] in str(shown), "%s is not in %s" % (p, shown))
    found = [e for e in lab.evidence("a", 500)
             if e["event"] == "policy-in-force"]
    equal([e["detail"]["sha256"] for e in found], [p["sha256"]], "log of a")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def what_is_wrong_changes_nothing(lab):
    good, was = text_of(lab, "a"), in_force(lab, "a")
    n = len(good.splitlines())
    edit(lab, "a", lambda t: t + "[triple wrong]\nwho = anna\nmay = fly\n"
         "certified_by = vera\n")
    for again in range(2):
        r = reload(lab, "a")
        equal((r.rc, r.code), (2, "KR-1002"), "exit, code: %r" % r)
        check("standard.policy:%d: [triple wrong] may use what is no "
              "procedure: fly (rule E1)" % (n + 1) in
              r.json["error"]["message"], "%r" % r)
        equal(in_force(lab, "a"), was, "policy in force")
        if not again:	# it is no other after a start
            lab.restart("a")
    lab.works()
    put(lab, "a", good)


def versions_go_up(lab):
    """A lowered policy is none, nor is another of the same version."""
    good, was = text_of(lab, "a"), in_force(lab, "a")
    now = edit(lab, "a", lambda t: t + "# more\n", version=was["version"])
    equal(now, was["version"], "version of the file")
    r = reload(lab, "a")
    equal((r.rc, r.code), (1, "KR-1029"), "same version: %r" % r)
    edit(lab, "a", lambda t: t, version=now + 1)
    equal(reload(lab, "a").rc, 0, "a higher version")
    equal(in_force(lab, "a")["version"], now + 1, "version")
    put(lab, "a", good)
    r = reload(lab, "a")
    equal((r.rc, r.code), (1, "KR-1029"), "a lower version: %r" % r)
    lab.restart("a")
    equal(in_force(lab, "a")["version"], now + 1, "version after a start")
    found = [e["detail"]["version"] for e in lab.evidence("a", 500)
             if e["event"] == "policy-in-force"]
    equal(found, [now, now + 1], "versions in the log")
    edit(lab, "a", lambda _: good, version=now + 2)
    equal(reload(lab, "a").rc, 0, "as it was, and newer")


def only_there(lab):
    """A destination that no triple allows is none, for root as well."""
    good = text_of(lab, "a")
    edit(lab, "a", lambda t: re.sub(
        r"(?m)^(\[triple operate\]\n(?:[a-z#].*\n)*)", r"\1to = c, d*\n", t))
    r = reload(lab, "a")
    equal(r.rc, 0, "%r" % r)
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check("no triple allows that destination, see triple operate" in
          r.json["error"]["message"], "%r" % r)
    lab.runs("a")
    shipped(lab, "a", good)
    lab.works()


def whom_it_takes_from(lab):
    """b's policy has no triple for what a brings: refused, nothing begun."""
    good = text_of(lab, "b")
    edit(lab, "b", lambda t: t.replace("who = role:host", "who = host:c"))
    equal(reload(lab, "b").rc, 0, "reload on b")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check("host:a may not use receive on vm:dirtier" in
          r.json["error"]["message"], "%r" % r)
    lab.runs("a")
    check(not lab.qemus("b"), "b started a hypervisor")
    shipped(lab, "b", good)
    lab.works()


def sessions(lab):
    with open(lab.dir + "/a.log") as f:
        return f.read().count("session with b ")


def one_of_two_on_a_session_is_refused(lab):
    """And the other, under way with the same peer, does not notice."""
    good = text_of(lab, "b")
    edit(lab, "b", lambda t: re.sub(r"(may = receive\non = )vm:\*",
                                    r"\1vm:dirtier", t))
    equal(reload(lab, "b").rc, 0, "reload on b")
    shown = lab.told("a", "vm", "show", "dirtier")
    path = lab.dir + "/second.vm"
    with open(path, "w") as f:
        f.write(re.sub(r"(?s)\n\[disk.*", "\n", shown["definition"]).replace(
            "name = dirtier", "name = second"))
    for args in (["define", path], ["start", "second"]):
        equal(lab.korora("a", "vm", *args).rc, 0, "vm %s" % args)
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    lab.await_phase("a", id, "copy")
    before = sessions(lab)
    check(before, "the log of a tells of no session")
    with stopped([shown["pid"]]):	# its copy ends no sooner
        r = lab.migrate("a", "b", vm="second")
        equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
        check("host:a may not use receive on vm:second" in
              r.json["error"]["message"], "%r" % r)
        equal(lab.status("a", id)["phase"], "copy", "the other's phase")
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    equal(sessions(lab), before, "sessions")
    states = {v["name"]: v["state"]
              for v in lab.told("a", "vm", "list")["vms"]}
    equal(states, {"dirtier": "moved", "second": "running"}, "VMs of a")
    for args in (["stop", "second", "--force"], ["remove", "second"]):
        equal(lab.korora("a", "vm", *args).rc, 0, "vm %s" % args)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    shipped(lab, "b", good)


def what_is_demanded_is_there_or_nothing_begins(lab):
    for host, demand, says in (
            ("a", "attestation = yes", "both hosts attest"),
            ("b", "attestation = yes", "both hosts attest"),
            ("a", "scanners = 2", "2 scanners"),
            ("b", "control_suites = TLS_CHACHA20_POLY1305_SHA256",
             "for the session, which the policy does not allow"),
            ("a", "lane_suites = TLS_CHACHA20_POLY1305_SHA256",
             "for the lanes, which the policy does not allow")):
        good = text_of(lab, host)
        edit(lab, host, lambda t: t + "\n[protection all]\non = vm:*\n" +
             demand + "\n")
        equal(reload(lab, host).rc, 0, "reload on " + host)
        r = lab.migrate("a", "b")
        equal((r.rc, r.code), (1, "KR-1030"), "%s on %s: %r" % (demand, host,
                                                              r))
        check(says in r.json["error"]["message"], "%r" % r)
        lab.runs("a")
        shipped(lab, host, good)
    edit(lab, "b", lambda t: t + "\n[protection all]\non = vm:*\n"
         "no_postcopy = yes\n")
    equal(reload(lab, "b").rc, 0, "reload on b")
    r = lab.migrate("a", "b", "--strategy", "hybrid")
    equal((r.rc, r.code), (1, "KR-1030"), "hybrid: %r" % r)
    equal(lab.migrate("a", "b").rc, 0, "precopy")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


@contextlib.contextmanager
def held_in_copy(lab, id):
    """The migration's copy ends no sooner than what is done meanwhile."""
    lab.await_phase("a", id, "copy")
    with stopped(lab.qemus("a")):
        yield
        equal(lab.status("a", id)["phase"], "copy", "phase then")


def lowered_meanwhile(lab):
    """A policy that comes into force under a migration decides it anew,
    before the point of no return."""
    good = text_of(lab, "a")
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    with held_in_copy(lab, id):
        edit(lab, "a", lambda t: t.replace("who = role:operate\n",
                                           "who = otto\n"))
        equal(reload(lab, "a").rc, 0, "reload")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check("no triple deals with it" in r.json["error"]["message"], "%r" % r)
    lab.runs("a")
    shipped(lab, "a", good)
    # what it demanded when it began counts, though the next one does not
    edit(lab, "a", lambda t: t + "\n[protection all]\non = vm:*\n"
         "lane_suites = TLS_CHACHA20_POLY1305_SHA256\n")
    equal(reload(lab, "a").rc, 0, "reload")
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    with held_in_copy(lab, id):
        edit(lab, "a", lambda t: good)
        equal(reload(lab, "a").rc, 0, "reload")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1030"), "%r" % r)
    lab.runs("a")
    # and one that allows it lets it go on
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    with held_in_copy(lab, id):
        edit(lab, "a", lambda t: t + "# the same\n")
        equal(reload(lab, "a").rc, 0, "reload")
    r = p.result()
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    now = in_force(lab, "a")
    entry, = [e for e in lab.evidence("a") if "decided_anew" in
              e.get("detail", {})]
    equal((entry["migration"], entry["detail"]["decided_anew"]),
          (id, {k: now[k] for k in ("name", "version", "sha256")}),
          "what decided anew")
    told = lab.told("a", "report", id)["synthesis"]["criteria"]
    why, = [c["because"] for c in told if c["key"] == "policy"]
    check("before the release, and allowed it: %s, version %d" % (
        now["name"], now["version"]) in why, "report: " + why)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def revoked_meanwhile(lab):
    """Who loses his role under his migration does not end it."""
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")
    known = {m["migration"] for m in lab.migrations("a")}
    p = lab.start("a", "korora", "--json", "migrate", lab.vm, "--to", "b",
                  "--bandwidth", "8MB", user=NOBODY)
    id = lab.until(lambda: {m["migration"] for m in lab.migrations("a")} -
                   known, "the migration in status").pop()
    with held_in_copy(lab, id):
        equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0,
              "revoke")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    lab.runs("a")
    lab.works()


def no_name_service_while_it_stands_still(lab):
    """Who asked is known from the beginning: before the release nobody is
    asked for his uid, which a name service may take its time to tell, or
    may not know any more."""
    etc, uid = "/etc/netns/%s-a" % lab.prefix, 54321
    made = not os.path.isdir("/etc/netns")
    good = text_of(lab, "a")
    with open("/etc/passwd") as f:
        users = f.read()

    def know(more):	# in place: ip-netns(8) has mounted it over /etc
        with open(etc + "/passwd", "w") as f:
            f.write(users + more)
    os.makedirs(etc)
    try:
        know("kr-guest:x:%d:65534::/:/bin/false\n" % uid)
        lab.restart("a")
        equal(lab.korora("a", "user", "grant", str(uid), "operate").rc, 0,
              "grant")
        p = lab.start("a", "korora", "--json", "migrate", "dirtier", "--to",
                      "b", "--bandwidth", "8MB", user=uid)
        id = lab.until(lambda: [m["migration"] for m in lab.migrations("a")
                                if m["phase"] == "copy"], "copying")[0]
        know("")
        with stopped(lab.qemus("a")):	# its copy ends no sooner
            edit(lab, "a", lambda t: t + "# the same\n")
            equal(reload(lab, "a").rc, 0, "reload")
            equal(lab.status("a", id)["phase"], "copy", "phase then")
        r = p.result()
        equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
        shown = lab.told("a", "receipt", "show", id)
        check("kr-guest@a" in str(shown), "who asked: %s" % shown)
    finally:
        shutil.rmtree(etc)
        if made:
            os.rmdir("/etc/netns")
        lab.restart("a")
    equal(lab.korora("a", "user", "revoke", str(uid), "operate").rc, 0,
          "revoke")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    shipped(lab, "a", good)


def target_decides_anew(lab):
    """What came into force at the target while memory flows counts, too."""
    good = text_of(lab, "b")
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    with held_in_copy(lab, id):
        edit(lab, "b", lambda t: t.replace("who = role:host", "who = host:c"))
        equal(reload(lab, "b").rc, 0, "reload on b")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    lab.runs("a")
    check(not lab.qemus("b"), "b has a hypervisor")
    shipped(lab, "b", good)
    lab.works()


def reloading_is_for_admins(lab):
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")
    r = lab.korora("a", "policy", "reload", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0,
          "revoke")
    r = lab.korora("a", "user", "grant", "nobody", "emperor")
    equal((r.rc, r.code), (2, "KR-1001"), "a role that no triple has: %r" % r)


def an_older_one_put_back_is_noticed(lab):
    """Rows can be removed by whoever has the store; the signed log tells."""
    edit(lab, "a", lambda t: t + "# stricter\n")
    equal(reload(lab, "a").rc, 0, "reload")
    lab.lab("daemon", "a", "stop")
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir)
    newest = db.execute("SELECT * FROM policy ORDER BY version DESC LIMIT 1"
                        ).fetchone()
    with db:
        db.execute("DELETE FROM policy WHERE version = ?", newest[:1])
    try:
        lab.lab("daemon", "a", "start")
    except Failed as e:
        check("another policy is in force than" in str(e), "%s" % e)
    else:
        check(False, "it decides by a policy that is not in force any more")
    with db:
        db.execute("INSERT INTO policy VALUES (%s)" % ",".join(
            "?" * len(newest)), newest)
    db.close()
    lab.lab("daemon", "a", "start")
    equal(in_force(lab, "a")["version"], newest[0], "version in force")


SCHEMA_2 = """
DROP INDEX log_of_migration; ALTER TABLE log DROP COLUMN migration;
DROP INDEX migration_of_vm; DROP INDEX migration_with_peer;
DROP TABLE approval; DROP TABLE request; DROP TABLE userkey; DROP TABLE file;
DROP TABLE reference; DROP TABLE ak;
DROP TABLE cosignature; DROP TABLE witness; DROP TABLE node;
DROP TABLE policy; PRAGMA user_version = 2
"""


def enrolled_anew(lab, host, at):
    """What at has seen of host's log, and of its policy, is forgotten."""
    h = [h for h in lab.told(at, "host", "list")["hosts"]
         if h["name"] == host][0]
    lab.told(at, "host", "remove", host)
    lab.told(at, "host", "add", host, h["address"], "--fingerprint",
             h["fingerprint"])


def a_store_of_before_there_were_policies(lab):
    """kororad does not start on it without one, and says what to do; with
    one all is there that was, the VM's process, too."""
    id = lab.migrate("a", "b")
    equal((id.rc, lab.migrate("b", "a").rc), (0, 0), "there and back")
    vms = lab.told("a", "vm", "list")
    size = lab.told("a", "log", "verify")["entries"]
    lab.lab("daemon", "a", "stop")
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir)
    db.executescript(SCHEMA_2)
    db.close()
    shutil.rmtree(folder(lab, "a"))
    for _ in range(2):
        r = lab.exec("a", "kororad", "--root", lab.dir + "/a")
        check(r.rc and "no policy is in force here" in r.err and
              "korora-policy(5)" in r.err, "%r" % r)
    equal(lab.korora("a", "init", "--name", "a").rc, 0, "init")
    lab.lab("daemon", "a", "start")
    equal((in_force(lab, "a")["name"], in_force(lab, "a")["version"]),
          ("standard", 1), "policy in force")
    equal(lab.told("a", "vm", "list"), vms, "VMs")
    equal(lab.told("a", "log", "verify")["entries"], size + 1, "entries")
    found = lab.api("a", {"id": 1, "method": "log.show", "params": {
        "migration": id.json["migration"]}})["result"]["entries"]
    check(len(found) > 5, "the log of a migration of before: %s" % found)
    enrolled_anew(lab, "a", "b")	# which has seen a higher version
    lab.works()


if __name__ == "__main__":
    run([(dict(mem=32, up=["--wss", "8"]), [
        statements_carry_its_digest, what_is_wrong_changes_nothing,
        versions_go_up, only_there, whom_it_takes_from,
        one_of_two_on_a_session_is_refused,
        what_is_demanded_is_there_or_nothing_begins, lowered_meanwhile,
        revoked_meanwhile,
        no_name_service_while_it_stands_still,
        target_decides_anew, reloading_is_for_admins,
        an_older_one_put_back_is_noticed,
        a_store_of_before_there_were_policies])])
