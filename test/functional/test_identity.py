# SPDX-License-Identifier: Apache-2.0
"""Who is the peer? Strangers, expired and stolen names, at b's and a's door."""
import contextlib
import os
import shutil
import socket
import ssl
import threading

from labrun import ADDRESS, PORT, Failed, check, equal, run
import certs
from certs import Identity, certify
import frames
from peer import Closed, Session
import statements


def folder(lab, name):
    return "%s/evil-%s" % (lab.dir, name)


def evil(lab):
    """A malicious host that b and a have enrolled as `evil`."""
    if not hasattr(lab, "evil"):
        lab.evil = Identity.make(folder(lab, "evil"), "evil")
        for h in "ab":
            r = lab.korora(h, "host", "add", "evil", "10.77.0.66:7300",
                           "--fingerprint", lab.evil.fingerprint)
            equal(r.rc, 0, "host add: %r" % r)
    return lab.evil


def copy(lab, identity, name):
    """Another folder with the same identity, to spoil."""
    to = folder(lab, name)
    shutil.copytree(identity.dir, to)
    return Identity(to)


def host_identity(lab, host):
    return "%s/%s/etc/korora/identity.crt" % (lab.dir, host)


def knock(lab, code, identity, **options):
    """As a client at b's port: refused, and b's log says why."""
    mark = lab.mark()
    n = len([e for e in lab.evidence("b", 500)
             if e["event"] == "session-refused"])
    try:
        s = Session(lab.connect("mallory", "b"), identity, **options)
        raise Failed("accepted: %s" % s.end())
    except (Closed, OSError):
        pass
    lab.await_log("b", r"10\.77\.0\.66.* KR-%d" % code, mark)
    found = [e for e in lab.evidence("b", 500)
             if e["event"] == "session-refused"]
    check(len(found) > n and found[-1]["detail"]["code"] == code,
          "the evidence log does not tell of it: %s" % found[-1:])


class Door:
    """A TLS server at mallory's port 7300: one connection after another."""

    def __init__(self, lab, identity, **options):
        with lab.network("mallory"):
            self.listener = socket.create_server((ADDRESS["mallory"], PORT))
        self.listener.settimeout(0.2)
        self.identity, self.options = identity, options
        self.going, self.accepted = True, 0
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        while self.going:
            with contextlib.suppress(OSError, Closed, ValueError):
                s, _ = self.listener.accept()
                self.accepted += 1
                s.settimeout(5)
                Session(s, self.identity, server=True, **self.options).end()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.going = False
        self.thread.join()
        self.listener.close()


def lure(lab, code, identity, to="evil", **options):
    """As a server that a dials: a's user and log are told why not."""
    mark = lab.mark()
    with Door(lab, identity, **options) as door:
        r = lab.migrate("a", to)
        check(door.accepted, "a did not come: %r" % r)
    lab.refused(r, "KR-%d" % code, status="refused")
    lab.await_log("a", "KR-%d" % code, mark)


# ---- at b's door ----------------------------------------------------------

def an_enrolled_host_is_let_in(lab):
    s = Session(lab.connect("mallory", "b"), evil(lab))
    lab.await_log("b", r"session with evil .* up: TLSv1\.3")
    s.send(frames.BYE, frames.word())
    equal(s.end().code, 2014, "code of the goodbye")
    s.close()


def tls_1_2(lab):
    knock(lab, 2006, evil(lab), version=ssl.TLSVersion.TLSv1_2)


def no_certificate(lab):
    knock(lab, 2005, None)


def a_stranger(lab):
    knock(lab, 2002, Identity.make(folder(lab, "stranger"), "stranger"))


def a_stranger_called_a(lab):
    knock(lab, 2002, Identity.make(folder(lab, "a"), "a"))


def a_self_signed_link(lab):
    i = copy(lab, evil(lab), "self")
    certify(i.link, "evil", key=i.link_key, exts=certs.LINK_EXTS.replace(
        "authorityKeyIdentifier = keyid\n", ""))
    knock(lab, 2011, i)


def a_link_without_its_identity(lab):
    i = copy(lab, evil(lab), "alone")
    shutil.copy(i.link, i.crt)
    knock(lab, 2002, i)


def expired_identity(lab):
    i = copy(lab, evil(lab), "expired")
    certify(i.crt, "evil", key=i.key, start=-7200, end=-3600)
    knock(lab, 2003, i.make_link())


