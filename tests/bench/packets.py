# SPDX-License-Identifier: GPL-2.0-or-later
"""The cost of one packet: of a flow, the first one, one that is refused."""
import ipaddress

import frames
import setups
from frames import ACK, FIN, SYN

EXPERT_PORT = 40000
PAYLOAD = b"scoutgate!"    # a frame of 64 bytes
SETUPS = (setups.Legacy, setups.Compat, setups.Nftables, setups.Routing, setups.Redirect,
          setups.Scoutgate, setups.ScoutgateTc)

TO_TAP = (setups.EXPERT_MAC, setups.TAP_MAC)
TO_ETH = (setups.LAN_MAC, setups.ETH_MAC)
FROM_BOX = (setups.BOX_MAC, setups.VETH_MAC)


class Flow:
    """A TCP connection of which the pump is both ends."""

    def __init__(self, setup, macs, remote, to, handle):
        self.setup, self.handle = setup, handle
        ports, back = (EXPERT_PORT, setups.BOX_PORT), (setups.BOX_PORT, EXPERT_PORT)
        self.open = [
            frames.Frame(handle, frames.tcp(macs, (remote, to), ports, SYN, (frames.SEQ, 0),
                                            options=frames.WINDOW_SCALE)),
            frames.Frame(setup.box_handle,
                         frames.tcp(FROM_BOX, (setups.BOX, remote), back, SYN | ACK,
                                    (frames.SEQ, frames.SEQ + 1), options=frames.WINDOW_SCALE)),
            frames.Frame(handle, frames.tcp(macs, (remote, to), ports, ACK,
                                            (frames.SEQ + 1, frames.SEQ + 1))),
            frames.Frame(setup.box_handle,    # its window is now scaled
                         frames.tcp(FROM_BOX, (setups.BOX, remote), back, ACK,
                                    (frames.SEQ + 1, frames.SEQ + 1)))]
        self.sent = [0, 0]
        self.parts = ((macs, (remote, to), ports), (FROM_BOX, (setups.BOX, remote), back))

    def begin(self):
        for frame in self.open:    # apart: each answers the one before
            self.setup.pump.play(1, frame)

    def data(self, direction):
        """The next segment's frame, 0: in, 1: out."""
        macs, ends, ports = self.parts[direction]
        seq = (frames.SEQ + 1 + self.sent[direction]) % 2**32
        return frames.tcp(macs, ends, ports, ACK, (seq, frames.SEQ + 1), PAYLOAD)

    def segment(self, direction):
        return frames.next_segment(self.setup.box_handle if direction else self.handle,
                                   self.data(direction), len(PAYLOAD))

    def play(self, direction, count):
        """The cost of one of its packets; all must have arrived."""
        arrived = self.setup.returned if direction else self.setup.delivered
        before = arrived()
        cost = self.setup.pump.play(count, self.segment(direction))
        self.sent[direction] += count * len(PAYLOAD)
        lost = count - (arrived() - before)
        if lost > count // 100:
            raise RuntimeError(f"{self.setup.name}: {lost} of {count} packets did not arrive")
        return cost


def existing(bench):
    """a. A packet of 64 bytes of a flow that is there."""
    made = bench.setups(SETUPS)
    flows = []
    for setup in made:
        from_vpn = Flow(setup, TO_TAP, setups.EXPERT, setup.to, setup.tap_handle)
        from_lan = Flow(setup, TO_ETH, setups.LAN, setup.to_lan, setup.lan_handle)
        from_vpn.begin()
        if setup.title != setups.Redirect.title:    # whose container sends to one side only
            from_lan.begin()
        flows.append((setup, from_vpn, from_lan))
    for _ in range(bench.turns):
        for setup, from_vpn, from_lan in flows:
            for figure, flow, direction in (("tap0 to container", from_vpn, 0),
                                            ("container to tap0", from_vpn, 1),
                                            ("eth0 to container", from_lan, 0)):
                cost = flow.play(direction, bench.burst)
                bench.report.add(f"existing flow, {figure}", "ns of CPU a packet", setup.title,
                                 cost.cpu)
    limits = bench.report.limit
    ratio = bench.report.ratio
    figure = "existing flow, tap0 to container"
    mine = setups.Scoutgate.title
    limits("tap0 to container / iptables-legacy", ratio(figure, mine, setups.Legacy.title), 0.40)
    limits("tap0 to container / nftables map", ratio(figure, mine, setups.Nftables.title), 0.45)
    limits("tap0 to container / bare redirect", ratio(figure, mine, setups.Redirect.title), 1.12)
    figure = "existing flow, container to tap0"
    limits("container to tap0 / iptables-legacy", ratio(figure, mine, setups.Legacy.title), 0.60)
    limits("container to tap0 / bare redirect", ratio(figure, mine, setups.Redirect.title), 1.12)


DROPPED, REDIRECTED = 2, 7    # TC_ACT_SHOT, TC_ACT_REDIRECT: <linux/pkt_cls.h>
STILL_RUNS = 250    # on one frame, each of which takes one off its TTL


