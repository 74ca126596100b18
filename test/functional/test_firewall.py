# SPDX-License-Identifier: Apache-2.0
"""The firewall of a VM: what it lets pass and what not, from its start to its
end, beside the host's own; and that it moves with the VM."""
import os
import re
import signal
import socket
import struct

from labrun import Lab, check, equal, run

VM = "10.77.0.10"
OTHER = "10.77.0.11"		# an address that is not the VM's
RULES = """# who may what
address eth0 %s
set vm_friends ipv4_addr { 10.77.0.9, 10.77.0.0/29 }
counter vm_echo
in tcp dport 7 ip saddr @vm_friends counter name vm_echo accept
in icmp type echo-request accept
out accept
""" % VM
HOSTS_OWN = """
table inet host {
  chain forward {
    type filter hook forward priority 10; policy accept;
    tcp dport 9999 drop
  }
}
"""


class Walled(Lab):
    def nft(self, host, *args):
        r = self.exec(host, "nft", *args)
        check(r.rc == 0, "nft %s: %s" % (" ".join(args), r.err))
        return r.out

    def tables(self, host):
        return [t.split()[1:] for t in
                self.nft(host, "list", "tables").splitlines()
                if "korora_vm_" in t]

    def define(self, rules, name=None):
        """The linux guest, stopped, with a firewall; None: without."""
        path = "%s/images/web1.vm" % self.dir
        with open(path) as f:
            text = f.read().replace("firewall = web1.fw\n", "")
        if rules is not None:
            text = text.replace("[vm]\n", "[vm]\nfirewall = web1.fw\n")
            with open("%s/images/web1.fw" % self.dir, "w") as f:
                f.write(rules)
        with open(path, "w") as f:
            f.write(text)
        return self.korora("a", "vm", "define", path)

    def again(self, rules):
        if self.state("a") == "running":
            equal(self.korora("a", "vm", "stop", "web1").rc, 0, "vm stop")
        r = self.define(rules)
        check(r.rc == 0, "vm define: %r" % r)
        r = self.korora("a", "vm", "start", "web1")
        check(r.rc == 0, "vm start: %r" % r)
        self.until(lambda: self.says("client", 7), "echo")

    def says(self, host, port, timeout=1, to=VM):
        """Does the VM take a new connection, and answer?"""
        with self.network(host):
            s = socket.socket()
        with s:
            s.settimeout(timeout)
            try:
                s.connect((to, port))
                s.send(b"hello\n" if port == 7 else b"GET / HTTP/1.0\r\n\r\n")
                return bool(s.recv(64))
            except OSError:
                return False


def checksum(data):
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def answers_midstream(lab):
    """Does the VM hear of a segment of no connection? Then it says RST."""
    with lab.network("client"):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with s:
        s.settimeout(2)
        head = struct.pack(">HHIIBBHHH", 4444, 7, 99, 77, 5 << 4, 0x10, 8192,
                           0, 0)
        pseudo = socket.inet_aton("10.77.0.9") + socket.inet_aton(VM) + \
            struct.pack(">HH", 6, len(head))
        s.sendto(head[:16] + struct.pack(">HH", checksum(pseudo + head), 0),
                 (VM, 0))
        try:
            while True:
                p = s.recv(2048)
                tcp = p[(p[0] & 15) * 4:]
                if struct.unpack(">HH", tcp[:4]) == (7, 4444):
                    return bool(tcp[13] & 4)
        except socket.timeout:
            return False


def without_a_firewall_all_passes(lab):
    """The control experiment: what is refused below is not so by itself."""
    check(lab.says("client", 7) and lab.says("client", 80), "it is mute")
    check(lab.says("mallory", 7), "mute to mallory")
    check(answers_midstream(lab), "no RST for a segment of no connection")
    equal(lab.tables("a"), [], "tables")


def what_no_rule_takes_is_dropped(lab):
    lab.again(RULES)
    equal(sorted(lab.tables("a")),
          [["bridge", "korora_vm_web1"], ["inet", "korora_vm_web1"]], "tables")
    check(not lab.says("client", 80), "a port that no rule names")
    check(not lab.says("mallory", 7), "who is not in the set")
    check(not answers_midstream(lab), "a segment of no connection got there")
    check(lab.says("a", 7), "the host is in the set")
    check(not lab.says("a", 80), "the host is filtered as well")
    counted = lab.nft("a", "list", "counter", "inet", "korora_vm_web1",
                      "vm_echo")
    check(int(re.search(r"packets (\d+)", counted)[1]) > 0, counted)
    zones = set(re.findall(r"ct zone set (\d+)",
                           lab.nft("a", "list", "table", "inet",
                                   "korora_vm_web1")))
    equal(len(zones), 1, "zones")
    left = lab.exec("a", "conntrack", "-L", "-w", zones.pop()).out
    check("dport=7 " in left, "no connections in its zone: " + left)


