# SPDX-License-Identifier: Apache-2.0
"""Migrations that the policy has others approve: asked, signed, used once."""
import test_approval as approval
from labrun import check, equal, run
from test_approval import DAEMON, NOBODY
from test_decide import edit, reload

GAMES = 5		# an ordinary user of every Debian system, who operates
MAN = 6			# another, who may plan and not migrate
NEEDS_TWO = """
[triple migrate]
who = role:operate
may = migrate
on = vm:*
approvals = 2
approvers = role:approve
certified_by = korora

[triple foresee]
who = role:foresee
may = plan
on = vm:*
certified_by = korora
"""
keys = {}


def migrate(lab, *args, user=GAMES):
    return lab.korora("a", "migrate", "dirtier", "--to", "b", *args,
                      user=user)


def waits(lab, r, text):
    """Refused until others agree; the request's id."""
    equal((r.rc, r.code), (1, "KR-1023"), "%r" % r)
    message = r.json["error"]["message"]
    check(text in message, "%s is not in %s" % (text, message))
    lab.runs("a")
    return message.split("request ")[1][:8]


def says(lab, word, id, user):
    r = approval.decide(lab, word, id, keys[user], user)
    equal(r.rc, 0, "%s by %s: %r" % (word, user, r))
    return r.json["state"]


def set_up(lab):
    edit(lab, "a", lambda t: t.replace("migrate, plan", "plan") + NEEDS_TWO)
    equal(reload(lab, "a").rc, 0, "reload")
    equal(lab.korora("a", "user", "grant", "games", "operate").rc, 0, "grant")
    for user in (NOBODY, DAEMON):
        keys[user] = approval.person(lab, user, str(user))


def reported(lab, id):
    """Both signatures are evidence where they are kept, and the receipt says
    that two were asked for."""
    lab.until(lambda: lab.status("b", id)["state"] == "completed", "end on b")
    for host, result in ("a", "obtained"), ("b", "unknown"):
        j = lab.told(host, "report", id)
        c = [c for c in j["synthesis"]["criteria"] if c["key"] ==
             "approvals"][0]
        equal((c["asked"], c["result"]), ("yes", result), "%s" % c)
        equal(lab.told(host, "receipt", "show", id)["statement"]["predicate"][
            "approvals"], 2, "receipt of " + host)
        said = [d for d in j["data"] if d.get("statement") == "approval"]
        equal([(d["verified"], d["signed_by"][0]["user"]) for d in said],
              [(True, "nobody"), (True, "daemon")] if host == "a" else [],
              "approvals on " + host)
        check({d["id"] for d in said} <= set(c["evidence"]), "%s" % c)


def two_others_agree(lab):
    id = waits(lab, migrate(lab), "is open: 2 others")
    equal(waits(lab, migrate(lab), "0 of 2"), id, "the same request")
    equal(says(lab, "approve", id, NOBODY), "open", "state after one")
    equal(waits(lab, migrate(lab), "1 of 2"), id, "the same request")
    # whoever may not migrate may not with this, and nobody alone may
    r = migrate(lab, user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "an approver: %r" % r)
    check(waits(lab, migrate(lab, user=0), "is open") != id, "root's own")
    equal(says(lab, "approve", id, DAEMON), "approved", "state after two")
    # it is for this, and not for something else
    other = waits(lab, migrate(lab, "--bandwidth", "40MB"), "is open")
    check(other != id, "another request")
    r = migrate(lab)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    lab.runs("b")
    reported(lab, r.json["migration"])
    equal(approval.state(lab, id), "used", "state afterwards")
    used = [e for e in lab.evidence("a", 500) if e["event"] == "request.used"]
    equal([e["detail"]["request"][:8] for e in used], [id], "log")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    check(waits(lab, migrate(lab), "is open") != id, "used twice")
    r = lab.korora("a", "log", "verify")
    equal(r.rc, 0, "log verify: %r" % r)


def a_dry_run_needs_nobody(lab):
    before = lab.told("a", "request", "list")
    r = migrate(lab, "--dry-run")
    equal(r.rc, 0, "%r" % r)
    equal(lab.told("a", "request", "list"), before, "requests")


def plan(lab, user):
    return lab.korora("a", "plan", "dirtier", "--to", "b", "--seconds", "1",
                      user=user)


def a_plan_needs_nobody(lab):
    """Nor does it use up what was approved for the migration."""
    id = waits(lab, migrate(lab, "--timeout", "48"), "is open")
    says(lab, "approve", id, NOBODY)
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    before = lab.told("a", "request", "list")
    equal(lab.korora("a", "user", "grant", "man", "foresee").rc, 0, "grant")
    for user in (GAMES, MAN):
        r = plan(lab, user)
        equal(r.rc, 0, "by %d: %r" % (user, r))
    equal(lab.told("a", "request", "list"), before, "requests")
    equal(approval.state(lab, id), "approved", "state after the plans")
    r = migrate(lab, "--timeout", "48", user=MAN)
    equal((r.rc, r.code), (1, "KR-1003"), "who may plan: %r" % r)
    equal(migrate(lab, "--timeout", "48").rc, 0, "exit")
    equal(approval.state(lab, id), "used", "state after the migration")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def it_is_used_when_memory_flows(lab):
    """A host that cannot be reached costs no signature, a copy does."""
    id = waits(lab, migrate(lab, "--timeout", "45"), "is open")
    says(lab, "approve", id, NOBODY)
    says(lab, "approve", id, DAEMON)
    lab.lab("daemon", "b", "stop")
    r = migrate(lab, "--timeout", "45")
    check(r.rc == 1 and r.code != "KR-1023", "%r" % r)
    equal(approval.state(lab, id), "approved", "state")
    lab.lab("daemon", "b", "start")
    p = lab.start("a", "korora", "--json", "migrate", "dirtier", "--to", "b",
                  "--timeout", "45", user=GAMES)
    lab.until(lambda: approval.state(lab, id) == "used", "use of it")
    equal(p.result().rc, 0, "exit")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    found = [e for e in lab.evidence("a", 500)
             if e["event"] == "migration.approved"][-1]
    equal((found["detail"]["request"][:8], found["detail"]["approved_by"]),
          (id, ["nobody", "daemon"]), "the log")
    check(waits(lab, migrate(lab, "--timeout", "45"), "is open") != id,
          "used twice")


