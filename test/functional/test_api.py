# SPDX-License-Identifier: Apache-2.0
"""Hostile clients of the local API."""
import contextlib
import json
import socket

from hostile import LAB, harmless
from labrun import check, equal, run


def asked(lab, host, line):
    answer = lab.api(host, line + b"\n")
    check(answer and "error" in answer, "answer: %s" % answer)
    return answer["error"]["code"]


@harmless
def malformed_requests(lab):
    for line in (b"", b"{", b"[]", b"null", b"42", b'"x"', b"\xff\xfe\x00",
                 b'{"id":1}', b'{"method":1}', b'{"id":1,"method":"vm.list",'
                 b'"params":[]}', b'{"id":1,"id":2,"method":"info"}',
                 b'{"id":1,"method":"vm.show","params":{"name":7}}',
                 b'{"id":1,"method":"vm.show","params":{"name":"\\u0000"}}'):
        equal(asked(lab, "b", line), "KR-1001", "code of %r" % line)
    for name in ("../../etc/passwd", "%s%n", "x" * 5000, "a\nb", "é"):
        code = asked(lab, "b", json.dumps({
            "id": 1, "method": "vm.show", "params": {"name": name}}).encode())
        check(code in ("KR-1001", "KR-1004"), "%s: %s" % (name[:30], code))


@harmless
def deep_and_huge_requests(lab):
    for opening in (b"[", b'{"a":'):
        equal(asked(lab, "b", opening * 10000), "KR-1001", "deep nesting")
    for data in (b"[" * 100000 + b"\n", b'{"a":' * 100000 + b"\n",
                 b'{"id":1,"method":"vm.show","params":{"name":"' +
                 b"x" * 70000 + b'"}}\n',
                 b'{"id":1,"method":"vm.define","params":{"text":"' +
                 b"x" * (2 << 20) + b'","file":"x"}}\n'):
        answer = lab.api("b", data)
        code = answer["error"]["code"] if answer else None
        check(code in ("KR-1001", "KR-1004", "KR-1011"), "code %s" % code)


@harmless
def slow_and_idle_clients_of_the_api(lab):
    """More than may be connected; root still is served when they have gone."""
    held = []
    for _ in range(80):
        s = socket.socket(socket.AF_UNIX)
        s.connect(lab.api_path("b"))
        with contextlib.suppress(OSError):
            s.send(b"{")
        held.append(s)
    for s in held:
        s.close()
    lab.until(lambda: lab.korora("b", "info").rc == 0, "answer")


@harmless
def client_that_never_reads(lab):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(lab.api_path("b"))
        s.settimeout(2)
        with contextlib.suppress(OSError):
            for _ in range(20000):
                s.send(b'{"id":1,"method":"log.show","params":{"limit":99}}\n')
        equal(lab.korora("b", "info").rc, 0, "exit of info meanwhile")


@harmless
def pipelined_requests(lab):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(lab.api_path("b"))
        s.settimeout(60)
        s.sendall(b"".join(b'{"id":%d,"method":"info"}\n' % i
                           for i in range(200)))
        f = s.makefile("rb")
        equal([json.loads(f.readline())["id"] for _ in range(200)],
              list(range(200)), "ids of the answers")


if __name__ == "__main__":
    run([(LAB, [
        malformed_requests, deep_and_huge_requests,
        slow_and_idle_clients_of_the_api, client_that_never_reads,
        pipelined_requests])])
