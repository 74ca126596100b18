# SPDX-License-Identifier: Apache-2.0
"""What korora report says of migrations that went well, were attacked, or ran
early, and what names in it cannot do to its page."""
import hashlib
import html.parser
import json
import os
import re
import sqlite3

from hostile import offer, session
from labrun import check, equal, run
import forger
import frames
from test_hostile import diskless, dropped
from test_postcopy import begun, complete, kill_plane
from test_tamper import Middle

NOBODY = 65534
EVIL = "\"'><script>alert(1)</script><b onclick=x>&lt;@evil"
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """A page that is whole, and needs nothing but itself."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.links = [], [], [], []
        self.text, self.style, self.loose = "", "", 0
        with open(path, encoding="utf-8") as f:
            self.feed(f.read())
        self.close()
        equal(self.open, [], "elements left open")
        equal(len(self.ids), len(set(self.ids)), "ids: %s" % self.ids)
        for link in self.links:
            check(link[0] == "#" and link[1:] in self.ids, "link " + link)
        check(not re.search(r"url\(|@import|https?:", self.style), "style")
        extra = set(self.tags) - {
            "html", "head", "meta", "title", "style", "body", "main", "header",
            "p", "span", "h1", "h2", "h3", "div", "ul", "ol", "li", "nav", "a",
            "section", "table", "thead", "tbody", "tr", "th", "td", "code",
            "pre", "strong", "footer"}
        check(not extra, "elements: %s" % extra)
        equal(self.loose, 0, "heads of tables without a scope")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loose += tag == "th" and "scope" not in dict(attrs)
        for key, value in attrs:
            check(key in ("lang", "charset", "http-equiv", "content", "name",
                          "class", "id", "href", "scope", "title",
                          "aria-label", "role"), "%s has %s" % (tag, key))
            if key == "id":
                self.ids.append(value)
            if key == "href":
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, "</%s> in %s" % (
            tag, self.open))
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


def page(lab, host, id, rc=0):
    path = "%s/%s-report.html" % (lab.dir, host)
    r = lab.exec(host, "korora", "report", id, "--html", path)
    equal(r.rc, rc, "exit of report --html: %r" % r)
    check(r.out.startswith(path + ": "), "%r" % r)
    check(not os.path.exists(path + ".new"), "a temporary file is left")
    return Page(path)


def report(lab, host, id, rc=0):
    """The report, its results by criterion, and its data by id."""
    r = lab.korora(host, "report", id)
    equal(r.rc, rc, "exit of report: %r" % r)
    results = {c["key"]: c["result"] for c in r.json["synthesis"]["criteria"]}
    data = {d["id"]: d for d in r.json["data"]}
    for c in r.json["synthesis"]["criteria"]:
        check(c["because"] and set(c["evidence"]) <= set(data), "%s" % c)
    return r.json, results, data


def leaves(lab, host, data):
    """What it says of entries of the log is what is in the store."""
    db = sqlite3.connect("file:%s/%s/var/lib/korora/korora.db?mode=ro" % (
        lab.dir, host), uri=True)
    for d in data.values():
        if "index" in d:
            check(d["proved"] and d["log_size"] > d["index"], "%s" % d)
            leaf, = db.execute("SELECT leaf FROM log WHERE idx = ?",
                               (d["index"],)).fetchone()
            equal(d["leaf"], hashlib.sha256(b"\0" + leaf).hexdigest(),
                  "leaf %d" % d["index"])
    db.close()


def cosigned(lab, host, id):
    """The peer cosigns a moment after the migration is done."""
    other = "b" if host == "a" else "a"

    def all_are():
        entries = [d for d in lab.told(host, "report", id)["data"]
                   if "index" in d]
        return entries and all(other in d["cosigned_by"] for d in entries)
    lab.until(all_are, "cosignature of " + other)


def of_an_entry_that_was_changed(lab):
    """Its proof is not given any more, and what it says obtains nothing."""
    r = lab.migrate("a", "b")
    id = r.json["migration"]
    lab.until(lambda: lab.status("b", id)["state"] == "completed", "end on b")
    equal(report(lab, "a", id)[1]["log"], "obtained", "log before")
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir)
    idx, leaf = db.execute(
        "SELECT idx, leaf FROM log WHERE instr(leaf, CAST(? AS BLOB))"
        " ORDER BY idx LIMIT 1", (id,)).fetchone()
    db.execute("UPDATE log SET leaf = ? WHERE idx = ?",
               (leaf.replace(b'"root@a"', b'"boot@a"'), idx))
    db.commit()
    j, results, data = report(lab, "a", id, rc=1)
    equal((j["synthesis"]["verdict"], results["log"]),
          ("unreliable", "not_obtained"), j["synthesis"]["sentence"])
    check("proved" not in data["log-%d" % idx], "%s" % data)
    check("are not what was signed" in data["log-%d" % idx]["unproved"],
          "%s" % data["log-%d" % idx])
    page(lab, "a", id, rc=1)
    db.execute("UPDATE log SET leaf = ? WHERE idx = ?", (leaf, idx))
    db.commit()
    db.close()
    equal(report(lab, "a", id)[1]["log"], "obtained", "log afterwards")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    of_one_that_another_policy_decided(lab, id)


def of_one_that_another_policy_decided(lab, id):
    """What was demanded then stays so, whatever is in force now."""
    before, results, _ = report(lab, "a", id)
    path = "%s/a/etc/korora/policy.d/standard.policy" % lab.dir
    with open(path) as f:
        text = f.read()
    new, n = re.subn(r"(?m)^version = (\d+)$",
                     lambda m: "version = %d" % (int(m.group(1)) + 1), text)
    equal(n, 1, "lines with a version")
    new += "\n[protection all]\non = vm:*\nno_postcopy = yes\nscanners = 2\n"
    with open(path, "w") as f:
        f.write(new)
    equal(lab.korora("a", "policy", "reload").rc, 0, "reload")
    after, now, data = report(lab, "a", id)
    equal(now, results, "results")
    for was, is_ in zip(before["synthesis"]["criteria"],
                        after["synthesis"]["criteria"]):
        if was["key"] != "log":		# which has grown
            equal(is_["because"], was["because"].replace(
                "still in force", "kept there, another is in force now"),
                was["key"])
    for key in ("verdict", "sentence", "counts"):
        equal(after["synthesis"][key], before["synthesis"][key], key)
    equal(after["yardstick"], before["yardstick"], "yardstick")
    equal(data["policy"]["in_force"], False, "in force")
    kept = data["policy"]["sha256"]
    r = lab.api("a", {"id": 1, "method": "policy.show", "params": {
        "sha256": "00" * 32}})
    equal(r["error"]["code"], "KR-1032", "one that never was in force")
    # and one that is not what it was is not relied on
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir, timeout=60)
    bundle, = db.execute("SELECT bundle FROM policy WHERE digest = ?",
                         (bytes.fromhex(kept),)).fetchone()

    def keep(what):
        db.execute("UPDATE policy SET bundle = ? WHERE digest = ?",
                   (what, bytes.fromhex(kept)))
        db.commit()
    keep(bundle.replace(b"operate", b"Operate", 1))
    after, now, _ = report(lab, "a", id)
    equal((now["policy"], now["destination"]), ("obtained", "unknown"),
          "of one that was changed")
    check("KR-8001" in [c["because"] for c in after["synthesis"]["criteria"]
                        if c["key"] == "policy"][0], "that it was changed")
    equal(after["synthesis"]["verdict"], "partly", "what is not known")
    keep(bundle)
    db.close()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^version = .*$", "version = 1000000", text))
    equal(lab.korora("a", "policy", "reload").rc, 0, "reload")


def of_entries_found_elsewhere(lab):
    """A release is hidden, or stands among another migration's entries."""
    id, other = (lab.migrate(*x).json["migration"] for x in ("ab", "ba"))
    root = lab.dir + "/a"
    idx, = [e["index"] for e in lab.evidence("a", 100)
            if e["event"] == "migration.release" and e["migration"] == id]
    forger.file_under(root, idx, "")
    j, results, data = report(lab, "a", id, rc=1)
    check("log-%d" % idx not in data, "it is not hidden")
    equal((j["synthesis"]["verdict"], results["log"]),
          ("unreliable", "not_obtained"), j["synthesis"]["sentence"])
    forger.file_under(root, idx, other)
    r = lab.korora("a", "report", other)
    equal((r.rc, r.code), (1, "KR-8002"), "exit, code: %r" % r)
    check("entry %d is found as one of migration %s" % (idx, other) in
          r.json["error"]["message"], "%r" % r)
    forger.file_under(root, idx, id)
    equal(report(lab, "a", id)[1]["log"], "obtained", "log afterwards")