def it_speaks_for_itself_alone(lab):
    """A guest that has an address which is not its VM's is not believed."""
    equal(lab.korora("a", "vm", "stop", "web1").rc, 0, "vm stop")
    liar = RULES.replace(VM, OTHER) + "in accept\n"
    equal(lab.define(liar).rc, 0, "vm define")
    equal(lab.korora("a", "vm", "start", "web1").rc, 0, "vm start")
    lab.until(lambda: b"web1 up 2" in lab.console("a")[-40:], "guest")
    lab.exec("client", "ip", "neigh", "flush", "all")
    check(not lab.says("client", 7), "another's address is believed")
    met = lab.exec("client", "ip", "neigh", "show", VM).out
    check("lladdr" not in met, "it answered for another: " + met)


def lines_are_refused_by_file_and_line(lab):
    was = lab.told("a", "vm", "show", "web1")["definition"]
    for rule in ("in jump host_input", 'include "/etc/shadow"',
                 "in ip saddr @host accept"):
        r = lab.define(RULES + rule + "\n")
        equal((r.rc, r.code), (2, "KR-9108"), rule)
        check("web1.fw:8: " in r.json["error"]["message"], "%r" % r)
    r = lab.api("a", {"id": 1, "method": "vm.define", "params": {
        "text": was + "rule = in queue num 1\n"}})
    equal(r["error"]["code"], "KR-9108", "past the command")
    equal(lab.told("a", "vm", "show", "web1")["definition"], was, "definition")


def it_is_there_as_long_as_the_vm(lab):
    """Whatever becomes of kororad; and the host's own tables stay."""
    lab.again(RULES)
    lab.exec("a", "sh", "-c", "printf '%s' '" + HOSTS_OWN + "' | nft -f -")
    own = lab.nft("a", "list", "table", "inet", "host")
    before = lab.nft("a", "list", "ruleset")
    os.kill(lab.pid("a"), signal.SIGKILL)
    lab.lab("daemon", "a", "start")
    equal(lab.state("a"), "running", "state")
    strip = lambda t: re.sub(r"packets \d+ bytes \d+", "", t)
    equal(strip(lab.nft("a", "list", "ruleset")), strip(before), "rules")
    check(lab.says("client", 7) and not lab.says("client", 80), "filtered")

    os.kill(lab.pid("a"), signal.SIGKILL)
    os.kill(lab.qemus("a")[0], signal.SIGKILL)
    equal(len(lab.tables("a")), 2, "tables while nobody looks")
    lab.lab("daemon", "a", "start")
    lab.until(lambda: not lab.tables("a"), "end of its tables", 10)
    equal(lab.nft("a", "list", "table", "inet", "host"), own, "host's own")

    equal(lab.korora("a", "vm", "start", "web1").rc, 0, "vm start")
    equal(len(lab.tables("a")), 2, "tables of a VM that runs")
    equal(lab.korora("a", "vm", "stop", "web1", "--force").rc, 0, "vm stop")
    lab.until(lambda: not lab.tables("a"), "end of its tables", 10)
    equal(lab.nft("a", "list", "table", "inet", "host"), own, "host's own")
    lab.nft("a", "delete", "table", "inet", "host")


def no_vm_starts_without_its_rules(lab):
    equal(lab.korora("a", "vm", "stop", "web1").rc, 0, "vm stop")
    key = "net.bridge.bridge-nf-call-iptables"
    equal(lab.define(RULES).rc, 0, "vm define")
    lab.exec("a", "sysctl", "-qw", key + "=0")
    r = lab.korora("a", "vm", "start", "web1")
    equal((r.rc, r.code), (1, "KR-9110"), "bridges are not filtered: %r" % r)
    lab.exec("a", "sysctl", "-qw", key + "=1")

    # of two protocols at once: nft says so, only the kernel's side knows
    equal(lab.define(RULES + "in icmp type echo-request ip6 saddr fd00::1 "
                     "accept\n").rc, 0, "vm define")
    r = lab.korora("a", "vm", "start", "web1")
    equal((r.rc, r.code), (1, "KR-9109"), "rules that nft refuses: %r" % r)
    equal((lab.qemus("a"), lab.tables("a")), ([], []), "what is left")


def it_moves_with_the_vm(lab):
    lab.again(RULES)
    p, id = lab.migrating("a", "b", "--bandwidth", "4MB")
    lab.await_phase("a", id, "copy")
    check("flags dormant" in lab.nft("b", "list", "ruleset"), "not asleep")
    equal(lab.korora("a", "cancel", id).rc, 0, "cancel")
    p.result()
    lab.until(lambda: not lab.tables("b"), "end of its tables on b", 10)
    check(lab.says("client", 7) and not lab.says("client", 80), "still on a")

    r = lab.migrate("a", "b")
    check(r.rc == 0, "migrate: %r" % r)
    lab.until(lambda: not lab.tables("a"), "end of its tables on a", 10)
    check("dormant" not in lab.nft("b", "list", "ruleset"), "asleep")
    equal(len(lab.tables("b")), 2, "tables on b")
    lab.until(lambda: lab.says("client", 7), "echo from b", 20)
    check(not lab.says("client", 80), "a port that no rule names, on b")
    check(not lab.says("mallory", 7), "who is not in the set, on b")


run([(dict(vm="linux", mem=128),
      [without_a_firewall_all_passes, what_no_rule_takes_is_dropped,
       it_speaks_for_itself_alone, lines_are_refused_by_file_and_line,
       it_is_there_as_long_as_the_vm, no_vm_starts_without_its_rules,
       it_moves_with_the_vm])], Walled)
