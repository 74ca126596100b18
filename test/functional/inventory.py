# SPDX-License-Identifier: Apache-2.0
"""What a host of a lab holds: processes, devices, files, descriptors.

An inventory is a Counter of lines, so two of them are subtracted to see what
is left over, and what is missing. Everything is read from /proc and from the
host's folder; nothing here asks kororad.
"""
import collections
import contextlib
import os
import re
import socket
import struct

PORT = 7300
ESTABLISHED = "01"


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def pids():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def stat(pid):
    """(name, state, parent), (None, None, 0) if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            head, tail = f.read().rsplit(")", 1)
    except OSError:
        return None, None, 0
    return head.split("(", 1)[1], tail.split()[0], int(tail.split()[1])


def descriptors(pid, first=0):
    found = []
    with contextlib.suppress(OSError):
        found = [d for d in os.listdir(f"/proc/{pid}/fd") if int(d) >= first]
    return [t for t in (link(f"/proc/{pid}/fd/{d}") for d in found) if t]


def namespace(pid):
    return link(f"/proc/{pid}/ns/net")


def below(folder, path):
    return path == folder or path.startswith(folder + "/")


def inside(folder, spaces):
    """Every process in one of the network namespaces, or with its root, its
    working folder, a descriptor or a word of its command line in folder."""
    found = []
    for p in pids():
        if p == os.getpid():
            continue
        words = b""
        with contextlib.suppress(OSError), open(f"/proc/{p}/cmdline",
                                                "rb") as f:
            words = f.read()
        if (namespace(p) in spaces or folder.encode() + b"/" in words or
                any(below(folder, t) for t in (
                    link(f"/proc/{p}/root"), link(f"/proc/{p}/cwd"),
                    *descriptors(p)))):
            found.append(p)
    return found


def processes(folder, daemon):
    """Each with its parent, but for the hypervisor, which outlives it."""
    lines = []
    for p in inside(folder, [namespace(daemon)]):
        name, state, parent = stat(p)
        if not name or state == "Z":
            continue
        whose = stat(parent)[0] if parent == daemon else "nobody here"
        lines.append(f"process {name}" if p == daemon or
                     name.startswith("qemu") else
                     f"process {name} of {whose}")
    lines += [f"zombie {stat(p)[0]}" for p in pids()
              if stat(p)[1:] == ("Z", daemon)]
    return lines


def devices(daemon):
    with open(f"/proc/{daemon}/net/dev") as f:
        names = [line.split(":")[0].strip() for line in f if ":" in line]
    return ["device " + re.sub(r"^krt\d+$", "krt", n) for n in names]


def files(folder, sub):
    """Paths below folder, with their kind at the end."""
    lines = []
    for top, dirs, names in os.walk(os.path.join(folder, sub)):
        at = os.path.relpath(top, folder)
        lines += [f"file {at}/{d}/" for d in dirs]
        for n in names:
            with contextlib.suppress(OSError):
                mode = os.lstat(os.path.join(top, n)).st_mode
                lines.append(f"file {at}/{n}" +
                             ("=" if mode >> 12 == 0o14 else ""))
    return lines


def opened(folder, daemon):
    """kororad's descriptors by what they are, but for those it was given."""
    lines = []
    for t in descriptors(daemon, 3):
        t = re.sub(r"^(socket|pipe):\[\d+\]$", r"\1", t)
        lines.append("descriptor " + (
            os.path.relpath(t, folder) if below(folder, t) else t))
    return lines


def address(text):
    ip, port = text.split(":")
    return (socket.inet_ntoa(struct.pack("=I", int(ip, 16))), int(port, 16))


def sessions(daemon):
    """(this end, other end) of each link agent's connection; (None, pid) of
    an agent that has none, or not one alone, or a broken one."""
    tcp = {}
    with open(f"/proc/{daemon}/net/tcp") as f:
        for line in f.readlines()[1:]:
            w = line.split()
            if w[3] == ESTABLISHED:
                tcp[f"socket:[{w[9]}]"] = (address(w[1]), address(w[2]))
    ends = []
    for p in pids():
        if stat(p) == ("korora-link", stat(p)[1], daemon):
            own = [tcp[t] for t in descriptors(p) if t in tcp]
            ends.append(own[0] if len(own) == 1 else (None, p))
    return ends


def take(folder, daemon):
    """The inventory of a host: its folder, its kororad's pid. Sessions are
    left out, sessions() tells of them."""
    found = collections.Counter(
        processes(folder, daemon) + devices(daemon) + files(folder, "run") +
        files(folder, "var") + opened(folder, daemon))
    n = len(sessions(daemon))
    found.subtract({"process korora-link of kororad": n,
                    "descriptor socket": n})
    return +found