def identity_of_tomorrow(lab):
    i = copy(lab, evil(lab), "tomorrow")
    certify(i.crt, "evil", key=i.key, start=3600, end=7200)
    knock(lab, 2003, i.make_link())


def expired_link_certificate(lab):
    i = copy(lab, evil(lab), "stale")
    knock(lab, 2003, i.make_link(start=-7200, end=-3600))


def right_key_wrong_name(lab):
    i = copy(lab, evil(lab), "named-a")
    certify(i.crt, "a", key=i.key)
    knock(lab, 2004, i.make_link("a"))


def link_for_another_name(lab):
    knock(lab, 2004, copy(lab, evil(lab), "link-a").make_link("a"))


def steal(lab, host, name):
    """host's own identity, which is public, over a link signed by our key."""
    i = copy(lab, evil(lab), name)
    shutil.copy(host_identity(lab, host), i.crt)
    forger = Identity.make(folder(lab, name + "-forger"), host)
    if "issuer" in name:	# with the stolen one's key identifier, too
        skid = certs.openssl("x509", "-in", i.crt, "-noout", "-ext",
                            "subjectKeyIdentifier").decode().split()[-1]
        certify(forger.crt, host, key=forger.key,
                exts=certs.IDENTITY_EXTS.replace("= hash", "= " + skid))
    return i.make_link(host, signer=(forger.crt, forger.key))


def stolen_certificate(lab):
    knock(lab, 2002, steal(lab, "a", "thief"))
    knock(lab, 2011, steal(lab, "a", "thief-issuer"))


def identity_that_is_no_ca(lab):
    i = copy(lab, evil(lab), "no-ca")
    i.make_link()
    certify(i.crt, "evil", key=i.key, exts=certs.IDENTITY_EXTS.replace(
        "CA:TRUE,pathlen:0", "CA:FALSE"))
    knock(lab, 2011, i)


def wrong_protocol(lab):
    knock(lab, 2007, evil(lab), alpn="h2")


def no_protocol(lab):
    knock(lab, 2007, evil(lab), alpn=None)


def another_version(lab):
    mark = lab.mark()
    s = Session(lab.connect("mallory", "b"), evil(lab), hello=False)
    s.send(frames.HELLO, frames.hello_body(7, 9))
    s.receive()
    equal(s.end().code, 3004, "code")
    lab.await_log("b", "KR-3004", mark)


def an_older_host(lab):
    """It spoke before logs were shown and policies named."""
    mark = lab.mark()
    s = Session(lab.connect("mallory", "b"), evil(lab), speaks=(1, 1))
    end = s.end()
    equal(end.code, 3004, "code")
    check("speaks version 1 to 1, this host 2 to %d" % frames.VERSION in
          end.what, end.what)
    lab.await_log("b", r"\(peer\.py\) speaks version 1 to 1.*KR-3004|"
                  r"KR-3004.*\(peer\.py\) speaks version 1 to 1", mark)


def struck_off(lab):
    other = Identity.make(folder(lab, "brief"), "brief")
    lab.korora("b", "host", "add", "brief", "10.77.0.66:7300",
               "--fingerprint", other.fingerprint)
    s = Session(lab.connect("mallory", "b"), other)
    equal(lab.korora("b", "host", "remove", "brief").rc, 0, "host remove")
    check(isinstance(s.end(), Closed), "its session stays")
    knock(lab, 2002, other)


def an_offer_of_another_host(lab):
    me, mark = evil(lab), lab.mark()
    s = Session(lab.connect("mallory", "b"), me)
    definition = lab.korora("a", "vm", "show", "dirtier").json["definition"]
    o = statements.Offer(me, "b", certs.keyid(host_identity(lab, "b")),
                         definition, s.binding, epoch=99, from_name="a")
    s.send(frames.OFFER, o.body())
    kind, body = s.receive()
    equal((kind, frames.reason(body)[0]), (frames.FAIL, 2004), "answer")
    s.close()
    lab.await_log("b", "KR-2004", mark)
    lab.runs("a")


# ---- a lured to mallory ---------------------------------------------------

def server_speaks_tls_1_2(lab):
    lure(lab, 2006, evil(lab), version=ssl.TLSVersion.TLSv1_2)


def server_is_a_stranger(lab):
    lure(lab, 2002, Identity.make(folder(lab, "stranger2"), "evil"))


def server_expired(lab):
    i = copy(lab, evil(lab), "expired2")
    certify(i.crt, "evil", key=i.key, start=-7200, end=-3600)
    lure(lab, 2003, i.make_link())


