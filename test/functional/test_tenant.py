# SPDX-License-Identifier: Apache-2.0
"""Two tenants on one host: neither is told of the other's VMs, or of what
happened to them."""
import json
import shutil
import sqlite3

import test_approval as approval
from labrun import check, equal, run
from test_access import ASK
from test_decide import edit, reload

OURS, OTHER = 1, 65534		# daemon, nobody: users of every Debian system
NAME = {OURS: "daemon", OTHER: "nobody"}
CLASSES = """
[subject root]
who = root
categories = *

[subject hosts]
who = role:host
categories = *

[subject ours]
who = daemon
categories = acme

[subject other]
who = nobody
categories = beta
"""
CALL = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(120)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\\n")
print(s.makefile("rb").readline().decode())
"""
seen = {}


def define(lab, name, tenant):
    with open(lab.dir + "/images/dirtier.vm") as f:
        text = f.read().replace("name = dirtier",
                                "name = %s\ntenant = %s" % (name, tenant))
    text = text.replace("images:dirtier.raw", "images:%s.raw" % name)
    if name != "dirtier":
        shutil.copy(lab.dir + "/images/dirtier.raw",
                    "%s/images/%s.raw" % (lab.dir, name))
    path = "%s/%s.vm" % (lab.dir, name)
    with open(path, "w") as f:
        f.write(text)
    equal(lab.korora("a", "vm", "define", path).rc, 0, "define " + name)


def says(lab, user, *args):
    """What a command that must succeed says to a user."""
    r = lab.korora("a", *args, user=user)
    equal(r.rc, 0, "%s of %d: %r" % (args, user, r))
    return r.json


def ids(answer, key):
    return [m["migration"] for m in answer[key]]


def shown_of(lab, user, id):
    """The entries of a migration, and how many are hidden."""
    line = json.dumps({"id": 1, "method": "log.show",
                       "params": {"migration": id}})
    r = lab.exec("a", "/usr/bin/python3", "-c", CALL, lab.api_path("a"), line,
                 user=user)
    return r.json["result"]["entries"], r.json["result"]["hidden"]


def log_of(lab, user, id):
    return shown_of(lab, user, id)[0]


def log(lab, user):
    return says(lab, user, "log", "show", "--limit", "5000")["entries"]


def refused(lab, user, *args):
    """As if it were his, but for the answer, which does not name it."""
    r = lab.korora("a", *args, user=user)
    equal((r.rc, r.code), (1, "KR-1003"), "%s: %r" % (args, r))
    message = r.json["error"]["message"]
    check("the item is another tenant's" in message and
          "dirtier" not in message, message)


def set_up(lab):
    edit(lab, "a", lambda t: t + CLASSES)
    equal(reload(lab, "a").rc, 0, "reload")
    for user in NAME.values():
        for role in ("operate", "approve"):
            equal(lab.korora("a", "user", "grant", user, role).rc, 0, "grant")
    equal(lab.korora("a", "vm", "stop", "dirtier", "--force").rc, 0, "stop")
    define(lab, "dirtier", "acme")
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "start")
    define(lab, "b1", "beta")
    r = lab.korora("a", "migrate", "dirtier", "--to", "b", user=OURS)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    seen["id"] = r.json["migration"]
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def each_sees_his_own(lab):
    id = seen["id"]
    check(id in ids(says(lab, OURS, "status"), "migrations"), "status")
    equal(ids(says(lab, OURS, "status", id), "migrations"), [id], "status id")
    check(id in ids(says(lab, OURS, "receipt", "list"), "receipts"),
          "receipts")
    equal(says(lab, OURS, "receipt", "show", id)["migration"], id, "receipt")
    equal([v["name"] for v in says(lab, OURS, "vm", "list")["vms"]],
          ["dirtier"], "VMs")
    check(any(e.get("migration") == id for e in log(lab, OURS)), "log")
    check(log_of(lab, OURS, id), "log of it")
    says(lab, OURS, "log", "prove", "--migration", id)


def nobody_sees_the_others(lab):
    id = seen["id"]
    equal(says(lab, OTHER, "status")["migrations"], [], "status")
    equal(says(lab, OTHER, "receipt", "list")["receipts"], [], "receipts")
    equal([v["name"] for v in says(lab, OTHER, "vm", "list")["vms"]], ["b1"],
          "VMs")
    equal(log_of(lab, OTHER, id), [], "log of it")
    for args in (["status", id], ["receipt", "show", id],
                 ["log", "prove", "--migration", id], ["cancel", id],
                 ["recover", id]):
        refused(lab, OTHER, *args)
        refused(lab, OTHER, *args[:-1], id[:12])
    r = lab.korora("a", "vm", "show", "dirtier", user=OTHER)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    entries = log(lab, OTHER)
    told = [e for e in entries if "dirtier" in json.dumps(e) or
            id in json.dumps(e)]
    check(all(e["detail"]["tenant"] == "default" for e in told),
          "of what was not acme's yet he is told: %s" % told)
    check(any(e["event"] == "policy-in-force" for e in entries) and
          any(e["detail"].get("vm") == "b1" for e in entries),
          "what is the host's, or his")
    whole = lab.evidence("a", 5000)
    equal(len(whole), len(says(lab, 0, "log", "show", "--limit",
                             "5000")["entries"]), "root is told of all")
    tried = [e["detail"] for e in whole if e["event"] == "user-refused" and
             e["detail"]["method"] == "receipt.show"]
    equal({(d["item"], d["tenant"]) for d in tried}, {("vm:dirtier", "acme")},
          "what he tried")


def no_entry_is_proved_to_others(lab):
    entries = log(lab, OURS)
    hidden = {e["index"] for e in entries} - {
        e["index"] for e in log(lab, OTHER)}
    check(hidden, "nothing is hidden")
    ask = [("log.prove", {"index": n}) for n in sorted(hidden)[:3]]
    for user, code in ((OTHER, "KR-1003"), (OURS, "ok")):
        r = lab.exec("a", "/usr/bin/python3", "-c", ASK, lab.api_path("a"),
                     json.dumps(ask), user=user)
        equal(r.out.split(), [code] * len(ask), "%r" % r)


def entries_of_earlier_releases(lab):
    """They do not say whose they are: their migration's record does."""
    id = seen["id"]
    n = len(log_of(lab, 0, id))
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir)
    was = db.execute("SELECT leaf, idx FROM log WHERE migration = ?",
                     (id,)).fetchall()
    for leaf, idx in was:
        entry = json.loads(leaf)
        check(entry["detail"].pop("tenant") == "acme", "%s" % entry)
        db.execute("UPDATE log SET leaf = ? WHERE idx = ?",
                   (json.dumps(entry).encode(), idx))
    db.commit()
    try:
        told = [shown_of(lab, user, id) for user in (0, OURS, OTHER)]
    finally:
        db.executemany("UPDATE log SET leaf = ? WHERE idx = ?", was)
        db.commit()
        db.close()
    equal([(len(entries), hidden) for entries, hidden in told],
          [(n, 0), (n, 0), (0, n)], "what is shown and hidden")


