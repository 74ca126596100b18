# SPDX-License-Identifier: Apache-2.0
"""Approvals: signed with keys in files, tokens and TPMs, and whose count."""
import base64
import glob
import json
import os
import pty
import select
import sqlite3
import subprocess
import time

from labrun import Process, Result, check, equal, openssl, run

NOBODY, DAEMON, GAMES = 65534, 1, 5	# ordinary users of every Debian system
NAME = {NOBODY: "nobody", DAEMON: "daemon"}
SOFTHSM = os.environ.get("PKCS11_MODULE_PATH",
                         "/usr/lib/softhsm/libsofthsm2.so")
PIN, PASSPHRASE, HANDLE = "1234", "some passphrase", "0x81000005"


# ---- what the tests need ----------------------------------------------------

def ask(lab, n=1, needed=1, minutes=60, requester="games"):
    """n requests, as a policy that needs approvals opens them; their ids"""
    lab.lab("daemon", "a", "stop")
    now = int(time.time() * 1000)
    ids = [os.urandom(16) for _ in range(n)]
    db = sqlite3.connect("%s/a/var/lib/korora/korora.db" % lab.dir)
    with db:
        db.executemany(
            "INSERT INTO request VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
            " 'default', 0, 'migrate', 'vm:web1')",
            [(i, "web1", b"\2" * 32, 2, "b", b"\4" * 32, "strict", 3,
              b"\5" * 32, requester, '{"strategy":"precopy"}', needed, now,
              now + minutes * 60000, 0) for i in ids])
    db.close()
    lab.lab("daemon", "a", "start")
    return [i.hex() for i in ids]


def folder(lab):
    """Where users have their keys."""
    path = lab.dir + "/keys"
    if not os.path.isdir(path):
        os.mkdir(path)
        os.chmod(path, 0o777)
    return path


def key_file(lab, name):
    """A new private key and its public half; both paths."""
    key = "%s/%s.pem" % (folder(lab), name)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", key + ".pub")
    os.chmod(key, 0o644)
    return key, key + ".pub"


def enrol(lab, user, public):
    r = lab.korora("a", "user", "key", "add", NAME[user], public)
    equal(r.rc, 0, "user key add %s: %r" % (public, r))
    lab.korora("a", "user", "grant", NAME[user], "approve")
    return r.json["fingerprint"]


def person(lab, user, name):
    """A key in a file, enrolled for a user who may approve."""
    key, public = key_file(lab, name)
    enrol(lab, user, public)
    return key


def decide(lab, word, id, key, user):
    return lab.korora("a", word, id, "--key", key, user=user)


def approved(lab, id, key, user):
    """It is approved with that key, and openssl finds it signed."""
    r = decide(lab, "approve", id, key, user)
    equal((r.rc, r.json and r.json.get("state")), (0, "approved"), repr(r))


def refused(r, code):
    equal((r.rc, r.code), (1, code), repr(r))


def shown(lab, id):
    return lab.told("a", "request", "show", id)


def state(lab, id):
    return shown(lab, id)["state"]


