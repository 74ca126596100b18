# SPDX-License-Identifier: Apache-2.0
"""peers - QEMU's own ways from host to host

Two QEMUs with the very command line that kororad uses, one in each host's
network, and between them QEMU's own transport. Both are started for the run
and ended after it.
"""
import os
import re
import shutil
import subprocess
import time

import guest
from meter import Meter
from qmp import Failed, Qmp

PORT = 7411
CHANNELS = 2
UNLIMITED = (1 << 63) - 1
END_S = 10


def make_tls(folder):
    """An authority and a certificate for either end, for a day."""
    os.makedirs(folder, exist_ok=True)

    def openssl(name, cn, *more):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             f"/CN={cn}", "-keyout", f"{name}-key.pem", "-out",
             f"{name}-cert.pem", *more],
            cwd=folder, check=True, capture_output=True)

    openssl("ca", "bench", "-addext", "keyUsage=critical,keyCertSign")
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        openssl(name, "peer", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem",
                "-addext", "subjectAltName=DNS:peer",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "keyUsage=critical,digitalSignature",
                "-addext", f"extendedKeyUsage={usage}")


class End:
    """One QEMU of the two."""

    def __init__(self, g, host, words, folder):
        self.host, self.folder = host, folder
        os.makedirs(folder)
        with open(f"{folder}/qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                g.inside(host) + words, cwd=folder, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "KORORA_LAB": g.folder})
        try:
            self.qmp = Qmp(f"{folder}/qmp.sock")
        except Exception:
            self.end()
            raise

    def end(self):
        self.process.kill()
        self.process.wait(END_S)


class Peer:
    """A contender: QEMU with some of its features."""

    def __init__(self, name, multifd=False, tls=False, compression=None):
        self.name, self.multifd, self.tls = name, multifd, tls
        self.compression = compression
        self.ends, self.n = [], 0

    def words(self, g, like):
        """@like, kororad's command line, less what is tied to kororad."""
        words = []
        for w in like:
            w = re.sub(r"logfile=[^,]*", "logfile=console.log", w)
            # its tap is gone; the guest does not see what a nic hangs on
            w = re.sub(r"tap,id=([^,]*),.*", r"hubport,id=\1,hubid=0", w)
            words.append(w)
        words.remove("-S")
        return words

    def start(self, g, host, incoming):
        self.n += 1
        words = list(g.command_line)
        if incoming:                    # its memory is nobody's file
            for flag, text in (("-object", "memory-backend-file"),
                               ("-machine", "memory-backend=")):
                for i in range(len(words) - 1):
                    if words[i] == flag and words[i + 1].startswith(text):
                        del words[i:i + 2]
                        break
            words += ["-incoming", "defer"]
        end = End(g, host, self.words(g, words),
                  f"{g.folder}/{self.name}/{self.n}")
        self.ends.append(end)
        return end

    def set_up(self, g, end, server, limit_ms):
        ask = end.qmp.ask
        on = ["events", "return-path"] + ["multifd"] * self.multifd
        ask("migrate-set-capabilities", capabilities=[
            {"capability": c, "state": True} for c in on])
        p = {"max-bandwidth": UNLIMITED, "downtime-limit": limit_ms}
        if self.multifd:
            p["multifd-channels"] = CHANNELS
        if self.compression:
            p["multifd-compression"] = self.compression
        if self.tls:
            # a second set of credentials of this QEMU has another name
            name = f"tls-{len(end.qmp.events)}-{time.monotonic_ns()}"
            ask("object-add", **{
                "qom-type": "tls-creds-x509", "id": name,
                "dir": f"{g.folder}/tls", "verify-peer": True,
                "endpoint": "server" if server else "client"})
            p["tls-creds"] = name
            p["tls-hostname"] = "" if server else "peer"
        ask("migrate-set-parameters", **p)

    def move(self, g, src, to, o):
        """From @src to a new QEMU; that one, and the record."""
        dst = self.start(g, to, incoming=True)
        uri = f"tcp:{guest.ADDRESS[to]}:{PORT}"
        self.set_up(g, dst, True, o.limit_ms)
        self.set_up(g, src, False, o.limit_ms)
        dst.qmp.ask("migrate-incoming", uri=uri)
        meter = Meter({"src": src.process.pid, "dst": dst.process.pid},
                      g.daemon("a"), fresh=("dst",))
        src.qmp.events, dst.qmp.events = [], []
        r = {"total_ms": None, "downtime_ms": None, "why": None}
        meter.start()
        began = time.time() * 1e3
        try:
            src.qmp.ask("migrate", uri=uri)
            end = src.qmp.wait("MIGRATION", o.limit_s, status="completed")
            end = max(end, dst.qmp.wait("MIGRATION", status="completed"),
                      resumed := dst.qmp.wait("RESUME"))
            r["total_ms"] = round(end - began, 1)
            r["downtime_ms"] = round(resumed - src.qmp.wait("STOP"), 1)
        except TimeoutError:
            r["why"] = f"not in {o.limit_s} s"
        except Failed as e:
            r["why"] = str(e)
        r.update(meter.stop())
        try:
            r["rounds"] = src.qmp.ask("query-migrate")["ram"][
                "dirty-sync-count"]
        except (KeyError, RuntimeError, OSError):
            r["rounds"] = None
        return dst, r

    def run(self, g, o):
        if self.tls and not os.path.exists(f"{g.folder}/tls"):
            make_tls(f"{g.folder}/tls")
        g.fresh()
        try:
            at = self.start(g, "a", incoming=False)
            g.wait_up(f"{at.folder}/console.log")
            time.sleep(g.case.settle_s)
            at, r = self.move(g, at, "b", o)
            if g.case.back and r["total_ms"] is not None:
                time.sleep(g.case.settle_s)
                self.ends[0].end()
                _, back = self.move(g, at, "a", o)
                back["first"] = r
                r = back
            return r
        finally:
            self.end()

    def end(self):
        for e in self.ends:
            e.end()
            shutil.rmtree(e.folder, ignore_errors=True)
        self.ends = []


def versions():
    out = subprocess.run(["qemu-system-x86_64", "--version"], text=True,
                         capture_output=True, check=True).stdout
    return {"qemu": out.split("version ")[1].split()[0]}


CONTENDERS = [
    Peer("qemu"),
    Peer("qemu-tls", tls=True),
    Peer("qemu-multifd", multifd=True),
    Peer("qemu-multifd-tls", multifd=True, tls=True),
    Peer("qemu-multifd-zstd", multifd=True, compression="zstd"),
    Peer("qemu-multifd-zstd-tls", multifd=True, tls=True, compression="zstd"),
]
