# SPDX-License-Identifier: GPL-2.0-or-later
"""Gates to be compared, each with namespaces of its own: the machine that it
guards, with tap0, eth0 and ve-container; the container; a host on the LAN."""
import json
import subprocess

from pump import Pump

EXPERT_MAC, TAP_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"
LAN_MAC, ETH_MAC = "02:00:00:00:07:09", "02:00:00:00:07:02"
BOX_MAC, VETH_MAC = "02:00:00:00:03:02", "02:00:00:00:03:01"
EXPERT, TAP = "10.1.0.1", "10.1.0.2"
LAN, ETH = "192.168.7.9", "192.168.7.2"
LAN6, ETH6 = "fd00:7::9", "fd00:7::2"
BOX, VETH = "10.0.3.2", "10.0.3.1"
BOX_PORT = 2000
USUAL = [("tcp", port) for port in (22, *range(2000, 2010))]
MORE = ([("tcp", port) for port in (*range(10000, 61000), *range(3000, 10000))] +
        [("udp", port) for port in range(10000, 20000)])


def sh(command, text=None):
    done = subprocess.run(["bash", "-ec", command], input=text, text=True, capture_output=True,
                          timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[:200]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def forwards(count):
    """So many of (protocol, port); the one that is used is the last."""
    return MORE[:max(0, count - len(USUAL))] + USUAL[:count]


def iptables_rules(ports):
    """The boot-time script that the gate replaces, LAN access granted, as one text
    for iptables-restore."""
    uplinks = ["eth0", "wlan0", "tap0"]
    return "\n".join([
        "*nat",
        ":PREROUTING ACCEPT", ":POSTROUTING ACCEPT", ":OUTPUT ACCEPT", ":TO_CONTAINER -",
        "-A PREROUTING -j TO_CONTAINER",
        *(f"-A TO_CONTAINER -p {protocol} --dport {port} -j DNAT --to-destination {BOX}:{port}"
          for protocol, port in ports),
        *(f"-A POSTROUTING -o {uplink} -j MASQUERADE" for uplink in uplinks),
        "COMMIT",
        "*filter",
        ":INPUT DROP", ":FORWARD DROP", ":OUTPUT ACCEPT", ":TO_HOST -",
        "-A INPUT -i lo -j ACCEPT",
        "-A OUTPUT -o lo -j ACCEPT",
        "-A TO_HOST -p tcp --dport 23 -j ACCEPT",
        "-A TO_HOST -j RETURN",
        "-A INPUT -p tcp ! --syn -m state --state NEW -j DROP",
        "-A INPUT -p icmp --icmp-type 8 -j ACCEPT",
        "-A INPUT -p icmp --icmp-type 11 -j ACCEPT",
        "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT",
        "-A INPUT -i ve-container -p udp --dport 67 -j ACCEPT",
        "-A INPUT -i tap0 -j TO_HOST",
        *(f"-A FORWARD -i ve-container -o {uplink} -j ACCEPT\n"
          f"-A FORWARD -i {uplink} -o ve-container -j ACCEPT" for uplink in uplinks),
        "COMMIT", ""])


def nftables_rules(ports):
    """As one would write it today: a map, one look at the state, no long chains."""
    elements = ", ".join(f"{protocol} . {port} : {BOX} . {port}" for protocol, port in ports)
    return f"""
table ip gate {{
    map forwards {{
        type inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ {elements} }}
    }}
    chain prerouting {{
        type nat hook prerouting priority dstnat
        iifname {{ "tap0", "eth0" }} dnat ip addr . port to meta l4proto . th dport map @forwards
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat
        oifname {{ "tap0", "eth0" }} ip saddr {BOX} masquerade
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop
        ct state vmap {{ established : accept, related : accept, invalid : drop }}
        ct status dnat accept
        iifname "ve-container" oifname {{ "tap0", "eth0" }} accept
    }}
    chain input {{
        type filter hook input priority filter; policy drop
        ct state vmap {{ established : accept, related : accept, invalid : drop }}
        iifname "lo" accept
        icmp type echo-request accept
    }}
}}
"""


def nft_ingress_rules(ports):
    """Return rules that drop all that is not forwarded before the stack sees it."""
    elements = ", ".join(str(port) for protocol, port in ports if protocol == "tcp")
    return f"""
table netdev gate {{
    set open {{
        type inet_service
        elements = {{ {elements} }}
    }}
    chain ingress {{
        type filter hook ingress devices = {{ tap0, eth0 }} priority filter; policy accept
        ip protocol tcp tcp dport != @open drop
        ip6 nexthdr tcp tcp dport != @open drop
    }}
}}
"""


def link(namespace, iface):
    return json.loads(sh(f"ip -n {namespace} -s -j link show {iface}"))[0]


class Setup:
    """One gate and what is around it. `to` is the address that the expert knows."""
    to, to_lan = TAP, ETH
    title = ""
    forwards = True    # kernel forwarding

    def __init__(self, name, bench):
        self.name, self.bench = name, bench
        self.gate, self.box, self.lan = name, f"{name}-box", f"{name}-lan"
        self.pump: Pump = bench.pump
        self.wire()
        self.open()
        self.address()

    def open(self):
        """The pump is the expert, the container and the host on the LAN."""
        self.tap_handle = self.pump.tap(self.gate, "tap0")
        self.box_handle = self.pump.port(self.box, "host0")
        self.lan_handle = self.pump.port(self.lan, "lan0")

    def sh(self, command, text=None):
        return sh(f"nsenter --net=/run/netns/{self.gate} bash -ec '{command}'", text)

    def wire(self):
        for namespace in (self.gate, self.box, self.lan):
            sh(f"ip netns add {namespace}; ip -n {namespace} link set lo up")
        sh(f"""
ip -n {self.gate} link add ve-container address {VETH_MAC} type veth \
    peer name host0 address {BOX_MAC} netns {self.box}
ip -n {self.gate} link add eth0 address {ETH_MAC} type veth \
    peer name lan0 address {LAN_MAC} netns {self.lan}
ip -n {self.box} link set host0 up
ip -n {self.lan} link set lan0 up
""")

    def address(self):
        """Addresses, and neighbours who need not be asked."""
        self.sh(f"""
sysctl -qw net.ipv4.ip_forward={int(self.forwards)}
ip link set tap0 address {TAP_MAC}
for link in tap0 eth0 ve-container; do ip link set $link up; done
ip addr add {TAP}/24 dev tap0
ip addr add {ETH}/24 dev eth0
ip addr add {ETH6}/64 dev eth0 nodad
ip addr add {VETH}/24 dev ve-container
ip neigh replace {EXPERT} lladdr {EXPERT_MAC} dev tap0 nud permanent
ip neigh replace {LAN} lladdr {LAN_MAC} dev eth0 nud permanent
ip neigh replace {BOX} lladdr {BOX_MAC} dev ve-container nud permanent
ip route add default via {LAN}
""")

    def sink(self):
        """The container takes what comes, and does nothing with it."""
        self.pump.attach(self.box, "host0", self.bench.program("sink"))

    def set_up(self, ports):
        """Have the gate in force, for these forwards."""

    def forget(self):
        """End all connections."""

    def delivered(self):
        """Packets that the container's interface has received."""
        return link(self.box, "host0")["stats64"]["rx"]["packets"]

    def returned(self):
        """Packets that tap0 was given to send."""
        sent = link(self.gate, "tap0")["stats64"]["tx"]
        return sent["packets"] + sent["dropped"]


class Conntrack(Setup):
    def forget(self):
        self.sh("conntrack -F 2>&1")


class Legacy(Conntrack):
    title = "iptables-legacy, the original rule set"
    tool = "iptables-legacy-restore"

    def set_up(self, ports):
        self.sh(self.tool, iptables_rules(ports))
        self.sh("ip6tables-legacy -P INPUT DROP")


class Compat(Legacy):
    title = "iptables-nft, the original rule set"
    tool = "iptables-nft-restore"

    def set_up(self, ports):
        self.sh(self.tool, iptables_rules(ports))


class Nftables(Conntrack):
    title = "nftables with a map"

    def set_up(self, ports):
        self.sh("nft -f -", "flush ruleset\n" + nftables_rules(ports))


class NftIngress(Setup):
    title = "nftables, netdev ingress"

    def set_up(self, ports):
        self.sh("nft -f -", "flush ruleset\n" + nft_ingress_rules(ports))


class EarlyDrop(Setup):
    title = "bare XDP drop"

    def set_up(self, ports):
        path = self.bench.program("early_drop")
        self.sh(f"ip link set dev tap0 xdpdrv pinned {path}")


class Routing(Setup):
    title = "plain routing"
    to = to_lan = BOX


class Redirect(Setup):
    title = "bare redirect, no NAT"
    to = to_lan = BOX
    forwards = False

    def set_up(self, ports):
        for iface, program, target in (("tap0", "to_container", "ve-container"),
                                       ("ve-container", "to_uplink", "tap0"),
                                       ("eth0", "to_container", "ve-container")):
            own = f"{self.name}-{iface}"
            path = self.bench.program(program, own)
            index = link(self.gate, target)["ifindex"]
            sh(f"bpftool map update pinned {self.bench.map('target', own)} key hex 00 00 00 00 "
               f"value hex {index.to_bytes(4, 'little').hex(' ')}")
            self.pump.attach(self.gate, iface, path)


class Scoutgate(Setup):
    title = "scoutgate"
    forwards = False
    more = ""    # of the configuration

    def config(self, ports):
        by = {p: ",\n".join(f'"{port}"' for protocol, port in ports if protocol == p)
              for p in ("tcp", "udp")}
        return ("".join(f'forward "{p}" {{ protocol = {p}  ports = {{{by[p]}}} }}\n'
                        for p in by if by[p]) +
                "grants { lan-access = on }\n" + self.more)

    def run(self, *arguments):
        return self.sh(" ".join([self.bench.scoutgate, "--pin-dir", self.bench.pins(self.name),
                                 "-c", self.bench.file(f"{self.name}.conf"), *arguments]))

    def set_up(self, ports):
        with open(self.bench.file(f"{self.name}.conf"), "w", encoding="ascii") as file:
            file.write(self.config(ports))
        self.run("up")

    def forget(self):
        self.run("down")
        self.run("up")


class ScoutgateTc(Scoutgate):
    title = "scoutgate, xdp = off"
    more = "vpn { xdp = off }\nlan { xdp = off }\n"