def of_a_migration(lab):
    r = lab.migrate("a", "b")
    equal(r.rc, 0, "exit of %r" % r)
    id = r.json["migration"]
    lab.until(lambda: lab.status("b", id)["state"] == "completed", "end on b")
    for h in "ab":
        j, results, data = report(lab, h, id)
        equal(j["synthesis"]["verdict"], "obtained", j["synthesis"])
        equal({k for k, v in results.items() if v != "obtained"},
              {"attestation", "prediction", "approvals", "scanners",
               "destination"} -
              {k for k, v in results.items() if v == "obtained"},
              "not obtained on " + h)
        equal((results["attestation"], results["approvals"],
               results["scanners"], results["destination"]),
              ("not_obtained", "not_asked", "not_asked", "not_asked"),
              "not obtained")
        held_against(j, results, "size")
        t = j["target"]
        equal((t["vm"], t["from"], t["to"], t["seen_by"], t["total_ms"]),
              ("dirtier", "a", "b", h, r.json["total_ms"]), "target")
        check(j["yardstick"]["policy"]["text"].startswith("tls=1.3"),
              "policy: %s" % j["yardstick"])
        said = [d["statement"] for d in data.values() if "statement" in d]
        equal(set(said) >= {"offer", "acceptance", "manifest", "prepared",
                            "release", "owner", "receipt"}, True, said)
        check(all(d["verified"] for d in data.values() if "verified" in d),
              "signatures: %s" % data)
        leaves(lab, h, data)
        cosigned(lab, h, id)
        p = page(lab, h, id)
        for word in (id, "cosigned by " + ("b" if h == "a" else "a"),
                     "The policies it was decided by", "standard, version 1",
                     t["from_fingerprint"], "Moved, with all that was",
                     "neither host proved what it booted"):
            check(word in p.text, "the page does not tell " + word)
        equal([i for i in p.ids if not i.startswith(("d-", "s-"))],
              ["target", "criteria", "yardstick", "data", "synthesis",
               "limits"], "sections")
        plain = lab.exec(h, "korora", "report", id[:12])
        check(plain.rc == 0 and "Single ownership: obtained" in plain.out,
              "%r" % plain)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def held_against(j, results, basis):
    """The prediction's criterion is what the figures say, and tells them."""
    real, said = j["target"], j["yardstick"]["request"]["predicted"]
    equal(said["basis"], basis, "basis")
    near = real["total_ms"] <= said["total_ms"] * 1.25 and \
        real["downtime_ms"] <= said["downtime_ms"] * 1.25
    equal(results["prediction"], "obtained" if near else "not_obtained",
          "%s, predicted %s" % (real, said))
    c, = [c for c in j["synthesis"]["criteria"] if c["key"] == "prediction"]
    equal(c["asked"], "yes" if basis == "plan" else "no", "asked for")
    percent = (real["total_ms"] - said["total_ms"]) * 100 / said["total_ms"]
    check("predicted (%+.0f %%)" % percent in c["because"], c)


