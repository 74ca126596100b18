# SPDX-License-Identifier: Apache-2.0
"""Hosts that are enrolled by name: kororad waits for no resolver."""
import contextlib
import os
import shutil
import socket
import time

from labrun import ADDRESS, check, equal, run

SILENT = "nameserver %s\noptions timeout:30\n" % ADDRESS["client"]
NOWHERE = "nameserver 203.0.113.1\n"	# no route leads there


@contextlib.contextmanager
def resolver(lab, hosts, servers):
    """What host a's resolver is told; ip-netns(8) mounts it over /etc."""
    etc = "/etc/netns/%s-a" % lab.prefix
    made = not os.path.isdir("/etc/netns")
    os.makedirs(etc)

    def tell(hosts, servers):
        for name, text in (("hosts", "127.0.0.1 localhost\n" + hosts),
                           ("resolv.conf", servers)):
            with open("%s/%s" % (etc, name), "w") as f:
                f.write(text)

    tell(hosts, servers)
    fp = lab.told("b", "info")["fingerprint"]
    try:
        lab.restart("a")
        for address in ("b.lab:7300", ADDRESS["b"] + ":7300"):
            equal(lab.korora("a", "host", "remove", "b").rc, 0, "host remove")
            r = lab.korora("a", "host", "add", "b", address, "--fingerprint",
                           fp)
            equal(r.rc, 0, "host add: %r" % r)
            if address.startswith("b.lab"):
                yield tell
    finally:
        shutil.rmtree(etc)
        if made:
            os.rmdir("/etc/netns")
        lab.restart("a")


def peer_is_found_by_its_name(lab):
    with resolver(lab, "%s b.lab\n" % ADDRESS["b"], SILENT):
        r = lab.migrate("a", "b")
        equal((r.rc, r.json["status"]), (0, "completed"), "%r" % r)
        lab.runs("b")
        equal(lab.migrate("b", "a").rc, 0, "and back")
        lab.runs("a")


def silent_resolver_holds_nobody_up(lab):
    with lab.network("client"):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((ADDRESS["client"], 53))	# and never answers
    with server, resolver(lab, "", SILENT):
        p = lab.start("a", "korora", "--json", "migrate", "dirtier", "--to",
                      "b")
        slowest = 0
        while not p.done():
            start = time.monotonic()
            lab.api("a", {"id": 1, "method": "vm.list"})
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.05)
        check(slowest < 2, "an answer took %.1f s" % slowest)
        r = p.result()
        lab.refused(r, "KR-2017", status="refused")
        check("did not answer" in r.json["error"]["message"], "%r" % r)


def unknown_name_is_said(lab):
    with resolver(lab, "", NOWHERE):
        r = lab.migrate("a", "b")
        lab.refused(r, "KR-2017", status="refused")
        check("b.lab" in r.json["error"]["message"], "%r" % r)
        r = lab.korora("a", "doctor", "--to", "b")
        equal(r.rc, 1, "exit of doctor: %r" % r)
        check("KR-2017" in r.out, "doctor does not say it: %r" % r)
    lab.works()


if __name__ == "__main__":
    run([(dict(vm="dirtier", mem=64), [
        peer_is_found_by_its_name, silent_resolver_holds_nobody_up,
        unknown_name_is_said])])
