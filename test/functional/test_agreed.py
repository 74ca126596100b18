# SPDX-License-Identifier: Apache-2.0
"""What else than migrations others approve: policies, grants, definitions."""
import test_approval as approval
from labrun import check, equal, run
from test_approval import DAEMON, NOBODY
from test_decide import edit, folder, in_force, reload

NEEDS_ONE = """
[triple together]
who = role:admin
may = policy.reload, user.grant, vm.remove, host.remove
on = user:*, vm:*, host:*
approvals = 1
approvers = role:approve
certified_by = korora
"""
keys = {}


def waits(r, text):
    """Refused until somebody agrees; the request's id."""
    equal((r.rc, r.code), (1, "KR-1023"), "%r" % r)
    message = r.json["error"]["message"]
    check(text in message, "%s is not in %s" % (text, message))
    return message.split("request ")[1][:8]


def says(lab, word, id, user):
    r = approval.decide(lab, word, id, keys[user], user)
    equal(r.rc, 0, "%s by %s: %r" % (word, user, r))
    return r.json["state"]


def version(lab):
    return in_force(lab, "a")["version"]


def another(lab):
    """The files hold another policy than is in force."""
    edit(lab, "a", lambda t: t + "# another\n")


def entries(lab, n):
    return [e["event"] for e in lab.evidence("a", 500)][-n:]


def set_up(lab):
    for user in (NOBODY, DAEMON):
        keys[user] = approval.person(lab, user, str(user))
    edit(lab, "a", lambda t: t.replace(", policy.reload", "").replace(
        "user.grant, ", "").replace(", vm.remove", "").replace(
        "host.remove, ", "") + NEEDS_ONE)
    equal(reload(lab, "a").rc, 0, "reload")


def a_policy_is_agreed_on(lab):
    before = version(lab)
    another(lab)
    id = waits(reload(lab, "a"), "is open: 1 others")
    equal(waits(reload(lab, "a"), "0 of 1"), id, "the same request")
    equal(version(lab), before, "version in force")
    asked = lab.told("a", "request", "show", id)["asked"]
    equal((asked["procedure"], asked["vm"], asked["to"]["name"]),
          ("policy.reload", "", ""), "%s" % asked)
    # an approver sees by it that they are the files that he looked at
    now = lab.told("a", "policy", "check", folder(lab, "a"))["policies"][0]
    equal(asked["definition_sha256"], now["sha256"], "%s" % asked)
    equal(says(lab, "approve", id, NOBODY), "approved", "state")
    # what was approved are these files, and no others
    another(lab)
    other = waits(reload(lab, "a"), "is open")
    check(other != id, "an approval of other files counted")
    equal(version(lab), before, "version in force")
    equal(says(lab, "approve", other, DAEMON), "approved", "state")
    r = reload(lab, "a")
    equal(r.rc, 0, "%r" % r)
    check(version(lab) > before, "version in force")
    equal(approval.state(lab, other), "used", "state")
    equal(entries(lab, 2), ["request.used", "policy-in-force"], "log")


def nobody_agrees_with_himself(lab):
    another(lab)
    equal(lab.korora("a", "request", "list").rc, 0, "list")
    id = waits(reload(lab, "a"), "is open")
    key, public = approval.key_file(lab, "root")
    r = lab.korora("a", "approve", id, "--key", key)
    equal((r.rc, r.code), (1, "KR-1024"), "by root: %r" % r)
    equal(says(lab, "deny", id, NOBODY), "denied", "state")
    check(waits(reload(lab, "a"), "is open") != id, "a denied one counted")


def a_restart_is_no_way_around(lab):
    before = version(lab)
    another(lab)
    lab.restart("a")
    equal(version(lab), before, "version in force after a restart")
    with open(lab.dir + "/a.log") as f:
        check("others have to approve" in f.read(), "the log does not say so")


def a_grant_is_agreed_on_once(lab):
    def grant(role="operate"):
        return lab.korora("a", "user", "grant", "games", role)

    def held():
        return [u["role"] for u in lab.told("a", "user", "list")["users"]
                if u["user"] == "games"]
    id = waits(grant(), "is open")
    equal(held(), [], "roles")
    check(waits(grant("audit"), "is open") != id, "another role")
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    waits(grant("audit"), "0 of 1")
    equal(grant().rc, 0, "grant")
    equal(held(), ["operate"], "roles")
    equal(entries(lab, 2), ["request.used", "user-granted"], "log")
    check(waits(grant(), "is open") != id, "used twice")


def an_approver_who_left_does_not_count(lab):
    id = waits(lab.korora("a", "user", "grant", "man", "operate"), "is open")
    equal(says(lab, "approve", id, NOBODY), "approved", "state")
    equal(lab.korora("a", "user", "revoke", "nobody", "approve").rc, 0, "it")
    waits(lab.korora("a", "user", "grant", "man", "operate"), "0 of 1")


def it_is_this_host_that_goes(lab):
    """By its key: enrolled anew under its name it is another."""
    id = waits(lab.korora("a", "host", "remove", "b"), "is open")
    asked = lab.told("a", "request", "show", id)["asked"]
    check(set(asked["definition_sha256"]) != {"0"}, "%s" % asked)
    equal((asked["procedure"], asked["item"]), ("host.remove", "host:b"),
          "%s" % asked)
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    equal(lab.korora("a", "host", "remove", "b").rc, 0, "remove")


def it_is_this_definition_that_goes(lab):
    def remove():
        return lab.korora("a", "vm", "remove", "plain")

    def define(memory):
        with open(lab.dir + "/plain.vm", "w") as f:
            f.write("[vm]\nname = plain\nmachine = pc\n"
                    "cpu = qemu64\nvcpus = 1\nmemory_mb = %d\naccel = tcg\n" % memory)
        r = lab.korora("a", "vm", "define", lab.dir + "/plain.vm")
        equal(r.rc, 0, "%r" % r)
    define(64)
    id = waits(remove(), "is open")
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    define(96)
    check(waits(remove(), "is open") != id, "another definition was meant")
    define(64)	# a revision of its own
    check(waits(remove(), "is open") != id, "another revision was meant")
    id = waits(remove(), "0 of 1")
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    equal(remove().rc, 0, "remove")
    check("plain" not in [v["name"] for v in lab.told("a", "vm", "list")[
        "vms"]], "it is still there")
    r = lab.korora("a", "log", "verify")
    equal(r.rc, 0, "log verify: %r" % r)


if __name__ == "__main__":
    run([(dict(vm=None), [
        set_up, a_policy_is_agreed_on, nobody_agrees_with_himself,
        a_restart_is_no_way_around, a_grant_is_agreed_on_once,
        an_approver_who_left_does_not_count,
        it_is_this_definition_that_goes, it_is_this_host_that_goes])])