def of_what_was_predicted(lab):
    equal(lab.korora("a", "plan", lab.vm, "--to", "b", "--seconds", "1",
                     timeout=90).rc, 0, "exit of plan")
    r = lab.migrate("a", "b")
    j, results, _ = report(lab, "a", r.json["migration"])
    held_against(j, results, "plan")
    equal(j["synthesis"]["verdict"], "obtained", "verdict")
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def of_an_attack(lab):
    with Middle(lab, "flip", "--at", "100000") as m:
        r = lab.migrate("a", "b")
        check(m.got("flip"), "nothing was done to: %r" % r)
    lab.straight = True
    lab.refused(r, "KR-5001")
    id = r.json["migration"]
    lab.until(lambda: lab.status("b", id)["state"] != "running", "end on b")
    for h in "ab":
        j, results, data = report(lab, h, id)
        equal(j["synthesis"]["verdict"], "undone", j["synthesis"])
        equal([results[k] for k in ("tamper", "ownership", "authentication",
                                    "replay", "log")], ["obtained"] * 5,
              "results on %s: %s" % (h, results))
        equal([results[k] for k in ("memory", "devices", "nonrepudiation",
                                    "attestation")], ["not_obtained"] * 4,
              "results on %s: %s" % (h, results))
        check("KR-5001" in j["synthesis"]["sentence"], j["synthesis"])
        leaves(lab, h, data)
        check("Did not move" in page(lab, h, id).text, "page on " + h)
    lab.works()


