# SPDX-License-Identifier: Apache-2.0
"""korora policy, on files alone: no lab, and no kororad."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from labrun import BUILD, SRC, Result, check, equal, run

SHIPPED = os.path.join(SRC, "policies")
HEAD = "[policy p]\nversion = 3\n"
MIGRATE = ("[triple move]\nwho = role:operate\nmay = migrate\non = vm:web*\n"
           "to = b\ncertified_by = vera\n")


class Root:
    """A root folder, in place of a lab."""
    vm = None

    def missing(self):
        return None

    def __enter__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="kr-func-"))
        self.folder = os.path.join(self.dir, "etc", "korora", "policy.d")
        os.makedirs(self.folder)
        return self

    def __exit__(self, *exc):
        self.end()

    def end(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def assert_gone(self):
        check(not os.path.exists(self.dir), "%s is left" % self.dir)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def in_force(self, **files):
        """The policy in force is of these files."""
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        for name, text in files.items():
            self.write(os.path.join(self.folder, name + ".policy"), text)

    def korora(self, *args):
        p = subprocess.run(
            [BUILD + "/client/korora", "--root", self.dir, *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60)
        return Result(p.returncode, p.stdout, p.stderr)

    def policy(self, *args):
        return self.korora("policy", *args)


def shipped(name):
    return os.path.join(SHIPPED, name + ".policy")


def errors_name_file_and_line(root):
    cases = [
        (HEAD + "[triple t]\nwho = anna\nmay = v*\n",
         ":5: may: v* is no procedure's name"),
        (HEAD + MIGRATE.replace("= migrate", "= fly"),
         ":3: [triple move] may use what is no procedure: fly (rule E1)"),
        (HEAD + MIGRATE.replace("on = vm:web*\n", ""),
         ":3: [triple move] has no key 'on' (rule E1)"),
        (HEAD + MIGRATE + "approvals = 1\n",
         ":3: [triple move] has no key 'approvers' (rule C3)"),
        (HEAD + MIGRATE + "colour = red\n",
         ":9: unknown key 'colour' in [triple]"),
        (HEAD + "[rule x]\n", ":3: unknown section [rule]"),
        (HEAD + MIGRATE.replace("role:operate", "vera"),
         ":3: [triple move] is executed by who certified it: vera "
         "(rule E4)"),
        (HEAD + MIGRATE + MIGRATE.replace("move", "again"),
         ":9: [triple again] and [triple move] of "),
        (HEAD.replace("3", "three"), ":2: version is a number"),
        (HEAD + "[triple t\n", ":3: a section must end in ']'"),
    ]
    for text, says in cases:
        root.in_force(one=text)
        for command in (["check"], ["show"], ["test", "/dev/null"],
                        ["explain", "web", "--to", "b", "--as", "anna"],
                        ["diff", shipped("open"), root.folder]):
            r = root.policy(*command, "--json")
            equal((r.rc, r.code), (2, "KR-1002"), "exit, code: %r" % r)
            check("one.policy" + says in r.json["error"]["message"],
                  "%s, not %s" % (r.json["error"]["message"], says))
            check("korora-policy(5)" in r.json["error"]["hint"], "%r" % r)
    root.in_force()
    r = root.policy("check", "--json")
    check(r.rc == 2 and "has no *.policy" in r.json["error"]["message"],
          "%r" % r)
    r = root.policy("check", root.dir + "/nowhere")
    check(r.rc == 2 and "nowhere: No such file" in r.err, "%r" % r)


def check_tells_name_version_and_digest(root):
    root.in_force(b=MIGRATE, a=HEAD)
    r = root.policy("check", "--json")
    equal(r.rc, 0, "%r" % r)
    one, = r.json["policies"]
    equal((one["name"], one["version"], one["triples"], one["warnings"]),
          ("p", 3, 1, []), "check")
    check(re.fullmatch("[0-9a-f]{64}", one["sha256"]), one["sha256"])
    check("sha256 " + one["sha256"] in root.policy("check").out, "digest")
    # another comment is another digest
    root.in_force(b=MIGRATE, a="#\n" + HEAD)
    check(root.policy("check", "--json").json["policies"][0]["sha256"] !=
          one["sha256"], "the same digest of another text")
    r = root.policy("check", "--json", *map(shipped,
                                            ("open", "standard", "strict")))
    equal([p["name"] for p in r.json["policies"]],
          ["open", "standard", "strict"], "names")


def check_warns_of_what_is_hardly_meant(root):
    root.in_force(a=HEAD + MIGRATE.replace("vm:web*", "vm:web*, user:*"))
    r = root.policy("check")
    equal(r.rc, 0, "a warning is no error: %r" % r)
    check("warning: %s/a.policy:3: [triple move] has no procedure for this "
          "kind of item: user:*\n" % root.folder in r.out, "%r" % r)


def show_shows_all(root):
    root.in_force(a=HEAD + MIGRATE + "[subject s]\nwho = anna\n"
                  "categories = acme\n[item i]\non = vm:web*\n"
                  "level = relying-party\ncategories = acme\n"
                  "[protection q]\non = vm:*\nscanners = 2\n")
    r = root.policy("show", "--json")
    equal((r.rc, r.json["triples"][0]["to"], r.json["subjects"],
           r.json["items"][0]["level"], r.json["protections"][0]["scanners"]),
          (0, ["b"], [{"name": "s", "who": ["anna"], "level": None,
                       "categories": ["acme"]}], "relying-party", 2), "show")
    out = root.policy("show").out
    for line in ("policy p, version 3, of " + root.folder,
                 "Who:           role:operate", "To:            b",
                 "Line:          3", "i     vm:web*  relying-party  acme"):
        check(line in out.splitlines(), "no line %r in %s" % (line, out))


@contextlib.contextmanager
def kororad(root, known):
    """One that answers one connection, each method as it is known."""
    path = root.dir + "/run/korora/api.sock"
    os.makedirs(os.path.dirname(path), exist_ok=True)

    def answer(s):
        c, _ = s.accept()
        with c:
            for line in c.makefile("rb"):
                q = json.loads(line)
                c.sendall(json.dumps({
                    "id": q["id"], "result": known[q["method"]],
                }).encode() + b"\n")

    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        t = threading.Thread(target=answer, args=(s,), daemon=True)
        t.start()
        try:
            yield
            t.join(10)
        finally:
            os.unlink(path)


def show_tells_whether_it_is_in_force(root):
    root.in_force(a=HEAD + MIGRATE)
    r = root.policy("show", "--json")
    equal((r.rc, r.json["in_force"]), (0, None), "without kororad")
    same = {"name": "p", "version": 3, "sha256": r.json["policy"]["sha256"]}
    for known, says in ((same, True),
                        (dict(same, version=2, sha256="0" * 64), False)):
        with kororad(root, {"policy.show": known}):
            equal(root.policy("show", "--json").json["in_force"], says,
                  "in force")
        with kororad(root, {"policy.show": known}):
            out = root.policy("show").out
        equal("not in force: that is p, version 2" in out, not says, out)
    with kororad(root, {"policy.show": same}):	# of files, there is no asking
        equal(root.policy("show", root.folder, "--json").json["in_force"],
              None, "another policy")
        root.policy("show")


def explain(root, *args, rc=1):
    r = root.policy("explain", *args, "--json")
    equal(r.rc, rc, "exit: %r" % r)
    return r.json


def explain_tells_who_decides(root):
    root.in_force(a=HEAD + MIGRATE)
    said = explain(root, "web1", "--to", "b", "--as", "anna", "--role",
                   "operate", rc=0)
    equal((said["answer"], said["triple"]),
          ("yes", {"name": "move", "file": root.folder + "/a.policy",
                   "line": 3, "certified_by": "vera"}), "who decides")
    equal(said["rule"], None, "no rule refuses it")
    equal(said["near"], [], "nothing else comes near")
    said = explain(root, "web1", "--to", "b", "--as", "vera", "--role",
                   "operate")
    equal((said["answer"], said["reason"], said["rule"]),
          ("no", "who certified it may not execute it", "E4"),
          "the certifier")
    said = explain(root, "web1", "--to", "b", "--as", "nobody")
    equal((said["answer"], said["rule"], said["roles_known"]),
          ("question", "E2", False), "without kororad")
    said = explain(root, "web1", "--to", "b", "--as", "root", rc=0)
    equal(said["by"]["roles"], ["operate"], "root has all that there are")
    said = explain(root, "web1", "--as", "host:c", "--procedure", "receive",
                   "--policy", shipped("standard"), rc=0)
    equal((said["by"], said["triple"]["name"]),
          ({"name": "host:c", "roles": ["host"]}, "receive"), "a peer")


def explain_tells_what_would_have_to_be_true(root):
    def needs(*args):
        said = explain(root, *args)
        return {n["triple"]["name"]: n["needs"] for n in said["near"]}

    root.in_force(a=HEAD + MIGRATE + MIGRATE.replace("move", "db").replace(
        "web*", "db").replace("to = b\n", "approvals = 2\n"
                              "approvers = role:approve, paul\n"))
    as_anna = ("--as", "anna", "--role", "operate")
    equal(needs("web1", "--to", "c", *as_anna),
          {"move": ["to b"], "db": ["used on vm:db",
           "2 more approvals by one of role:approve, paul"]}, "elsewhere")
    equal(needs("db", "--to", "c", *as_anna, "--approved-by", "paul:audit",
                "--approved-by", "anna:approve"),
          {"db": ["1 more approval by one of role:approve, paul"],
           "move": ["used on vm:web*", "to b"]}, "approvals")
    equal(needs("db", "--to", "c", *as_anna, "--approved-by", "root")["db"],
          ["1 more approval by one of role:approve, paul"], "root's roles")
    equal(needs("web1", "--to", "b", "--as", "otto", "--role", "audit"),
          {"move": ["asked by role:operate"]}, "somebody else")
    equal(explain(root, "db", "--to", "c", *as_anna, "--approved-by", "paul:x",
                  "--approved-by", "rosa:approve", rc=0)["answer"], "yes",
          "two approved")
    out = root.policy("explain", "web1", "--to", "c", *as_anna).out
    check("question: no triple allows that destination (rule E2)\n" in out and
          "  [triple move] of %s/a.policy:3, certified by vera\n    to b\n" %
          root.folder in out, out)


def explain_names_two_triples_and_categories(root):
    root.in_force(a=HEAD + MIGRATE, b="[triple own]\nwho = anna\n"
                  "may = migrate\non = vm:web1\ncertified_by = vera\n"
                  "[subject anna]\nwho = anna\ncategories = acme\n"
                  "[item beta]\non = vm:*\ncategories = beta\n")
    said = explain(root, "web1", "--to", "b", "--as", "anna", "--role",
                   "operate")
    equal((said["answer"], {said["triple"]["name"], said["second"]["name"]}),
          ("error", {"move", "own"}), "two triples")
    said = explain(root, "web1", "--to", "c", "--as", "anna", "--role",
                   "audit", "--tenant", "acme")
    equal((said["answer"], said["reason"], said["missing_categories"]),
          ("no", "the item is another tenant's", ["beta"]), "categories")


def explain_tells_classes_and_which_lines_gave_them(root):
    root.in_force(a=HEAD + MIGRATE, b="[subject anna]\nwho = anna\n"
                  "categories = acme\n\n"
                  "[subject operators]\nwho = role:operate, anna\n"
                  "level = identity-provider\n"
                  "[item web]\non = vm:web1\ncategories = *\n"
                  "[subject hosts]\nwho = role:host\ncategories = beta\n"
                  "[subject b]\nwho = host:b\nlevel = trusted-agent\n")
    args = ("web1", "--to", "b", "--as", "anna", "--role", "operate",
            "--tenant", "acme")

    def by(section, name, line):
        return {"section": section, "name": name, "line": line,
                "file": root.folder + "/b.policy"}
    anna = {"of": "anna", "level": "identity-provider",
            "categories": ["acme"], "by": [by("subject", "anna", 1),
                                           by("subject", "operators", 5)]}
    vm = {"of": "vm:web1", "level": "user-agent", "tenant": "acme",
          "categories": ["acme", "beta"], "by": [by("item", "web", 8)]}
    to = {"of": "host:b", "level": "trusted-agent", "categories": ["beta"],
          "by": [by("subject", "hosts", 11), by("subject", "b", 14)]}
    said = explain(root, *args)
    equal((said["classes"], said["handover"]), ([anna, vm, to], None),
          "without kororad")
    out = root.policy("explain", *args).out
    for line in ("class of anna: identity-provider, of acme\n"
                 "  by [subject anna] of %s/b.policy:1\n" % root.folder,
                 "class of vm:web1: user-agent, of acme, beta\n",
                 "  by its tenant, acme\n"):
        check(line in out, "%s is not in %s" % (line, out))
    # what kororad asks of both hosts, beside the triples
    root.in_force(a=HEAD + MIGRATE, b="[subject c]\nwho = *\n"
                  "categories = acme\n[subject d]\nwho = host:a\n"
                  "categories = beta\n[item web]\non = vm:web1\n"
                  "categories = acme\n")
    with kororad(root, {"info": {"host": "a"}}):
        said = explain(root, *args, rc=0)
        equal((said["handover"]["answer"],
               [c["of"] for c in said["classes"]]),
              ("yes", ["anna", "vm:web1", "host:a", "host:b"]), "%s" % said)
    root.in_force(a=HEAD + MIGRATE, b="[subject c]\nwho = anna\n"
                  "categories = acme\n[item web]\non = vm:web1\n"
                  "categories = acme\n")
    with kororad(root, {"info": {"host": "a"}}):
        said = explain(root, *args)
        equal((said["answer"], said["handover"]["answer"]), ("yes", "no"),
              "%s" % said)
    with kororad(root, {"info": {"host": "a"}}):
        out = root.policy("explain", *args).out
    check("no hand-over begins: only if " + said["handover"]["why"] in out,
          out)


def explain_tells_what_no_host_has(root):
    """What is allowed and would be refused all the same is no yes."""
    with open(shipped("strict")) as f:
        root.in_force(a=f.read())
    args = ("web1", "--to", "b", "--as", "anna", "--role", "operate",
            "--approved-by", "otto:approve", "--approved-by", "rosa:approve")
    said = explain(root, *args, rc=1)
    equal((said["answer"], said["unmet"]),
          ("yes", ["attestation", "scanners"]), "%s" % said)
    out = root.policy("explain", *args).out
    check("no hand-over begins: the policy demands scanners" in out, out)


def explain_asks_kororad_for_roles_and_tenant(root):
    """One that knows three users and a VM."""
    known = {
        "user.list": {"users": [{"user": "nobody", "role": "audit"},
                                {"user": "65534", "role": "operate"},
                                {"user": "otto", "role": "admin"}]},
        "vm.show": {"definition": "[vm]\nname = web1\ntenant = beta\n"},
        "info": {"host": "a"},
    }
    root.in_force(a=HEAD + MIGRATE + "[subject s]\nwho = *\n"
                  "categories = beta\n")
    with kororad(root, known):
        said = explain(root, "web1", "--to", "b", "--as", "nobody", rc=0)
    equal((said["by"], said["roles_known"], said["tenant"]),
          ({"name": "nobody", "roles": ["audit", "operate"]}, True, "beta"),
          "roles, tenant")


def explain_refuses_nonsense(root):
    root.in_force(a=HEAD + MIGRATE)
    for args in (["web"], ["web", "--to", "b"], ["web", "--as", "anna"],
                 ["web", "--to", "b", "--as", "an/na"],
                 ["web", "--to", "b", "--as", "anna:operate"],
                 ["web", "--to", "b", "--as", "anna", "--procedure", "fly"],
                 ["web", "--to", "b", "--as", "anna", "--procedure",
                  "vm.start"],
                 ["host:b", "--to", "b", "--as", "anna"],
                 ["web", "--to", "b", "--as", "anna", "--approved-by", "a:"],
                 ["web", "--to", "b", "--as", "anna", "--approved-by", "a:b",
                  "--approved-by", "a:c"],
                 ["w" * 70, "--to", "b", "--as", "anna", "--role", "audit"]):
        r = root.policy("explain", *args, "--json")
        equal((r.rc, r.code), (2, "KR-1001"), "exit, code of %s" % args)


def diff_tells_decisions_not_texts(root):
    same = root.write("same.policy", "# other words\n" + MIGRATE.replace(
        "who = role:operate\nmay = migrate", "may = migrate\nwho = role:operate")
        + HEAD)
    root.in_force(a=HEAD, b=MIGRATE)
    r = root.policy("diff", root.folder, same, "--json")
    equal((r.rc, r.json["differs"], r.json["differences"]), (0, False, []),
          "alike")
    check(r.json["old"]["sha256"] != r.json["new"]["sha256"], "digests")
    check("both decide alike" in root.policy("diff", root.folder, same).out,
          "alike, in words")
    other = root.write("other.policy", HEAD + MIGRATE.replace("to = b",
                                                              "to = b, c"))
    r = root.policy("diff", root.folder, other, "--json")
    equal((r.rc, r.json["differences"]),
          (1, [{"change": "changed", "section": "triple", "name": "move",
                "key": "to", "old": "", "new": "c"}]), "one host more")
    check("the version is the same" in
          root.policy("diff", root.folder, other).out, "version")
    r = root.policy("diff", shipped("standard"), shipped("strict"))
    check(r.rc == 1 and re.search(r"changed +triple +operate +may +migrate +-",
                                  r.out), "%r" % r)


def tables_of_requests_are_tests(root):
    table = root.write("table", "# who may what\n"
                       "anna:operate migrate vm:web1 b - yes\n"
                       "anna:operate migrate vm:web1 c - question\n"
                       "vera:operate migrate vm:web1 b - no\n")
    root.in_force(a=HEAD + MIGRATE)
    r = root.policy("test", table)
    equal((r.rc, r.out.splitlines()[-1]), (0, "3 passed, 0 failed"), "%r" % r)
    r = root.policy("test", table, "--policy", shipped("standard"), "--json")
    equal((r.rc, r.json["passed"], r.json["failed"],
           [c["line"] for c in r.json["cases"] if not c["ok"]]),
          (1, 1, 2, [3, 4]), "by another policy")
    r = root.policy("test", table, "--policy", shipped("standard"))
    check("FAIL %s:3 anna migrate vm:web1 to c: yes, not question" % table in
          r.out, "%r" % r)
    # what is demanded of it, and whether that host may have it
    r = root.policy("test", root.write(
        "demands", "anna:operate migrate vm:web1 b x:approve;y:approve yes "
        "attestation,no_postcopy,memory_root,scanners=1,"
        "control_suites=TLS_AES_256_GCM_SHA384,"
        "lane_suites=TLS_AES_256_GCM_SHA384\n"
        "anna:operate migrate vm:web1 b x:approve;y:approve yes -\n"),
        "--policy", shipped("strict"))
    check(r.rc == 1 and "1 passed, 1 failed" in r.out and
          "and demands attestation,no_postcopy,memory_root,scanners=1," in
          r.out, "%r" % r)
    low = root.write("low.policy", HEAD + MIGRATE.replace("to = b\n", "") + """