def recovering_is_of_ones_own(lab):
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    lab.await_phase("a", id, "copy")
    r = lab.exec("a", "/usr/bin/python3", "-c", ASK, lab.api_path("a"),
                 json.dumps([("cancel", {"id": id}),
                             ("recover", {})]), user=OTHER)
    equal(r.out.split(), ["KR-1003", "ok"], "%r" % r)
    equal(says(lab, OTHER, "recover")["migrations"], [], "recover")
    equal(p.result().rc, 0, "exit")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def what_is_gone_stays_its_owners(lab):
    """A name that another tenant has now tells him nothing of before."""
    define(lab, "x1", "acme")
    equal(lab.korora("a", "vm", "remove", "x1").rc, 0, "remove")

    def told(user):
        return [e["event"] for e in log(lab, user)
                if e["detail"].get("vm") == "x1"]
    equal((told(OURS), told(OTHER)), (["vm-defined", "vm-removed"], []),
          "what is told")
    define(lab, "x1", "beta")
    equal((told(OURS), told(OTHER)), (["vm-defined", "vm-removed"],
                                      ["vm-defined"]), "what is told")
    equal(lab.korora("a", "vm", "remove", "x1").rc, 0, "remove")


def requests_are_of_ones_own(lab):
    edit(lab, "a", lambda t: t.replace("migrate, plan", "plan") + """
[triple migrate]
who = role:operate
may = migrate
on = vm:*
approvals = 1
approvers = role:approve
certified_by = korora
""")
    equal(reload(lab, "a").rc, 0, "reload")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1023"), "%r" % r)
    found = says(lab, OURS, "request", "list")["requests"]
    equal([q["vm"] for q in found], ["dirtier"], "requests")
    id = found[0]["request"]
    equal(says(lab, OTHER, "request", "list")["requests"], [], "requests")
    refused(lab, OTHER, "request", "show", id)
    keys = {user: approval.person(lab, user, str(user)) for user in NAME}
    r = approval.decide(lab, "approve", id, keys[OTHER], OTHER)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    r = approval.decide(lab, "approve", id, keys[OURS], OURS)
    equal((r.rc, r.json["state"]), (0, "approved"), "%r" % r)
    check(not any(e["event"].startswith("request.")
                  for e in log(lab, OTHER)), "the log tells of requests")
    check(any(e["event"] == "request.approved" for e in log(lab, OURS)),
          "the log")
    equal(lab.migrate("a", "b").rc, 0, "exit")
    used, = [e["detail"] for e in log(lab, OURS)
             if e["event"] == "migration.approved"]
    equal((used["vm"], used["tenant"]), ("dirtier", "acme"), "what was used")


def forbidden(r, text):
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check(text in str(r.json), "%s is not in %s" % (text, r.json))


def another_tenant_is_another_class(lab):
    """Who operates both may not give the one's VM to the other; and no VM is
    made here that this host may not have."""
    edit(lab, "a", lambda t: t.replace("categories = beta",
                                       "categories = acme, beta"))
    equal(reload(lab, "a").rc, 0, "reload")
    define(lab, "ours", "acme")

    def again(tenant, user):
        path = "%s/given.vm" % lab.dir
        with open(lab.dir + "/ours.vm") as f, open(path, "w") as g:
            g.write(f.read().replace("acme", tenant))
        return lab.korora("a", "vm", "define", path, user=user)
    forbidden(again("beta", OTHER), "certifier")
    check("tenant = acme" in str(lab.told("a", "vm", "show", "ours")),
          "another tenant has it")
    equal(again("beta", 0).rc, 0, "by who may change the policy")
    equal(again("acme", 0).rc, 0, "and back")
    edit(lab, "a", lambda t: t.replace("who = role:host\ncategories = *",
                                       "who = role:host\ncategories = acme"))
    equal(reload(lab, "a").rc, 0, "reload")
    forbidden(again("beta", 0), "no higher than what it is in")
    equal(lab.korora("a", "vm", "remove", "ours").rc, 0, "remove")
    forbidden(again("beta", 0), "no higher than")


if __name__ == "__main__":
    run([(dict(mem=32, up=["--wss", "8"]), [
        set_up, each_sees_his_own, nobody_sees_the_others,
        no_entry_is_proved_to_others, entries_of_earlier_releases,
        recovering_is_of_ones_own,
        what_is_gone_stays_its_owners, requests_are_of_ones_own,
        another_tenant_is_another_class])])
