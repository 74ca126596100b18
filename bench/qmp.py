# SPDX-License-Identifier: Apache-2.0
"""qmp - QEMU's control connection, as the benchmarks need it"""
import json
import os
import socket
import time

WAIT_S = 60


class Failed(RuntimeError):
    """QEMU gave the migration up."""


class Qmp:
    """One control connection, from this thread alone."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        # by way of its folder: a socket's name is at most 107 bytes
        folder = os.open(os.path.dirname(path), os.O_PATH)
        end = time.monotonic() + 10
        try:
            while True:
                try:
                    self.sock.connect(f"/proc/self/fd/{folder}/"
                                      + os.path.basename(path))
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)
        finally:
            os.close(folder)
        self.sock.settimeout(WAIT_S)
        self.buffer = b""
        self.events = []
        self.read()
        self.ask("qmp_capabilities")

    def read(self):
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise RuntimeError("QEMU closed its control connection")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, **arguments):
        self.sock.sendall(json.dumps({"execute": command, "arguments":
                                      arguments}).encode() + b"\n")
        while True:
            m = self.read()
            if "event" in m:
                self.events.append(m)
            elif "error" in m:
                raise RuntimeError(f"{command}: {m['error']['desc']}")
            else:
                return m["return"]

    def wait(self, want, timeout_s=WAIT_S, **data):
        """The time of an event in ms, since the epoch; or TimeoutError."""
        end = time.monotonic() + timeout_s
        while True:
            for m in self.events:
                if m["event"] == want and data.items() <= \
                        m.get("data", {}).items():
                    t = m["timestamp"]
                    return t["seconds"] * 1e3 + t["microseconds"] / 1e3
                if m["event"] == "MIGRATION" and \
                        m["data"]["status"] == "failed":
                    raise Failed("QEMU's own migration failed")
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {want} within {timeout_s:.0f} s")
            self.sock.settimeout(left)
            try:
                self.events.append(self.read())
            finally:
                self.sock.settimeout(WAIT_S)
