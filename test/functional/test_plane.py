# SPDX-License-Identifier: Apache-2.0
"""What the data plane leaves out on the way, and what it must not."""
import fcntl
import os
import re
import shutil

from labrun import check, equal, run

CACHE = {"plane": {"page_cache_mb": 64}}
VM = ["--rate", "20", "--wss", "16"]


def there(lab, src, dst):
    """Move the VM; what the plane of each side made of its pages."""
    r = lab.migrate(src, dst)
    equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
    equal(r.json["protection"]["stream"], "parsed", "stream")
    own, peer = (lab.status(h, r.json["migration"])["stages"]
                 for h in (src, dst))
    for stage in ("zero_pages", "same_pages", "delta_pages", "cached_pages"):
        equal(own[stage], peer[stage], "%s of %s and %s" % (stage, src, dst))
    return r.json, own


def cache(lab, host, tenant="default", kind="pages"):
    return "%s/%s/var/lib/korora/pagecache/%s.%s" % (lab.dir, host, tenant,
                                                     kind)


# ---- lanes ----------------------------------------------------------------

def as_many_lanes_as_asked(lab):
    for n in (1, 3, 16):
        lab.configure({"plane": {"lanes": n}})
        for src, dst in ("ab", "ba"):
            r, _ = there(lab, src, dst)
            equal(r["protection"]["lanes"], n, "lanes")
    lab.runs("a")


def more_lanes_than_the_other_allows(lab):
    """Each takes memory there, so that it says how many there may be."""
    lab.configure({"plane": {"lanes": 3}}, hosts="a")
    lab.configure({"plane": {"lanes": 2}}, hosts="b")
    r = lab.migrate("a", "b")
    lab.refused(r, "KR-1011", status="refused")
    check("b allows 2" in r.json["error"]["message"], "%r" % r)
    lab.configure({"plane": {"lanes": 2}}, hosts="a")
    for src, dst in ("ab", "ba"):
        there(lab, src, dst)


def padded(lab):
    """Records are padded: a migration takes more than without, of a memory
    that does not shrink. That every one of them is: test_plane_records."""
    lab.configure({"plane": {"lanes": 2, "padding": 16384}})
    for src, dst in ("ab", "ba"):
        there(lab, src, dst)
    lab.configure({"plane": {"padding": 0}})
    lab.runs("a")


def keys_renewed(lab):
    """A lane's key after each MiB, in both directions of the VM's way."""
    lab.configure({"plane": {"lanes": 2, "rekey_mb": 1}})
    for src, dst in ("ab", "ba"):
        r, stages = there(lab, src, dst)
        check(stages["key_updates"] >= r["wire_bytes"] // (2 << 20) - 2 > 0,
              "%s keys for %s bytes" % (stages["key_updates"],
                                        r["wire_bytes"]))
    lab.runs("a")


def more_memory_than_the_other_allows(lab):
    lab.configure({"plane": {"memory_mb": 64}}, hosts="a")
    lab.configure({"plane": {"memory_mb": 63}}, hosts="b")
    r = lab.migrate("a", "b")
    lab.refused(r, "KR-1011", status="refused")
    check("63" in r.json["error"]["message"], "%r" % r)
    lab.configure({"plane": {"memory_mb": 0}}, hosts="a")
    _, stages = there(lab, "a", "b")
    equal(stages["same_pages"] + stages["delta_pages"], 0, "references")
    lab.configure({"plane": {"memory_mb": 0}}, hosts="b")
    there(lab, "b", "a")


def a_slow_link_is_spared(lab):
    lab.lab("link", "--rate", "50mbit")
    r, stages = there(lab, "a", "b")
    check(r["wire_bytes"] < r["ram_bytes"] / 4, "%d of %d bytes" % (
        r["wire_bytes"], r["ram_bytes"]))
    check(stages["squeeze_out_bytes"] < stages["squeeze_in_bytes"] / 4,
          "squeezed: %s" % stages)
    lab.lab("link", "--rate", "none")
    there(lab, "b", "a")
    lab.runs("a")


# ---- the page cache -------------------------------------------------------

def back_again(lab):
    first, _ = there(lab, "a", "b")
    second, stages = there(lab, "b", "a")
    check(second["wire_bytes"] * 5 < first["wire_bytes"],
          "%d bytes there, %d back" % (first["wire_bytes"],
                                       second["wire_bytes"]))
    check(stages["cached_pages"] > 2000, "from the cache: %s" % stages)
    lab.runs("a")
    for path in (cache(lab, "a"), cache(lab, "a", kind="key")):
        equal(os.stat(path).st_mode & 0o777, 0o600, "mode of " + path)
    equal(os.path.getsize(cache(lab, "a", kind="key")), 64, "key")


def nothing_in_the_clear(lab):
    """The dirtier's pages are one word, again and again; no sealed one is."""
    with open(cache(lab, "a"), "rb") as f:
        data = f.read()[4096:]
    check(len(data) > 8 << 20, "%d bytes in the cache" % len(data))
    alike = sum(data[i:i + 8] == data[i + 8:i + 16]
                for i in range(0, len(data) - 16, 4096))
    # only holes, which are zeroes, look like that
    holes = sum(not any(data[i:i + 4096]) for i in range(0, len(data), 4096))
    check(alike <= holes, "%d pages can be read, %d holes" % (alike, holes))