def server_has_an_expired_link(lab):
    i = copy(lab, evil(lab), "stale2")
    lure(lab, 2003, i.make_link(start=-7200, end=-3600))


def server_claims_to_be_b(lab):
    i = copy(lab, evil(lab), "named-b")
    certify(i.crt, "b", key=i.key)
    lure(lab, 2004, i.make_link("b"))


def server_is_another_enrolled_host(lab):
    """a wants `decoy` at this address and meets `evil`, enrolled as well."""
    other = Identity.make(folder(lab, "decoy"), "decoy")
    lab.korora("a", "host", "add", "decoy", "10.77.0.66:7300",
               "--fingerprint", other.fingerprint)
    lure(lab, 2004, evil(lab), to="decoy")


def server_with_a_stolen_certificate(lab):
    """b's address is taken over by one with b's public certificate."""
    address = lab.korora("a", "host", "show", "b").json
    try:
        lab.korora("a", "host", "remove", "b")
        lab.korora("a", "host", "add", "b", "10.77.0.66:7300",
                   "--fingerprint", address["fingerprint"])
        lure(lab, 2011, steal(lab, "b", "thief2-issuer"), to="b")
        lure(lab, 2002, steal(lab, "b", "thief2"), to="b")
    finally:
        lab.korora("a", "host", "remove", "b")
        lab.korora("a", "host", "add", "b", "10.77.0.2:7300",
                   "--fingerprint", address["fingerprint"])


def server_speaks_another_protocol(lab):
    lure(lab, 2007, evil(lab), alpn=None)


def server_is_older(lab):
    lure(lab, 3004, evil(lab), speaks=(1, 1))


def server_is_not_tls(lab):
    mark = lab.mark()
    with lab.network("mallory"):
        l = socket.create_server((ADDRESS["mallory"], PORT))

    def answer():
        with contextlib.suppress(OSError):
            s, _ = l.accept()
            s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            s.recv(65536)
            s.close()

    t = threading.Thread(target=answer, daemon=True)
    t.start()
    evil(lab)
    r = lab.migrate("a", "evil")
    l.close()
    lab.refused(r, "KR-2009", "KR-2006", status="refused")
    lab.await_log("a", r.code, mark)


def nobody_is_there(lab):
    evil(lab)
    r = lab.migrate("a", "evil")
    lab.refused(r, "KR-2001", status="refused")


def after_all_that(lab):
    lab.works()
    for h in "ab":
        equal(lab.korora(h, "log", "verify").rc, 0, "log verify on " + h)


def b_does_not_know_a(lab):
    """One-sided trust: b's refusal reaches a's user."""
    fp = lab.korora("b", "host", "show", "a").json["fingerprint"]
    equal(lab.korora("b", "host", "remove", "a").rc, 0, "host remove")
    mark = lab.mark()
    r = lab.migrate("a", "b")
    lab.korora("b", "host", "add", "a", "10.77.0.1:7300", "--fingerprint", fp)
    lab.refused(r, "KR-2012", status="refused")
    lab.await_log("a", "KR-2012", mark)
    lab.await_log("b", "KR-2002", mark)
    lab.works()


# ---- a fleet's authority --------------------------------------------------

def fleet(lab):
    """A CA that signed a's and b's identities, as korora init asks for."""
    lab.korora("a", "vm", "stop", "dirtier", "--force")
    lab.ca = (lab.dir + "/ca.crt", lab.dir + "/ca.key")
    certs.new_key(lab.ca[1])
    certify(lab.ca[0], "Fleet", key=lab.ca[1], exts=certs.CA_EXTS)
    for h in "ab":
        lab.lab("daemon", h, "stop")
        root = "%s/%s" % (lab.dir, h)
        shutil.rmtree(root + "/var/lib/korora")
        for kind in ("key", "crt"):
            os.unlink("%s/etc/korora/identity.%s" % (root, kind))
        csr, crt = root + "/request.pem", root + "/signed.pem"
        r = lab.korora(h, "init", "--name", h, "--ca-request", csr)
        equal(r.rc, 0, "init --ca-request: %r" % r)
        certify(crt, h, csr=csr, ca=lab.ca)
        r = lab.korora(h, "init", "--name", h, "--cert", crt)
        equal(r.rc, 0, "init --cert: %r" % r)
        lab.lab("daemon", h, "start")
    for h, other in ("ab", "ba"):
        r = lab.korora(h, "trust", "add", "fleet", lab.ca[0])
        equal(r.rc, 0, "trust add: %r" % r)
        r = lab.korora(h, "host", "add", other, ADDRESS[other] + ":7300")
        equal(r.rc, 0, "host add: %r" % r)


