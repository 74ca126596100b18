#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A data plane that lies about what it sent or delivered in the end.

Stands between kororad and the real agent and passes on what they say, but for
one bit of the RAM root in MANIFEST. What is said of the split is left as it
is. kororad starts it in the agent's place:

    liar.py AGENT UID GID         with kororad's channel as descriptor 3

install() makes a folder of agents in which this is the data plane.
"""
import os
import select
import socket
import subprocess
import sys

CHANNEL = 3
MANIFEST = b"\x03\x83"
ROOT = 4		# behind type, version and opaque
BYTES_MAX = 65536
FDS_MAX = 32


def install(folder, agents):
    """Fill folder with the agents of another, for KORORA_LIBEXEC."""
    os.makedirs(folder)
    for name in os.listdir(agents):
        os.symlink("%s/%s" % (agents, name), "%s/%s" % (folder, name))
    path = folder + "/korora-plane"
    os.remove(path)
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec %s %s %s/korora-plane \"$@\"\n" % (
            sys.executable, os.path.realpath(__file__), agents))
    os.chmod(path, 0o755)


def lie(message):
    if message[:2] != MANIFEST:
        return message
    return message[:ROOT] + bytes([message[ROOT] ^ 1]) + message[ROOT + 1:]


def pass_on(source, to, change):
    """One message; False at the end."""
    data, fds, _, _ = socket.recv_fds(source, BYTES_MAX, FDS_MAX)
    if not data:
        return False
    socket.send_fds(to, [change(data)], fds)
    for fd in fds:
        os.close(fd)
    return True


def main():
    daemon = socket.socket(fileno=os.dup(CHANNEL))
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(its.fileno(), CHANNEL)
    agent = subprocess.Popen(sys.argv[1:], pass_fds=[CHANNEL])
    its.close()
    os.close(CHANNEL)
    ways = {daemon: (ours, bytes), ours: (daemon, lie)}
    try:
        while all(pass_on(s, *ways[s]) for s in select.select(
                list(ways), [], [])[0]):
            pass
    except OSError:
        pass		# one of them hung up
    ours.close()
    daemon.close()
    agent.wait()


if __name__ == "__main__":
    main()
