# SPDX-License-Identifier: Apache-2.0
"""Levels and categories of users, hosts and VMs: who is lower, or another
tenant's, reads and changes nothing, by no way and in no number of steps."""
import re
import shutil

from labrun import check, equal, run
from test_decide import (NOBODY, edit, held_in_copy, reload, shipped,
                         text_of)

HIGH = """
[subject root]
who = root
level = relying-party

[subject hosts]
who = role:host
level = relying-party

[item guest]
on = vm:dirtier
level = relying-party
"""

CLASSES = """
[subject root]
who = root
categories = *

[subject hosts]
who = role:host
categories = %s

[subject others]
who = nobody
categories = acme

[item guest]
on = vm:dirtier
categories = acme

[item other]
on = vm:nothing
categories = beta
"""


def a_host_of_another_tenant(lab):
    """Is offered nothing, and gets nothing if it becomes one meanwhile."""
    good = text_of(lab, "a")
    edit(lab, "a", lambda t: t + CLASSES % "beta")
    equal(reload(lab, "a").rc, 0, "reload")
    r = lab.migrate("a", "b")
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    edit(lab, "a", lambda _: good + CLASSES % "acme")
    equal(reload(lab, "a").rc, 0, "reload")
    p, id = lab.migrating("a", "b", "--bandwidth", "8MB")
    with held_in_copy(lab, id):
        edit(lab, "a", lambda _: good + CLASSES % "beta")
        equal(reload(lab, "a").rc, 0, "reload")
    r = p.result()
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    lab.runs("a")
    shipped(lab, "a", good)
    lab.works()


def a_host_of_another_tenant_runs_nothing(lab):
    """Not by migrations alone: a VM that is its own is not started there
    either."""
    good = text_of(lab, "a")
    text = lab.told("a", "vm", "show", "dirtier")["definition"]
    path = lab.dir + "/third.vm"
    with open(path, "w") as f:
        f.write(re.sub(r"(?s)\n\[disk.*", "\n",
                       re.sub(r"(?m)^tenant = .*\n", "", text)).replace(
            "name = dirtier", "name = third\ntenant = acme"))
    equal(lab.korora("a", "vm", "define", path).rc, 0, "define")
    running = lab.qemus("a")
    edit(lab, "a", lambda t: t + CLASSES % "beta")
    equal(reload(lab, "a").rc, 0, "reload")
    r = lab.korora("a", "vm", "start", "third")
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check("this host runs it only if" in r.json["error"]["message"], "%r" % r)
    equal(lab.qemus("a"), running, "hypervisors of a")
    equal(lab.told("a", "vm", "show", "third")["state"], "stopped", "state")
    edit(lab, "a", lambda _: good + CLASSES % "acme")
    equal(reload(lab, "a").rc, 0, "reload")
    equal(lab.korora("a", "vm", "start", "third").rc, 0, "start")
    edit(lab, "a", lambda _: good + CLASSES % "beta")
    equal(reload(lab, "a").rc, 0, "reload")
    for args in (["stop", "third"], ["remove", "third"]):
        r = lab.korora("a", "vm", *args)
        equal(r.rc, 0, "vm %s: %r" % (args, r))
    shipped(lab, "a", good)
    lab.works()


def nobody_writes_up(lab):
    """Who is of a lower level than a VM changes nothing of it, by no way;
    nor does he, in two steps, by making himself its owner first."""
    good = text_of(lab, "a")
    path = lab.dir + "/images/dirtier.vm"
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")
    edit(lab, "a", lambda t: t + HIGH)
    equal(reload(lab, "a").rc, 0, "reload")
    for args in (("vm", "stop", "dirtier"), ("vm", "stop", "dirtier", "--force"),
                 ("vm", "define", path), ("vm", "remove", "dirtier"),
                 ("migrate", "dirtier", "--to", "b"),
                 ("user", "grant", "nobody", "admin")):
        r = lab.korora("a", *args, user=NOBODY)
        equal((r.rc, r.code), (1, "KR-1003"), "%s: %r" % (args, r))
    equal(lab.korora("a", "vm", "show", "dirtier", user=NOBODY).rc, 0, "read")
    lab.runs("a")
    lab.works()
    equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0,
          "revoke")
    shipped(lab, "a", good)


