# SPDX-License-Identifier: Apache-2.0
"""Who may ask for what: roles of users on the local API."""
import json
import pwd
import re

import test_approval as approval
from labrun import check, equal, run

NOBODY = 65534		# an ordinary user of every Debian system
STRANGER = 54321	# one without a name

CHANGE = {
    "operate": [
        ("vm.define", {"text": "[vm]\nname = x\n", "file": "x.vm"}),
        ("vm.start", {"name": "dirtier"}),
        ("vm.stop", {"name": "dirtier", "force": True}),
        ("vm.remove", {"name": "dirtier"}),
        ("migrate", {"vm": "dirtier", "to": "b"}),
        ("plan", {"vm": "dirtier", "to": "b"}),
        ("cancel", {"id": "feedbeef"}),
        ("recover", {}),
    ],
    "either": [	# who operates, and who administers
        ("request.withdraw", {"id": "feedbeef"}),
    ],
    "approve": [
        ("approve", {"id": "feedbeef", "envelope": {}}),
    ],
    "admin": [
        ("host.add", {"name": "evil", "address": "10.77.0.66:7300"}),
        ("host.remove", {"name": "b"}),
        ("trust.add", {"name": "evil", "pem": "x"}),
        ("trust.remove", {"name": "evil"}),
        ("user.grant", {"user": "nobody", "role": "admin"}),
        ("user.revoke", {"user": "nobody", "role": "operate"}),
        ("user.key.add", {"user": "nobody", "pem": "x"}),
        ("user.key.remove", {"fingerprint": "x"}),
        ("reference.add", {"name": "hosts", "envelope": "x"}),
        ("reference.remove", {"name": "hosts"}),
        ("attest.enrol", {"name": "b"}),
        ("attest.forget", {"name": "b"}),
    ],
}
READ = [
    ("host.list", {}), ("host.show", {"name": "b"}), ("trust.list", {}),
    ("user.list", {}), ("user.key.list", {}), ("request.list", {}),
    ("request.show", {"id": "feedbeef"}), ("vm.list", {}),
    ("vm.show", {"name": "dirtier"}),
    ("status", {}), ("receipt.list", {}),
    ("receipt.show", {"id": "feedbeef"}), ("log.show", {"limit": 5}),
    ("log.verify", {}), ("log.prove", {"index": 0}), ("doctor", {}),
]

ASK = """
import json, socket, sys
for line in json.loads(sys.argv[2]):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(sys.argv[1])
    s.sendall(json.dumps({"id": 1, "method": line[0],
                          "params": line[1]}).encode() + b"\\n")
    f = s.makefile("rb")
    o = json.loads(f.readline())
    while "event" in o:
        o = json.loads(f.readline())
    print(o["error"]["code"] if "error" in o else "ok")
"""


def ask(lab, user, methods):
    """Each method's answer to an ordinary user: a code, or ok."""
    r = lab.exec("a", "/usr/bin/python3", "-c", ASK, lab.api_path("a"),
                 json.dumps(methods), user=user)
    equal(r.rc, 0, "exit of the client: %r" % r)
    return dict(zip([m for m, _ in methods], r.out.split()))


def forbidden(answers, wanted=True):
    return [m for m, code in answers.items()
            if (code == "KR-1003") != wanted]


def grant(lab, role):
    equal(lab.korora("a", "user", "grant", "nobody", role).rc, 0, "grant")


def revoke(lab, role):
    equal(lab.korora("a", "user", "revoke", "nobody", role).rc, 0, "revoke")


def nothing_without_a_role(lab):
    everything = sum(CHANGE.values(), []) + READ
    for user in (NOBODY, STRANGER):
        check(not forbidden(ask(lab, user, everything)),
              "%d may %s" % (user, forbidden(ask(lab, user, everything))))
        equal(ask(lab, user, [("info", {})]), {"info": "ok"}, "info")
    r = lab.korora("a", "migrate", "dirtier", "--to", "b", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "exit, code of migrate")
    check("nobody" in r.json["error"]["message"], "who: %r" % r)
    lab.runs("a")