def damaged(lab):
    """A page that is not what it was is refused; the cache starts anew."""
    there(lab, "a", "b")
    size = os.path.getsize(cache(lab, "a"))
    with open(cache(lab, "a"), "r+b") as f:
        for at in range(size // 2, size, 4096):
            f.seek(at + 100)
            f.write(b"\xaa" * 16)
    r = lab.migrate("b", "a")
    lab.refused(r, "KR-5008", host="b")
    _, stages = there(lab, "b", "a")
    equal(stages["cached_pages"], 0, "pages of a damaged cache")
    lab.runs("a")


def anothers_key(lab):
    there(lab, "a", "b")
    with open(cache(lab, "a", kind="key"), "r+b") as f:
        f.write(os.urandom(64))
    r = lab.migrate("b", "a")
    if r.rc:	# its digests read as noise: no page of them is asked for
        lab.refused(r, "KR-5008", host="b")
        r = lab.migrate("b", "a")
    equal(r.rc, 0, "%r" % r)
    lab.runs("a")


def tenants_keep_apart(lab):
    """The same memory, but another's VM: nothing of it is known."""
    there(lab, "a", "b")
    for h in "ab":
        os.makedirs(os.path.dirname(cache(lab, h)), exist_ok=True)
        for kind in ("pages", "key"):
            path = cache(lab, h, kind=kind)
            if os.path.exists(path):
                os.rename(path, cache(lab, h, "other", kind))
    _, stages = there(lab, "b", "a")
    equal(stages["cached_pages"], 0, "pages of another tenant")


def taken_by_another(lab):
    """Who comes second does without, and says so."""
    there(lab, "a", "b")
    with open(cache(lab, "a"), "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        _, stages = there(lab, "b", "a")
    equal(stages["cached_pages"], 0, "pages of a cache that another has")
    lab.await_log("a", "no page cache.*another migration of the tenant")
    lab.runs("a")


def another_of_its_kind(lab):
    """What one VM brought there, another of the tenant's need not bring."""
    text = lab.told("a", "vm", "show", "dirtier")["definition"]
    text = re.sub(r"(?m)^tenant = .*\n", "", text)
    images = lab.dir + "/images/"
    wire = {}
    for name, tenant in (("first", "acme"), ("second", "acme"),
                         ("third", "beta")):
        path = "%s/%s.vm" % (lab.dir, name)
        with open(path, "w") as f:
            f.write(text.replace("name = dirtier", "name = %s\ntenant = %s" % (
                name, tenant)).replace("dirtier.raw", name + ".raw"))
        shutil.copy(images + "dirtier.raw", images + name + ".raw")
        for args in (["define", path], ["start", name]):
            r = lab.korora("a", "vm", *args)
            equal(r.rc, 0, "vm %s: %r" % (args, r))
        console = "%s/a/var/lib/korora/console/%s.log" % (lab.dir, name)
        lab.until(lambda path=console: os.path.exists(path) and
                  os.path.getsize(path), "line of " + name)
        r = lab.migrate("a", "b", vm=name)
        equal(r.rc, 0, "%s: %r" % (name, r))
        stages = lab.status("b", r.json["migration"])["stages"]
        wire[name] = r.json["wire_bytes"], stages["cached_pages"]
        for args in (["stop", name], ["remove", name]):
            r = lab.korora("b", "vm", *args)
            equal(r.rc, 0, "vm %s: %r" % (args, r))
    check(wire["second"][0] * 5 < wire["first"][0] and
          wire["second"][1] > 2000, "bytes, pages from the cache: %s" % wire)
    check(wire["third"][0] * 2 > wire["first"][0] and not wire["third"][1],
          "another tenant's: %s" % wire)


HIGHER = """
[subject hosts]
who = role:host
level = relying-party

[subject operators]
who = role:operate
level = relying-party

[item guest]
on = vm:dirtier
level = relying-party
"""


def another_class_does_without(lab):
    """What VMs of a lower class brought is not read by one of a higher."""
    for h in "ab":
        path = "%s/%s/etc/korora/policy.d/standard.policy" % (lab.dir, h)
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("version = 1\n", "version = 2\n") + HIGHER)
        equal(lab.korora(h, "policy", "reload").rc, 0, "reload")
        os.unlink(cache(lab, h))
    for src, dst in ("ab", "ba"):
        _, stages = there(lab, src, dst)
        equal(stages["cached_pages"], 0, "pages of another class")
    for h in "ab":
        check(not os.path.exists(cache(lab, h)), "%s has a cache" % h)
    lab.runs("a")


if __name__ == "__main__":
    run([(dict(mem=48, up=VM), [
            as_many_lanes_as_asked, more_lanes_than_the_other_allows, padded,
            a_slow_link_is_spared, more_memory_than_the_other_allows]),
         (dict(mem=48, up=VM + ["--content", "noise"]), [keys_renewed]),
         (dict(mem=48, up=VM + ["--content", "noise"], conf=CACHE), [
            back_again, nothing_in_the_clear, damaged, anothers_key,
            taken_by_another, another_of_its_kind, tenants_keep_apart,
            another_class_does_without])])
