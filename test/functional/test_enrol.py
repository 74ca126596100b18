# SPDX-License-Identifier: Apache-2.0
"""Enrolling hosts: a name and a key stand for one host each."""
from labrun import check, equal, run

HERE = "10.77.0.66:7300"


def add(lab, name, fingerprint, address=HERE):
    return lab.korora("a", "host", "add", name, address, "--fingerprint",
                      fingerprint)


def hosts(lab):
    return {h["name"]: h["fingerprint"]
            for h in lab.told("a", "host", "list")["hosts"]}


def one_key_is_one_host(lab):
    """However it is written: its unused bits and padding say nothing."""
    before = hosts(lab)
    key = before["b"]
    letters = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
               "0123456789+/")
    at = letters.index(key[-1])
    others = {key[:-1] + letters[at & ~3 | i] for i in range(4)} - {key}
    for fp in [key, key + "=", key.replace("+", "-").replace("/", "_"),
               *others]:
        r = add(lab, "second", fp)
        check(r.rc and r.code in ("KR-1007", "KR-1001"), "%s: %r" % (fp, r))
    r = add(lab, "second", key)
    equal(r.code, "KR-1007", "code")
    check("b is enrolled" in r.json["error"]["message"], "%r" % r)
    equal(hosts(lab), before, "hosts")


def one_name_is_one_host(lab):
    before = hosts(lab)
    other = "SHA256:" + "A" * 43
    equal(add(lab, "b", other).code, "KR-1007", "another key for b")
    own = lab.told("a", "info")["fingerprint"]
    equal(add(lab, "second", own).code, "KR-4010", "this host's own key")
    for wrong in ("SHA256:" + "A" * 42, "SHA256:" + "A" * 44, "A" * 43,
                  "SHA256:" + "!" * 43, other + " "):
        r = add(lab, "second", wrong)
        equal((r.rc, r.code), (2, "KR-1001"), wrong)
    equal(hosts(lab), before, "hosts")


def padded_key_is_the_key(lab):
    """It is known by its key, not by how that was written."""
    key = hosts(lab)["b"]
    equal(lab.korora("a", "host", "remove", "b").rc, 0, "remove")
    equal(add(lab, "b", key + "=", "10.77.0.2:7300").rc, 0, "add, padded")
    equal(hosts(lab)["b"], key, "what is listed")
    lab.works()


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [
        one_key_is_one_host, one_name_is_one_host, padded_key_is_the_key])])