def refused_attempts_are_in_the_log(lab):
    lab.korora("a", "migrate", "dirtier", "--to", "b", user=NOBODY)
    found = [e["detail"] for e in lab.evidence("a", 500)
             if e["event"] == "user-refused"]
    said = [d.pop("why") for d in found if d["method"] == "migrate" and
            d["item"] == "vm:dirtier"]
    check({"user": "nobody", "method": "migrate", "item": "vm:dirtier",
           "tenant": "default"} in found,
          "the log has no refused migrate of nobody: %s" % found[-3:])
    check(re.match("request [0-9a-f]{8}, a question: nobody may not use "
                   "migrate on vm:dirtier to b: no triple deals with it$",
                   said[-1]), "why: %s" % said)
    equal(lab.korora("a", "log", "verify").rc, 0, "log verify")


def operators_operate(lab):
    grant(lab, "operate")
    check(not forbidden(ask(lab, NOBODY, CHANGE["admin"])),
          "an operator may administer")
    check(not forbidden(ask(lab, NOBODY, CHANGE["approve"])),
          "an operator may approve")
    check(not forbidden(ask(lab, STRANGER, CHANGE["operate"])),
          "the role went to a stranger, too")
    equal(ask(lab, NOBODY, [("vm.list", {})]), {"vm.list": "ok"}, "vm.list")
    r = lab.korora("a", "migrate", "dirtier", "--to", "b", user=NOBODY)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    r = lab.korora("a", "receipt", "show", r.json["migration"])
    check("nobody@a" in re.sub(r"\s", "", r.out), "the receipt does not tell "
          "who asked: %r" % r)
    # the role is a's, not b's
    r = lab.korora("b", "migrate", "dirtier", "--to", "a", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "exit, code on b")
    equal(lab.migrate("b", "a").rc, 0, "exit of root's migrate on b")
    revoke(lab, "operate")
    r = lab.korora("a", "migrate", "dirtier", "--to", "b", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "exit, code after revoke")
    lab.runs("a")


def auditors_read(lab):
    grant(lab, "audit")
    answers = ask(lab, NOBODY, READ)
    check(not forbidden(answers, False), "an auditor may not read: %s" %
          forbidden(answers, False))
    check(not forbidden(ask(lab, NOBODY, sum(CHANGE.values(), []))),
          "an auditor changes things")
    revoke(lab, "audit")
    check(not forbidden(ask(lab, NOBODY, READ)), "he reads after revoke")
    lab.runs("a")


def administrators_do_not_operate(lab):
    grant(lab, "admin")
    check(not forbidden(ask(lab, NOBODY, CHANGE["operate"] +
                            CHANGE["approve"])),
          "an administrator operates or approves")
    equal(lab.korora("a", "user", "grant", "daemon", "audit",
                     user=NOBODY).rc, 0, "an administrator's grant")
    for who in ("nobody", str(pwd.getpwnam("nobody").pw_uid)):
        for role in ("operate", "approve"):
            r = lab.korora("a", "user", "grant", who, role, user=NOBODY)
            equal((r.rc, r.code), (1, "KR-1003"), "his own grant: %r" % r)
    public = approval.key_file(lab, "nobody")[1]
    r = lab.korora("a", "user", "key", "add", "nobody", public)
    equal(r.rc, 0, "%r" % r)
    strike = "user", "key", "remove", r.json["fingerprint"]
    r = lab.korora("a", *strike, user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "his own key: %r" % r)
    equal(lab.korora("a", *strike).rc, 0, "his key, by another")
    users = lab.korora("a", "user", "list").json["users"]
    check(any(u["user"] == "daemon" and u["granted_by"] == "nobody"
              for u in users), "%s" % users)
    revoke(lab, "admin")
    lab.works()


def keys_and_evidence_cannot_be_read(lab):
    for path in ("etc/korora/identity.key", "var/lib/korora/korora.db"):
        r = lab.exec("a", "cat", "%s/a/%s" % (lab.dir, path), user=NOBODY)
        check(r.rc and "denied" in r.err, "%s: %r" % (path, r))
    r = lab.exec("a", "sh", "-c", "echo x >> %s/a/etc/korora/korora.conf" %
                 lab.dir, user=NOBODY)
    check(r.rc, "korora.conf can be written by anybody")
    r = lab.exec("a", "sh", "-c",
                 "for s in %s/a/run/korora/vm/*/*; do test -w $s && echo $s;"
                 "done" % lab.dir, user=NOBODY)
    equal(r.out, "", "files of the VM that anybody may write")


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [
        nothing_without_a_role, refused_attempts_are_in_the_log,
        operators_operate, auditors_read, administrators_do_not_operate,
        keys_and_evidence_cannot_be_read])])