def not_of_those_whom_the_triple_names(lab):
    """A signature of somebody whom this triple does not name is none."""
    good = None

    def change(t):
        nonlocal good
        good = t
        return t.replace("approvers = role:approve",
                         "approvers = role:second").replace(
            "who = role:approve\nmay = approve",
            "who = role:approve, role:second\nmay = approve")
    edit(lab, "a", change)
    equal(reload(lab, "a").rc, 0, "reload")
    equal(lab.korora("a", "user", "grant", "daemon", "second").rc, 0, "grant")
    id = waits(lab, migrate(lab, "--timeout", "46"), "is open")
    says(lab, "approve", id, NOBODY)
    says(lab, "approve", id, DAEMON)
    waits(lab, migrate(lab, "--timeout", "46"), "1 of 2")
    equal(lab.korora("a", "user", "grant", "nobody", "second").rc, 0, "grant")
    r = migrate(lab, "--timeout", "46")
    equal(r.rc, 0, "%r" % r)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    edit(lab, "a", lambda _: good)
    equal(reload(lab, "a").rc, 0, "reload")


def nobody_fills_the_list(lab):
    opened = 0
    for n in range(20):
        r = migrate(lab, "--timeout", str(100 + n))
        opened += r.code == "KR-1023"
    check(0 < opened <= 8, "%d requests of one user" % opened)
    equal(migrate(lab, "--timeout", "150").code, "KR-1011", "one more")


def one_says_no(lab):
    id = waits(lab, migrate(lab, "--timeout", "41"), "is open")
    equal(says(lab, "approve", id, NOBODY), "open", "state")
    equal(says(lab, "deny", id, DAEMON), "denied", "state")
    check(waits(lab, migrate(lab, "--timeout", "41"), "is open") != id,
          "a denied one was used")


def who_asked_withdraws_it(lab):
    """Neither an approver nor another user does it for him."""
    def withdraw(id, user):
        return lab.korora("a", "request", "withdraw", id, user=user)
    id = waits(lab, migrate(lab, "--timeout", "47"), "is open")
    equal(says(lab, "approve", id, NOBODY), "open", "state")
    equal(lab.korora("a", "user", "grant", "daemon", "operate").rc, 0, "grant")
    for user in (NOBODY, DAEMON, 0):
        r = withdraw(id, user)
        equal((r.rc, r.code), (1, "KR-1003"), "by %d: %r" % (user, r))
    equal(lab.korora("a", "user", "revoke", "daemon", "operate").rc, 0, "it")
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    r = withdraw(id, GAMES)
    equal((r.rc, r.json["state"]), (0, "withdrawn"), "%r" % r)
    equal(withdraw(id, GAMES).code, "KR-1022", "once more")
    check(waits(lab, migrate(lab, "--timeout", "47"), "is open") != id,
          "a withdrawn one was used")
    found = [e["detail"]["request"][:8] for e in lab.evidence("a", 500)
             if e["event"] == "request.withdrawn"]
    equal(found, [id], "the log")


def nobody_alone(lab):
    """Who asks for it is no second person, whatever role he has."""
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")
    id = waits(lab, migrate(lab, "--timeout", "42", user=NOBODY), "is open")
    r = approval.decide(lab, "approve", id, keys[NOBODY], NOBODY)
    equal((r.rc, r.code), (1, "KR-1024"), "%r" % r)
    equal(says(lab, "approve", id, DAEMON), "open", "state")
    waits(lab, migrate(lab, "--timeout", "42", user=NOBODY), "1 of 2")
    equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0, "it")


def approved_by_one_who_may_not_any_more(lab):
    id = waits(lab, migrate(lab, "--timeout", "43"), "is open")
    says(lab, "approve", id, NOBODY)
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    equal(lab.korora("a", "user", "revoke", "daemon", "approve").rc, 0, "it")
    waits(lab, migrate(lab, "--timeout", "43"), "1 of 2")
    equal(lab.korora("a", "user", "grant", "daemon", "approve").rc, 0, "grant")
    r = migrate(lab, "--timeout", "43")
    equal(r.rc, 0, "%r" % r)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def approved_under_another_policy(lab):
    id = waits(lab, migrate(lab, "--timeout", "44"), "is open")
    says(lab, "approve", id, NOBODY)
    equal(says(lab, "approve", id, DAEMON), "approved", "state")
    edit(lab, "a", lambda t: t + "# another\n")
    equal(reload(lab, "a").rc, 0, "reload")
    check(waits(lab, migrate(lab, "--timeout", "44"), "is open") != id,
          "approvals of an earlier policy counted")


if __name__ == "__main__":
    run([(dict(mem=32, up=["--wss", "8"]), [
        set_up, two_others_agree, a_dry_run_needs_nobody, a_plan_needs_nobody,
        one_says_no, who_asked_withdraws_it, nobody_alone,
        approved_by_one_who_may_not_any_more,
        it_is_used_when_memory_flows, approved_under_another_policy,
        not_of_those_whom_the_triple_names, nobody_fills_the_list])])