CALL = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(120)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read() + b"\\n")
print(s.makefile("rb").readline().decode())
"""


def hand_in(lab, id, envelope, user):
    """The code with which an envelope that was made elsewhere is refused."""
    line = json.dumps({"id": 1, "method": "approve",
                       "params": {"id": id, "envelope": envelope}})
    r = subprocess.run(lab.argv("a", ["/usr/bin/python3", "-c", CALL,
                                      lab.api_path("a")], user),
                       env=lab.env, input=line, text=True, timeout=30,
                       capture_output=True)
    answer = json.loads(r.stdout)
    return answer["error"]["code"] if "error" in answer else "ok"


def pae(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload),
                                    payload)


def envelope(statement, key):
    """What a person who does not use korora may sign."""
    kind = "application/vnd.in-toto+json"
    payload = json.dumps(statement, sort_keys=True,
                         separators=(",", ":")).encode()
    sig = openssl("dgst", "-sha256", "-sign", key,
                  data=pae(kind, payload)).stdout
    return {"payload": base64.b64encode(payload).decode(),
            "payloadType": kind, "signatures": [
                {"keyid": "", "sig": base64.b64encode(sig).decode()}]}


def statement_of(env):
    return json.loads(base64.b64decode(env["payload"]))


def honest(lab, id, key, user):
    """A statement that would count, to be spoilt."""
    asked = shown(lab, id)["asked"]
    der = openssl("pkey", "-in", key, "-pubout", "-outform", "DER").stdout
    keyid = openssl("dgst", "-sha256", "-binary", data=der).stdout.hex()
    now = int(time.time() * 1000)
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://korora.dev/statement/approval/v1",
        "subject": [{"name": asked["vm"],
                     "digest": {"sha256": asked["definition_sha256"]}}],
        "predicate": dict(asked, decision="approve", nonce="00" * 16,
                          approver={"name": NAME[user], "keyid": keyid},
                          times={"issued_ms": now - 1000,
                                 "expires_ms": now + 60000})}


def typed(lab, secret, *argv, user):
    """A command on a terminal of its own, where secret is typed once."""
    argv = lab.argv("a", list(argv), user)
    pid, fd = pty.fork()
    if not pid:
        os.execvpe(argv[0], argv, lab.env)
    out, told, end = b"", False, time.monotonic() + 120
    try:
        while time.monotonic() < end:
            if not select.select([fd], [], [], 1)[0]:
                continue
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            out += more
            if not told and out.rstrip().endswith(b":"):
                os.write(fd, secret.encode() + b"\n")
                told = True
    finally:
        os.close(fd)
        rc = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Result(rc, out.decode(errors="replace"), ""), told


# ---- where keys are kept ----------------------------------------------------

def a_key_in_a_file(lab):
    key = person(lab, NOBODY, "file")
    id, = ask(lab)
    equal(state(lab, id), "open", "state")
    approved(lab, id, key, NOBODY)
    word, = shown(lab, id)["approvals"]
    equal((word["approver"], word["decision"]), ("nobody", "approve"),
          "approver, decision")
    env = word["envelope"]
    with open(folder(lab) + "/sig", "wb") as f:
        f.write(base64.b64decode(env["signatures"][0]["sig"]))
    openssl("dgst", "-sha256", "-verify", key + ".pub", "-signature",
            folder(lab) + "/sig",
            data=pae(env["payloadType"], base64.b64decode(env["payload"])))
    said = statement_of(env)["predicate"]
    equal((said["vm"], said["to"]["name"], said["policy"]["version"],
           said["requested_by"], said["request"]),
          ("web1", "b", 3, "games", id), "what was signed")
    entry = [e for e in lab.evidence("a") if e["event"] == "request.approved"]
    check(any(e["detail"]["request"] == id and e["envelope"] == env
              for e in entry), "not in the log: %s" % entry)
    equal(lab.korora("a", "log", "verify").rc, 0, "log verify")


def a_key_behind_a_passphrase(lab):
    key, public = key_file(lab, "sealed")
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:" + PASSPHRASE,
            "-out", key + ".enc")
    os.chmod(key + ".enc", 0o644)
    enrol(lab, NOBODY, public)
    id, = ask(lab)
    r, told = typed(lab, "another", "korora", "approve", id, "--key",
                    key + ".enc", user=NOBODY)
    check(told and r.rc == 1 and "KR-8005" in r.out, repr(r))
    equal(state(lab, id), "open", "state")
    r, told = typed(lab, PASSPHRASE, "korora", "approve", id, "--key",
                    key + ".enc", user=NOBODY)
    check(told and r.rc == 0, repr(r))
    # shown before it was asked for
    check(r.out.index("strict, version 3") < r.out.index("pass phrase"),
          "signed unseen: %r" % r)
    equal(state(lab, id), "approved", "state")


def a_key_in_a_token(lab):
    key, public = key_file(lab, "token")
    where = folder(lab) + "/softhsm"
    os.mkdir(where)
    with open(where + ".conf", "w") as f:
        f.write("directories.tokendir = %s\nlog.level = ERROR\n" % where)
    lab.env.update(SOFTHSM2_CONF=where + ".conf", PKCS11_MODULE_PATH=SOFTHSM)
    for args in (["--init-token", "--free", "--so-pin", "12345678"],
                 ["--import", key, "--token", "korora", "--id", "01"]):
        r = subprocess.run(["softhsm2-util", "--module", SOFTHSM, *args,
                            "--label", "korora", "--pin", PIN], env=lab.env,
                           capture_output=True, text=True)
        equal(r.returncode, 0, "softhsm2-util %s: %s" % (args[0], r.stderr))
    for path in [where, *glob.glob(where + "/**", recursive=True)]:
        os.chown(path, NOBODY, NOBODY)
    os.unlink(key)		# from now on it is in the token alone
    enrol(lab, NOBODY, public)
    id, other = ask(lab, 2)
    uri = "pkcs11:token=korora;object=korora;type=private"
    refused(decide(lab, "approve", id, uri + "?pin-value=9999", NOBODY),
            "KR-8005")
    refused(decide(lab, "approve", id, uri + "x?pin-value=" + PIN, NOBODY),
            "KR-8005")
    equal(state(lab, id), "open", "state")
    approved(lab, id, uri + "?pin-value=" + PIN, NOBODY)
    r, told = typed(lab, PIN, "korora", "approve", other, "--key", uri,
                    user=NOBODY)
    check(told and r.rc == 0, repr(r))
    equal(state(lab, other), "approved", "state")


def tpm(lab):
    """A TPM of software that nobody may use, too."""
    where = folder(lab) + "/tpm"
    sockets = [where + "/sock", where + "/sock.ctrl"]
    os.mkdir(where)
    p = Process(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + where,
                 "--server", "type=unixio,path=" + sockets[0],
                 "--ctrl", "type=unixio,path=" + sockets[1],
                 "--flags", "not-need-init,startup-clear"], lab.env)
    lab.processes.append(p)
    lab.until(lambda: all(map(os.path.exists, sockets)) or p.done(), "TPM")
    check(not p.done(), "no swtpm: %s" % (p.done() and p.result()))
    os.chmod(where, 0o755)
    for path in sockets:
        os.chmod(path, 0o666)
    lab.env.update(TPM2TOOLS_TCTI="swtpm:path=%s/sock" % where,
                   TPM2OPENSSL_TCTI="swtpm:path=%s/sock" % where)


def tool(lab, *argv):
    r = subprocess.run(argv, env=lab.env, capture_output=True, text=True,
                       timeout=60)
    equal(r.returncode, 0, "%s: %s" % (" ".join(argv), r.stderr))


def a_key_in_a_tpm(lab):
    tpm(lab)
    keys = folder(lab)
    tool(lab, "tpm2", "createprimary", "-Q", "-C", "o", "-G", "ecc256", "-a",
         "sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth", "-c",
         keys + "/primary")
    tool(lab, "tpm2", "evictcontrol", "-Q", "-C", "o", "-c",
         keys + "/primary", HANDLE)
    tool(lab, "tpm2", "flushcontext", "-Q", "-t")
    tool(lab, "tpm2", "readpublic", "-Q", "-c", HANDLE, "-f", "pem", "-o",
         keys + "/handle.pub")
    tool(lab, "openssl", "genpkey", "-provider", "tpm2", "-provider",
         "default", "-algorithm", "EC", "-pkeyopt", "group:P-256", "-out",
         keys + "/tss2.pem")
    tool(lab, "openssl", "pkey", "-provider", "tpm2", "-provider", "default",
         "-in", keys + "/tss2.pem", "-pubout", "-out", keys + "/tss2.pub")
    os.chmod(keys + "/tss2.pem", 0o644)
    enrol(lab, NOBODY, keys + "/handle.pub")
    enrol(lab, DAEMON, keys + "/tss2.pub")
    id, = ask(lab, needed=2)
    refused(decide(lab, "approve", id, "handle:0x81000077", NOBODY),
            "KR-8005")
    r = decide(lab, "approve", id, "handle:" + HANDLE, NOBODY)
    equal((r.rc, r.json and r.json.get("state")), (0, "open"), repr(r))
    approved(lab, id, keys + "/tss2.pem", DAEMON)
    lab.env["TPM2OPENSSL_TCTI"] = "swtpm:path=/nowhere"
    refused(decide(lab, "approve", id, "handle:" + HANDLE, NOBODY),
            "KR-8005")


# ---- whose word counts ------------------------------------------------------

def the_requester_does_not_approve_himself(lab):
    key = person(lab, NOBODY, "self")
    id, = ask(lab, requester="nobody")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1024")
    # by hand, as someone else, and someone else for him
    said = honest(lab, id, key, DAEMON)
    equal(hand_in(lab, id, envelope(said, key), NOBODY), "KR-1024", "code")
    lab.korora("a", "user", "grant", "daemon", "approve")
    equal(hand_in(lab, id, envelope(said, key), DAEMON), "KR-1026", "code")
    equal((state(lab, id), shown(lab, id)["approvals"]), ("open", []),
          "state, approvals")


def each_counts_once(lab):
    key = person(lab, NOBODY, "once")
    other = person(lab, NOBODY, "twice")
    third = person(lab, DAEMON, "thrice")
    id, = ask(lab, needed=2)
    equal(decide(lab, "approve", id, key, NOBODY).rc, 0, "exit")
    env = shown(lab, id)["approvals"][0]["envelope"]
    equal(hand_in(lab, id, env, NOBODY), "KR-1025", "code")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1025")
    refused(decide(lab, "approve", id, other, NOBODY), "KR-1025")
    equal(hand_in(lab, id, env, DAEMON), "KR-1026", "code")
    equal(state(lab, id), "open", "state")
    approved(lab, id, third, DAEMON)


def a_word_is_for_one_request(lab):
    key = person(lab, NOBODY, "one")
    id, other = ask(lab, 2)
    approved(lab, id, key, NOBODY)
    env = shown(lab, id)["approvals"][0]["envelope"]
    equal(hand_in(lab, other, env, NOBODY), "KR-1027", "code")
    equal(state(lab, other), "open", "state")


def other_vms_hosts_policies_and_times(lab):
    key = person(lab, NOBODY, "other")
    id, = ask(lab)
    now = int(time.time() * 1000)

    def spoilt(path, value):
        said = honest(lab, id, key, NOBODY)
        o = said["predicate"]
        *into, last = path.split(".")
        for k in into:
            o = o[k]
        check(o[last] != value, path)
        o[last] = value
        said["subject"][0]["name"] = said["predicate"]["vm"]
        said["subject"][0]["digest"]["sha256"] = \
            said["predicate"]["definition_sha256"]
        return hand_in(lab, id, envelope(said, key), NOBODY)

    for path, value, code in (
            ("vm", "web2", "KR-1027"),
            ("definition_sha256", "03" * 32, "KR-1027"),
            ("epoch", 3, "KR-1027"),
            ("from.name", "b", "KR-1027"),
            ("from.keyid", "00" * 32, "KR-1027"),
            ("to.name", "mallory", "KR-1027"),
            ("to.keyid", "00" * 32, "KR-1027"),
            ("policy.name", "open", "KR-1027"),
            ("policy.version", 2, "KR-1027"),
            ("policy.sha256", "00" * 32, "KR-1027"),
            ("params_sha256", "00" * 32, "KR-1027"),
            ("requested_by", "daemon", "KR-1027"),
            ("approver.name", "daemon", "KR-1027"),
            ("approver.keyid", "00" * 32, "KR-1026"),
            ("times.issued_ms", now + 3600000, "KR-1028"),
            ("times.expires_ms", now - 500, "KR-1028"),
            ("times.expires_ms", now + 30 * 86400000, "KR-1028"),
            ("decision", "maybe", "KR-3001"),
            ("more", 1, "KR-3001")):
        if path == "more":
            said = honest(lab, id, key, NOBODY)
            said["predicate"]["more"] = 1
            got = hand_in(lab, id, envelope(said, key), NOBODY)
        else:
            got = spoilt(path, value)
        equal(got, code, "%s = %s" % (path, value))
    equal((state(lab, id), shown(lab, id)["approvals"]), ("open", []),
          "state, approvals")
    # and unspoilt it counts
    equal(hand_in(lab, id, envelope(honest(lab, id, key, NOBODY), key),
                  NOBODY), "ok", "an honest one")
    found = [e for e in lab.evidence("a") if e["event"] == "approval-refused"]
    check(any(e["detail"]["user"] == "nobody" and e["detail"]["code"] == 1027
              for e in found), "refusals are not in the log")


def keys_of_nobody_and_of_others(lab):
    key, public = key_file(lab, "unknown")
    mine = person(lab, NOBODY, "known")
    id, = ask(lab)
    lab.korora("a", "user", "grant", "daemon", "approve")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1026")
    refused(decide(lab, "approve", id, mine, DAEMON), "KR-1026")
    said = honest(lab, id, mine, NOBODY)
    equal(hand_in(lab, id, envelope(said, key), NOBODY), "KR-1026",
          "another key's signature under an enrolled key's id")
    fp = enrol(lab, NOBODY, public)
    refused(lab.korora("a", "user", "key", "add", "daemon", public),
            "KR-1007")
    equal(lab.korora("a", "user", "key", "remove", fp).rc, 0, "remove")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1026")
    approved(lab, id, mine, NOBODY)


def keys_that_are_none(lab):
    key, public = key_file(lab, "none")
    for path in (key, lab.dir + "/a/etc/korora/identity.crt", "/etc/passwd"):
        refused(lab.korora("a", "user", "key", "add", "nobody", path),
                "KR-8005")
    p384 = folder(lab) + "/p384"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-384", "-out", p384)
    openssl("pkey", "-in", p384, "-pubout", "-out", p384 + ".pub")
    refused(lab.korora("a", "user", "key", "add", "nobody", p384 + ".pub"),
            "KR-8005")
    r = lab.korora("a", "user", "key", "add", "no-such-user", public)
    equal((r.rc, r.code), (2, "KR-1001"), repr(r))
    r = lab.korora("a", "user", "key", "add", str(NOBODY), public)
    equal((r.rc, r.json["user"]), (0, "nobody"), repr(r))
    listed = lab.told("a", "user", "key", "list")["keys"]
    check(any(k["fingerprint"] == r.json["fingerprint"] for k in listed),
          "%s" % listed)


def without_the_role(lab):
    key = person(lab, NOBODY, "role")
    id, = ask(lab)
    equal(lab.korora("a", "user", "revoke", "nobody", "approve").rc, 0,
          "revoke")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1003")
    lab.korora("a", "user", "grant", "nobody", "operate")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1003")
    lab.korora("a", "user", "revoke", "nobody", "operate")
    equal(state(lab, id), "open", "state")


def denied_is_over(lab):
    key, other = person(lab, NOBODY, "no"), person(lab, DAEMON, "yes")
    id, = ask(lab)
    approved(lab, id, other, DAEMON)
    r = decide(lab, "deny", id[:12], key, NOBODY)
    equal((r.rc, r.json["state"]), (0, "denied"), repr(r))
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1022")
    refused(decide(lab, "deny", id, other, DAEMON), "KR-1022")
    listed = {r["request"]: r for r in
              lab.told("a", "request", "list")["requests"]}
    equal(listed[id]["state"], "denied", "state")
    refused(decide(lab, "approve", "00" * 16, key, NOBODY), "KR-1021")


def expired_is_over(lab):
    key = person(lab, NOBODY, "late")
    id, = ask(lab, minutes=-1)
    equal(state(lab, id), "expired", "state")
    refused(decide(lab, "approve", id, key, NOBODY), "KR-1022")


# ---- what no rule deals with ------------------------------------------------

FLOOD = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(120)
s.connect(sys.argv[1])
f = s.makefile("rb")
for i in range(int(sys.argv[2])):
    s.sendall(json.dumps({"id": i, "method": "vm.start", "params": {
        "name": "web%d" % i}}).encode() + b"\\n")
    print(json.loads(f.readline())["error"]["code"])
"""