[subject acme]
who = role:operate, host:b
categories = acme

[item web]
on = vm:web*
categories = acme
""")
    r = root.policy("test", root.write(
        "hosts", "anna:operate migrate vm:web1 b - yes -\n"
        "anna:operate migrate vm:web1 c - no -\n"), "--policy", low)
    equal((r.rc, r.out.splitlines()[-1]), (0, "2 passed, 0 failed"), "%r" % r)
    bad = root.write("bad", "#\n\nanna migrate web1 b - yes\n")
    r = root.policy("test", bad)
    check(r.rc == 2 and bad + ":3: migrate is used on vm:NAME" in r.err,
          "%r" % r)
    r = root.policy("test", root.write("none", "# nothing\n"))
    check(r.rc == 2 and "has no request" in r.err, "%r" % r)


def the_manual_s_examples_are_right(root):
    with open(os.path.join(SRC, "man", "korora-policy.5")) as f:
        blocks = re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", f.read())
    table, policy = blocks[0], blocks[1]
    policy = root.write("manual.policy", policy)
    r = root.policy("check", policy, "--json")
    equal((r.rc, r.json["policies"][0]["warnings"]), (0, []), "%r" % r)
    r = root.policy("test", root.write("manual", table), "--policy",
                    shipped("strict"))
    equal(r.rc, 0, "%r" % r)


if __name__ == "__main__":
    run([({}, [
        errors_name_file_and_line, check_tells_name_version_and_digest,
        check_warns_of_what_is_hardly_meant, show_shows_all,
        show_tells_whether_it_is_in_force,
        explain_tells_who_decides, explain_tells_what_would_have_to_be_true,
        explain_names_two_triples_and_categories,
        explain_tells_classes_and_which_lines_gave_them,
        explain_tells_what_no_host_has,
        explain_asks_kororad_for_roles_and_tenant, explain_refuses_nonsense,
        diff_tells_decisions_not_texts, tables_of_requests_are_tests,
        the_manual_s_examples_are_right])], Root)