def in_kernel(bench):
    """A program's own time, over and over on a frame that it leaves as it was: of a flow whose
    gate end has been made the same as the container's."""
    gate, = bench.setups((setups.ScoutgateTc,))
    flow = Flow(gate, TO_TAP, setups.EXPERT, gate.to, gate.tap_handle)
    flow.begin()
    flow.play(0, 100)
    flow.play(1, 100)
    gate.sh(f"{bench.objects}/still {bench.pins(gate.name)}")
    programs = bench.pins(gate.name) + "/programs"
    ways = (("parse and drop", bench.program("parse_and_drop"), "tap0", 0),
            ("a flow's packet, in", f"{programs}/sg_uplink_in", "tap0", 0),
            ("a flow's packet, out", f"{programs}/sg_container_in", "ve-container", 1))
    figure = "a program's own time"
    for _ in range(bench.turns):
        for name, path, iface, direction in ways:
            bench.report.add(figure, "ns a run", name, bench.pump.time(
                gate.gate, iface, path, bench.burst // STILL_RUNS, still(direction), STILL_RUNS,
                DROPPED if name == ways[0][0] else REDIRECTED))
    gate.forget()
    bench.report.limit("in-kernel time of a flow hit, ns where parse and drop takes 26",
                       bench.report.median(figure, "a flow's packet, in") * 26 /
                       bench.report.median(figure, "parse and drop"), 80)


def still(direction):
    """A frame of such a flow, 0: in, 1: out."""
    macs, ends, ports = (
        ((setups.VETH_MAC, setups.TAP_MAC), (setups.EXPERT, setups.BOX),
         (EXPERT_PORT, setups.BOX_PORT)),
        (FROM_BOX, (setups.BOX, setups.EXPERT), (setups.BOX_PORT, EXPERT_PORT)))[direction]
    return frames.tcp(macs, ends, ports, ACK, (frames.SEQ + 1, frames.SEQ + 1), PAYLOAD, ttl=255)


def refused(bench):
    """e. A flood of what is closed, each packet from another address."""
    made = bench.setups((setups.Legacy, setups.Compat, setups.Nftables, setups.NftIngress,
                         setups.EarlyDrop, setups.ScoutgateTc, setups.Scoutgate))
    closed, step = 9999, 1
    floods = []
    for setup in made:
        ports = (EXPERT_PORT, closed)
        floods.append((setup, (
            ("tap0, TCP", frames.next_source(setup.tap_handle, frames.tcp(
                TO_TAP, ("10.64.0.1", setups.TAP), ports, SYN), step)),
            ("eth0, TCP", frames.next_source(setup.lan_handle, frames.tcp(
                TO_ETH, ("198.18.0.1", setups.ETH), ports, SYN), step)),
            ("eth0, TCP over IPv6", frames.next_source6(setup.lan_handle, frames.tcp(
                TO_ETH, ("fd00:64::1", setups.ETH6), ports, SYN), step)))))
    for _ in range(bench.turns):
        for setup, kinds in floods:
            for kind, frame in kinds[:1] if isinstance(setup, setups.EarlyDrop) else kinds:
                cost = setup.pump.play(bench.burst, frame)
                bench.report.add(f"refused packet, {kind}", "ns of CPU a packet", setup.title,
                                 cost.cpu)
    figure = "refused packet, tap0, TCP"
    ratio, limit = bench.report.ratio, bench.report.limit
    early, journey = setups.Scoutgate.title, setups.ScoutgateTc.title
    limit("refused by XDP / iptables INPUT drop", ratio(figure, early, setups.Legacy.title), 0.17)
    limit("refused by XDP / nft netdev-ingress drop",
          ratio(figure, early, setups.NftIngress.title), 0.45)
    limit("refused by tc / iptables INPUT drop", ratio(figure, journey, setups.Legacy.title), 0.40)


def first(bench):
    """d. The packet that begins a connection, each from another address; and whole connections
    of which the pump is both ends: SYN, SYN-ACK, ACK, 64 bytes, FIN and its answers."""
    made = bench.setups((setups.Legacy, setups.Compat, setups.Nftables, setups.ScoutgateTc,
                         setups.Scoutgate))
    count = bench.burst // 4
    at = 0
    for _ in range(bench.turns):
        for setup in made:
            frame = frames.next_source(setup.tap_handle, frames.tcp(
                TO_TAP, (address("10.64.0.1", at), setup.to), (EXPERT_PORT, setups.BOX_PORT), SYN))
            cost = setup.pump.play(count, frame)
            bench.report.add("first packet of a connection", "ns of CPU", setup.title, cost.cpu)
            setup.forget()
            cost = setup.pump.play(count, *connection(setup, address("10.96.0.1", at)))
            bench.report.add("connections", "a second on one core", setup.title, 1e9 / cost.cpu)
            setup.forget()
        at += count
    mine, theirs = setups.Scoutgate.title, setups.Legacy.title
    bench.report.limit("first packet of a connection / iptables-legacy",
                       bench.report.ratio("first packet of a connection", mine, theirs), 0.55)
    bench.report.limit("connections a second / iptables-legacy",
                       bench.report.ratio("connections", mine, theirs), 1.5, at_least=True)


def address(first_one, more):
    return str(ipaddress.ip_address(first_one) + more)


def connection(setup, remote):
    """The frames of one, the remote's address to grow with each time."""
    ports, back = (EXPERT_PORT, setups.BOX_PORT), (setups.BOX_PORT, EXPERT_PORT)
    seq, size = frames.SEQ, len(PAYLOAD)

    def expert(flags, sent, heard, payload=b""):
        return frames.next_source(setup.tap_handle, frames.tcp(
            TO_TAP, (remote, setup.to), ports, flags, (seq + sent, seq + heard), payload))

    def box(flags, sent, heard):
        return frames.next_destination(setup.box_handle, frames.tcp(
            FROM_BOX, (setups.BOX, remote), back, flags, (seq + sent, seq + heard)))

    return [expert(SYN, 0, -seq), box(SYN | ACK, 0, 1), expert(ACK, 1, 1),
            expert(ACK, 1, 1, PAYLOAD), box(ACK, 1, 1 + size),
            expert(FIN | ACK, 1 + size, 1), box(FIN | ACK, 1, 2 + size), expert(ACK, 2 + size, 2)]