def fleet_hosts_trust_each_other(lab):
    fleet(lab)
    os.unlink(lab.dir + "/a/var/lib/korora/console/dirtier.log") \
        if lab.console("a") else None
    r = lab.korora("a", "vm", "define", lab.dir + "/images/dirtier.vm")
    equal(r.rc, 0, "vm define: %r" % r)
    equal(lab.korora("a", "vm", "start", "dirtier").rc, 0, "vm start")
    lab.until(lambda: lab.ticks("a") > 1, "the VM's first words")
    lab.works()
    equal(lab.korora("a", "trust", "list").json["trusts"][0]["name"], "fleet",
          "trust list")


def fleet_name_not_enrolled(lab):
    knock(lab, 2002, Identity.make(folder(lab, "c"), "c", ca=lab.ca))


def fleet_name_by_another_ca(lab):
    other = (lab.dir + "/other.crt", lab.dir + "/other.key")
    certs.new_key(other[1])
    certify(other[0], "Fleet", key=other[1], exts=certs.CA_EXTS)
    knock(lab, 2011, Identity.make(folder(lab, "a2"), "a", ca=other))
    knock(lab, 2011, Identity.make(folder(lab, "a3"), "a"))


def fleet_host_claims_anothers_name(lab):
    """x is a good host of the fleet; its link certificate says a."""
    x = Identity.make(folder(lab, "x"), "x", ca=lab.ca)
    lab.korora("b", "host", "add", "x", "10.77.0.66:7300")
    Session(lab.connect("mallory", "b"), x).close()
    lab.await_log("b", "session with x .* up")
    knock(lab, 2004, x.make_link("a"))


def fleet_host_signs_for_another(lab):
    """x's identity is a CA: what it issues to `a` must not count."""
    x = Identity(folder(lab, "x"))
    i = Identity.make(folder(lab, "sub"), "a", ca=(x.crt, x.key))
    with open(x.crt) as f, open(i.crt, "a") as out:
        out.write(f.read())
    knock(lab, 2011, i)


def fleet_expired(lab):
    knock(lab, 2003, Identity.make(folder(lab, "a4"), "a", ca=lab.ca,
                                   start=-7200, end=-3600))


def fleet_server_has_another_name(lab):
    x = Identity(folder(lab, "x"))
    x.make_link()
    for name in "xy":
        lab.korora("a", "host", "add", name, "10.77.0.66:7300")
    lure(lab, 2004, x, to="y")


def fleet_revoked(lab):
    lab.works()
    equal(lab.korora("b", "trust", "remove", "fleet").rc, 0, "trust remove")
    mark = lab.mark()
    r = lab.migrate("a", "b")
    try:
        lab.refused(r, "KR-2012", status="refused")
        lab.await_log("b", "KR-20(02|11)", mark)
    finally:
        lab.korora("b", "trust", "add", "fleet", lab.ca[0])
    lab.works()


if __name__ == "__main__":
    run([
        (dict(vm="dirtier", mem=64, conf={"host": {"peer_timeout_s": 3}}), [
            an_enrolled_host_is_let_in, tls_1_2, no_certificate, a_stranger,
            a_stranger_called_a, a_self_signed_link,
            a_link_without_its_identity, expired_identity,
            identity_of_tomorrow, expired_link_certificate,
            right_key_wrong_name, link_for_another_name, stolen_certificate,
            identity_that_is_no_ca, wrong_protocol, no_protocol,
            another_version, an_older_host, struck_off, an_offer_of_another_host,
            server_speaks_tls_1_2, server_is_a_stranger, server_expired,
            server_has_an_expired_link, server_claims_to_be_b,
            server_is_another_enrolled_host, server_with_a_stolen_certificate,
            server_speaks_another_protocol, server_is_older, server_is_not_tls,
            nobody_is_there, b_does_not_know_a, after_all_that]),
        (dict(vm="dirtier", mem=64, up=["--no-trust"]), [
            fleet_hosts_trust_each_other, fleet_name_not_enrolled,
            fleet_name_by_another_ca, fleet_host_claims_anothers_name,
            fleet_host_signs_for_another, fleet_expired,
            fleet_server_has_another_name, fleet_revoked]),
    ])