def of_names_that_attack(lab):
    """A peer says who asked, and why it gave up."""
    known = {m["migration"] for m in lab.migrations("b")}
    s = session(lab)
    o = offer(lab, s, definition=diskless(lab))
    o.requested_by = EVIL
    s.send(frames.OFFER, o.body())
    kind, body = s.receive()
    equal(kind, frames.STEP, "answer to the offer: %s" % body)
    s.send(frames.FAIL, frames.word(o.migration, 5001, EVIL))
    dropped(lab)
    s.close()
    id = o.migration.hex()
    check(id not in known, "an old migration")
    j, results, _ = report(lab, "b", id)
    equal((j["target"]["requested_by"], j["target"]["from"]), (EVIL, "evil"),
          "who asked")
    check(EVIL in j["target"]["error"]["message"], "%s" % j["target"])
    equal(results["ownership"], "obtained", "ownership")
    check(results["nonrepudiation"] != "obtained", "nonrepudiation")
    p = page(lab, "b", id)
    check(p.text.count(EVIL) > 2, "the page does not tell what he said")
    plain = lab.exec("b", "korora", "report", id)
    check(plain.rc == 0 and "\033" not in plain.out, "%r" % plain)
    lab.works()


def of_a_receipt_that_was_changed(lab):
    r = lab.migrate("a", "b")
    id, path = r.json["migration"], r.json["receipt"]
    with open(path) as f:
        text = f.read()
    at = text.index('"payload":"') + 400
    with open(path, "w") as f:
        f.write(text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1:])
    j, results, _ = report(lab, "a", id, rc=1)
    equal(j["synthesis"]["verdict"], "unreliable", j["synthesis"])
    equal(results["nonrepudiation"], "not_obtained", "non-repudiation")
    check("does not verify" in page(lab, "a", id, rc=1).text, "page")
    os.unlink(path)		# the log has a copy that does
    j, results, _ = report(lab, "a", id)
    equal((j["synthesis"]["verdict"], results["nonrepudiation"]),
          ("obtained", "obtained"), "without the file")
    with open(path, "w") as f:
        f.write(text)
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


def of_nothing(lab):
    r = lab.korora("a", "report", "feedbeef")
    equal((r.rc, r.code), (1, "KR-1006"), "exit, code")
    r = lab.korora("a", "report")
    equal((r.rc, r.code), (2, "KR-1001"), "exit, code without an id")
    id = lab.migrations("a")[0]["migration"]
    r = lab.korora("a", "report", id, "--html", lab.dir + "/none/x.html")
    equal((r.rc, r.code), (1, "KR-9001"), "exit, code of a file")
    r = lab.korora("a", "report", id, user=NOBODY)
    equal((r.rc, r.code), (1, "KR-1003"), "exit, code without a role")
    lab.told("a", "user", "grant", "nobody", "audit")
    r = lab.korora("a", "report", id, user=NOBODY)
    equal((r.rc, r.json["synthesis"]["verdict"]), (0, "obtained"), "auditor")
    lab.told("a", "user", "revoke", "nobody", "audit")


def of_a_post_copy(lab):
    p, id = begun(lab)
    kill_plane(lab, "b")
    told = complete(lab, p, id, recoveries=True)
    for h in "ab":
        j, results, data = report(lab, h, id)
        equal(j["synthesis"]["verdict"], "obtained", j["synthesis"])
        why = [c["because"] for c in j["synthesis"]["criteria"]
               if c["key"] == "memory"][0]
        check("%d pages came later" % told["late_pages"] in why, why)
        check("not a digest to compare" in why, why)
        equal(j["target"]["postcopy"]["recoveries"], told["recoveries"],
              "recoveries")
        check("complete" in [d.get("statement") for d in data.values()],
              "no complete on " + h)
        leaves(lab, h, data)
        check("before the rest was there" in page(lab, h, id).text, "page")


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=32, up=["--wss", "8", "--content", "noise"],
               conf={"host": {"peer_timeout_s": 3}, "plane": {"lanes": 2}}),
          [of_a_migration, of_what_was_predicted, of_an_attack,
           of_names_that_attack, of_a_receipt_that_was_changed,
           of_an_entry_that_was_changed, of_entries_found_elsewhere,
           of_nothing]),
         ({"up": ["--rate", "20", "--wss", "16"], "mem": 128},
          [of_a_post_copy])])