def nobody_writes_up_in_two_steps(lab):
    """Who administers, but is of a lower level, gives nobody the right to do
    what he may not; nor raises anybody by a role above himself."""
    good = text_of(lab, "a")
    path = lab.dir + "/images/dirtier.vm"
    equal(lab.korora("a", "user", "grant", "nobody", "admin").rc, 0, "grant")
    for more in ("\n[subject high]\nwho = role:operate\n"
                 "level = relying-party\n",
                 "\n[item people]\non = user:daemon\n"
                 "level = relying-party\n"):
        edit(lab, "a", lambda t: good + HIGH + more)
        equal(reload(lab, "a").rc, 0, "reload")
        r = lab.korora("a", "user", "grant", "daemon", "operate", user=NOBODY)
        equal((r.rc, r.code), (1, "KR-1003"), "%s: %r" % (more, r))
        r = lab.korora("a", "vm", "define", path, user=1)
        equal((r.rc, r.code), (1, "KR-1003"), "the second step: %r" % r)
    equal(lab.korora("a", "user", "grant", "daemon", "operate").rc, 0, "root")
    r = lab.korora("a", "user", "revoke", "daemon", "operate", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    for user, role in ("daemon", "operate"), ("nobody", "admin"):
        equal(lab.korora("a", "user", "revoke", user, role).rc, 0, "revoke")
    shipped(lab, "a", good)


def nobody_raises_himself(lab):
    """Who puts a policy in force that gives himself another class is refused;
    root, whose the files are, is not."""
    good = text_of(lab, "a")
    equal(lab.korora("a", "user", "grant", "nobody", "admin").rc, 0, "grant")
    edit(lab, "a", lambda t: t + "\n[subject me]\nwho = nobody\n"
         "level = relying-party\n")
    r = lab.korora("a", "policy", "reload", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    check("about somebody else" in r.err, "%r" % r)
    equal(reload(lab, "a").rc, 0, "reload by root")
    edit(lab, "a", lambda t: t + "\n[subject you]\nwho = daemon\n"
         "level = relying-party\n")
    equal(lab.korora("a", "policy", "reload", user=NOBODY).rc, 0,
          "somebody else")
    # a category more, before his own in the files: his class is as it was
    edit(lab, "a", lambda t: good + "\n[subject me]\nwho = nobody\n"
         "categories = beta\n")
    equal(reload(lab, "a").rc, 0, "reload by root")
    edit(lab, "a", lambda t: good + "\n[subject you]\nwho = daemon\n"
         "categories = acme\n\n[subject me]\nwho = nobody\n"
         "categories = beta\n")
    equal(lab.korora("a", "policy", "reload", user=NOBODY).rc, 0,
          "a category of others")
    edit(lab, "a", lambda t: good + "\n[subject you]\nwho = daemon, nobody\n"
         "categories = acme\n")
    r = lab.korora("a", "policy", "reload", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "another category: %r" % r)
    edit(lab, "a", lambda t: good)
    equal(lab.korora("a", "policy", "reload", user=NOBODY).rc, 0, "less")
    equal(lab.korora("a", "user", "revoke", "nobody", "admin").rc, 0,
          "revoke")
    shipped(lab, "a", good)


def a_tenant_keeps_its_own(lab):
    """Nobody makes another tenant's VM his own by defining it anew."""
    good = text_of(lab, "a")
    with open(lab.dir + "/images/dirtier.vm") as f:
        text = f.read().replace("name = dirtier", "name = b1\ntenant = %s")
    text = text.replace("images:dirtier.raw", "images:b1.raw")
    shutil.copy(lab.dir + "/images/dirtier.raw", lab.dir + "/images/b1.raw")
    shutil.copy(lab.dir + "/images/dirtier.raw", lab.dir + "/images/b2.raw")
    edit(lab, "a", lambda t: t + CLASSES % "*")
    equal(reload(lab, "a").rc, 0, "reload")
    equal(lab.korora("a", "user", "grant", "nobody", "operate").rc, 0, "grant")

    def define(tenant, user=None):
        path = lab.dir + "/b1.vm"
        with open(path, "w") as f:
            f.write(text % tenant)
        return lab.korora("a", "vm", "define", path, user=user)
    equal(define("beta").rc, 0, "root defines it")
    for tenant in ("acme", "beta", "default"):
        r = define(tenant, NOBODY)
        equal((r.rc, r.code), (1, "KR-1003"), "%s: %r" % (tenant, r))
    r = lab.korora("a", "vm", "remove", "b1", user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "remove: %r" % r)
    equal(lab.korora("a", "vm", "remove", "b1").rc, 0, "root removes it")
    r = define("acme", NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "what was on its disk: %r" % r)
    text = text.replace("b1.raw", "b2.raw")
    equal(define("acme", NOBODY).rc, 0, "his own")
    equal(lab.korora("a", "vm", "remove", "b1", user=NOBODY).rc, 0, "remove")
    equal(lab.korora("a", "user", "revoke", "nobody", "operate").rc, 0,
          "revoke")
    shipped(lab, "a", good)


if __name__ == "__main__":
    run([(dict(mem=32, up=["--wss", "8"]), [
        a_host_of_another_tenant,
        a_host_of_another_tenant_runs_nothing,
        nobody_writes_up,
        nobody_writes_up_in_two_steps,
        nobody_raises_himself,
        a_tenant_keeps_its_own])])
