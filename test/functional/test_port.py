# SPDX-License-Identifier: Apache-2.0
"""Who comes to b's port with no manners, or in numbers."""
import contextlib
import os
import socket
import threading
import time

from hostile import LAB, RSS_GROWTH_KB, children, frame, harmless, session
from labrun import check, equal, run
import frames
from peer import Closed


@harmless
def garbage_at_the_port(lab):
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(100000), b"K", b"KRLN",
                 b"\x16", b"\x16\x03\x01\xff\xff" + os.urandom(70000),
                 b"KRLN" + os.urandom(20), frames.preamble(os.urandom(16)),
                 frames.preamble(os.urandom(16), version=9), b""):
        with lab.connect("mallory", "b") as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(1)
                while s.recv(65536):
                    pass
    for code in (3001, 3007, 3004):
        lab.await_log("b", r"10\.77\.0\.66.* KR-%d" % code, lab.since)


@harmless
def half_closed_connections(lab):
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            s = stack.enter_context(lab.connect("mallory", "b"))
            s.shutdown(socket.SHUT_WR)
        s = session(lab)
        s.send(frames.BYE, frames.word())
        s.end()


@harmless
def one_byte_a_second(lab):
    """Before the handshake, in it, and after it, all at the same time; and
    others are served meanwhile."""
    slow = [(lab.connect("mallory", "b"), b"\x16\x03\x01\x02\x00\x01" * 20)
            for _ in range(3)]
    slow += [(lab.connect("mallory", "b"), frames.preamble(bytes(16)))]
    s = session(lab)
    start = time.monotonic()
    over = {}

    def drip(i, sock, data):
        with contextlib.suppress(OSError):
            for k in range(len(data)):
                sock.sendall(data[k:k + 1])
                sock.settimeout(1)
                try:
                    if not sock.recv(100):
                        break
                except (socket.timeout, TimeoutError):
                    pass
        over[i] = time.monotonic() - start

    def drip_frames():
        with contextlib.suppress(OSError, Closed):
            for byte in frame(frames.OFFER, b"x" * 900):
                s.raw(bytes([byte]))
                time.sleep(1)
        over["session"] = time.monotonic() - start

    threads = [threading.Thread(target=drip, args=(i, *x), daemon=True)
               for i, x in enumerate(slow)]
    threads.append(threading.Thread(target=drip_frames, daemon=True))
    for t in threads:
        t.start()
    lab.works()
    for t in threads:
        t.join(20)
    check(len(over) == len(threads), "some hold on after 20 s: %s" % over)
    lab.await_log("b", r"10\.77\.0\.66.* KR-2013", lab.since)
    lab.await_log("b", r"from evil .* KR-2013", lab.since)


@harmless
def many_idle_connections(lab):
    """100 connections that say nothing: most are turned away, the limit holds,
    and a host is served at once: no address gets all the places."""
    lab.restart("a")	# no session is left that need not be opened
    held = [lab.connect("mallory", "b") for _ in range(100)]
    lab.await_log("b", "KR-2016", lab.since)
    rss = lab.rss_kb("b")
    agents = [p for p in children(lab.pid("b"))]
    check(len(agents) <= 40, "%d agents" % len(agents))
    r = lab.migrate("a", "b")
    equal(r.rc, 0, "migrate in spite of idle connections: %r" % r)
    idle = len(children(lab.pid("b")))
    check(idle > 10, "only %d agents are left: it had to wait" % idle)
    check(lab.rss_kb("b") < rss + RSS_GROWTH_KB, "it grows")
    for s in held:
        s.close()
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")
    lab.until(lambda: len(children(lab.pid("b"))) < 8, "end of the agents")


@harmless
def all_places_taken(lab):
    """Who is turned away is told so in the hint: the cause is in b's log."""
    lab.restart("a")	# no session is left
    with contextlib.ExitStack() as stack:
        for host in ("mallory", "client"):
            for _ in range(20):
                stack.callback(lab.connect(host, "b").close)
        lab.await_log("b", r"KR-2016.* 10\.77\.0\.9:", lab.since)
        r = lab.korora("a", "doctor", "--to", "b")
        lab.await_log("b", r"KR-2016.* 10\.77\.0\.1:", lab.since)
    bad = [c for c in r.json["checks"] if not c["ok"]]
    equal((r.rc, [c["code"] for c in bad]), (1, ["KR-2015"]), "doctor: %r" % r)
    check("KR-2016" in bad[0]["hint"], "the hint: %s" % bad[0]["hint"])
    lab.until(lambda: len(children(lab.pid("b"))) < 8, "end of the agents")


@harmless
def flood_of_idle_connections(lab):
    """mallory opens new ones as fast as he is turned away; a's come too."""
    lab.restart("a")
    going, opened = True, [0]

    def flood():
        held = []
        while going:
            with contextlib.suppress(OSError):
                held.append(lab.connect("mallory", "b", 1))
                opened[0] += 1
            for s in held[:]:
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    with contextlib.suppress(ConnectionError):
                        if s.recv(1):
                            continue
                    held.remove(s)
                    s.close()
            time.sleep(0.005)
        for s in held:
            s.close()

    t = threading.Thread(target=flood)
    t.start()
    try:
        time.sleep(1)
        lab.await_log("b", "KR-2016", lab.since)
        r, end = None, time.monotonic() + 15
        while time.monotonic() < end and (r is None or r.rc):
            r = lab.migrate("a", "b")
    finally:
        going = False
        t.join()
    equal(r.rc, 0, "migrate in a flood of %d connections: %r" % (opened[0], r))
    equal(lab.migrate("b", "a").rc, 0, "exit of the way back")


if __name__ == "__main__":
    run([(LAB, [
        garbage_at_the_port, half_closed_connections, one_byte_a_second,
        many_idle_connections, all_places_taken, flood_of_idle_connections])])