def question(r):
    """It was refused, and is a question; the beginning of its id."""
    refused(r, "KR-1003")
    message = r.json["error"]["message"]
    check(message.startswith("request ") and ", a question: " in message,
          message)
    return message.split()[1][:8]


def waiting(lab, kind):
    """As an approver sees them."""
    r = lab.korora("a", "request", "list", user=NOBODY)
    return [q for q in r.json["requests"]
            if (q["kind"], q["state"]) == (kind, "open")]


def no_rule_and_a_question_is_put(lab):
    key = person(lab, NOBODY, "officer")
    wish = ("a", "migrate", "web1", "--to", "b")
    id = question(lab.korora(*wish, user=GAMES))
    equal(question(lab.korora(*wish, user=GAMES)), id, "asked again")
    check(question(lab.korora("a", "vm", "start", "web1", user=GAMES)) != id,
          "another question")
    r = lab.korora("a", "vm", "list", user=GAMES)
    refused(r, "KR-1003")
    check("question" not in r.json["error"]["message"], repr(r))
    lab.korora("a", "user", "revoke", "nobody", "approve")
    refused(lab.korora("a", "request", "list", user=NOBODY), "KR-1003")
    lab.korora("a", "user", "grant", "nobody", "approve")
    q, = [q for q in waiting(lab, "question") if q["request"][:8] == id]
    equal((q["requested_by"], q["procedure"], q["item"], q["vm"], q["to"]),
          ("games", "migrate", "vm:web1", "web1", "b"), "%s" % q)
    check(q["policy_version"] >= 1 and q["policy"], "%s" % q)
    full = q["request"]
    out = lab.exec("a", "korora", "request", "list", user=NOBODY).out
    check("question" in out and "vm:web1" in out, out)
    out = lab.exec("a", "korora", "request", "show", id, user=NOBODY).out
    check("question" in out, out)
    # no word makes it a yes, whoever says it
    r = decide(lab, "approve", id, key, NOBODY)
    refused(r, "KR-1033")
    check("no rule deals with migrate on vm:web1 to b by games" in
          r.json["error"]["message"], repr(r))
    equal(hand_in(lab, full, {"payload": ""}, NOBODY), "KR-1033", "forged")
    refused(decide(lab, "deny", id, key, GAMES), "KR-1003")
    equal(lab.korora("a", "deny", id, user=NOBODY).json["state"], "denied",
          "state")
    equal(state(lab, id), "denied", "state")
    refused(lab.korora("a", "deny", id, user=NOBODY), "KR-1022")
    check(any(e["event"] == "request.denied" and
              (e["detail"]["request"], e["detail"]["kind"],
               e["detail"]["by"]) == (full, "question", "nobody")
              for e in lab.evidence("a")), "not in the log")
    check(question(lab.korora(*wish, user=GAMES)) != id, "asked anew")
    equal(lab.korora("a", "log", "verify").rc, 0, "log verify")


def a_flood_of_questions_pushes_nothing_out(lab):
    key = person(lab, NOBODY, "busy")
    id, = ask(lab)
    r = lab.exec("a", "/usr/bin/python3", "-c", FLOOD, lab.api_path("a"),
                 "300", user=GAMES)
    equal((r.rc, set(r.out.split())), (0, {"KR-1003"}), "%r" % r)
    equal(len(waiting(lab, "question")), 16, "questions")
    equal(waiting(lab, "question")[0]["item"], "vm:web299", "the newest")
    check(id in [q["request"] for q in waiting(lab, "approval")], "pushed out")
    approved(lab, id, key, NOBODY)


if __name__ == "__main__":
    run([(dict(vm=None), [
        a_key_in_a_file, a_key_behind_a_passphrase, a_key_in_a_token,
        a_key_in_a_tpm, the_requester_does_not_approve_himself,
        each_counts_once, a_word_is_for_one_request,
        other_vms_hosts_policies_and_times, keys_of_nobody_and_of_others,
        keys_that_are_none, without_the_role, denied_is_over,
        expired_is_over, no_rule_and_a_question_is_put,
        a_flood_of_questions_pushes_nothing_out])])
