# SPDX-License-Identifier: GPL-2.0-or-later
"""f. What a packet costs as the gate grows: with its rules, its flows, its interfaces; and what is
left for those who work when someone floods it."""
import frames
import packets
import setups
from frames import ACK, SYN

RULES = (10, 1000, 8000, 64000)
FLOWS = (1000, 100000, 1000000)
IFACES = (1, 16)
SECONDS = 0.5    # a measurement takes at most so long
OPEN_BATCH = 100000


def rules(bench):
    """The first packet of a connection, and one of a connection that is there."""
    counts = RULES[:2] if bench.quick else RULES
    made = bench.setups((setups.Legacy, setups.Compat, setups.Nftables, setups.Scoutgate))
    mine = setups.Scoutgate.title
    for count in counts:
        for setup in made:
            setup.set_up(setups.forwards(count))
        for turn in range(bench.rounds):
            for setup in made:
                grow_rules(bench, setup, count, turn)
                setup.forget()
    for setup in made:
        setup.set_up(setups.forwards(len(setups.USUAL)))
    for what in ("first packet", "existing flow"):
        bench.report.limit(f"{what} at {counts[-1]} forwards / at {counts[0]}",
                           bench.report.median(title(what, counts[-1]), mine) /
                           bench.report.median(title(what, counts[0]), mine), 1.15)


def curves(bench):
    """For the plot: of each gate, (rules, nanoseconds of the first packet)."""
    found = {}
    for count in RULES:
        for name, series in bench.report.figures.get(title("first packet", count), {}).items():
            found.setdefault(name, []).append((count, series.median))
    return found


def title(what, count):
    return f"{what}, {count} forwards"


def grow_rules(bench, setup, count, turn):
    frame = frames.next_source(setup.tap_handle, frames.tcp(
        packets.TO_TAP, (packets.address("10.64.0.1", turn << 17), setup.to),
        (packets.EXPERT_PORT, setups.BOX_PORT), SYN))
    one = setup.pump.play(20, frame).wall    # iptables looks at each rule
    packets_now = max(20, min(bench.packets // 5, int(SECONDS * 1e9 / one)))
    frame = frames.next_source(setup.tap_handle, frames.tcp(
        packets.TO_TAP, (packets.address("10.65.0.1", turn << 17), setup.to),
        (packets.EXPERT_PORT, setups.BOX_PORT), SYN))
    bench.report.add(title("first packet", count), "ns of CPU", setup.title,
                     setup.pump.play(packets_now, frame).cpu)
    flow = packets.Flow(setup, packets.TO_TAP, setups.EXPERT, setup.to, setup.tap_handle)
    flow.begin()
    bench.report.add(title("existing flow", count), "ns of CPU a packet", setup.title,
                     flow.play(0, bench.packets // 2).cpu)


class Large(setups.Scoutgate):
    """Room for a million flows."""
    title = "scoutgate"
    more = setups.ScoutgateTc.more + "limits { flows = 1048576  half-open = 131072 }\n"


def frame_of(setup, remote, flags, numbers, payload=b""):
    ports = (packets.EXPERT_PORT, setups.BOX_PORT)
    return frames.next_source(setup.tap_handle, frames.tcp(
        packets.TO_TAP, (remote, setup.to), ports, flags, numbers, payload))


def open_flows(setup, first, count):
    """So many established ones, from addresses in a row."""
    seq, remote = frames.SEQ, packets.address("10.64.0.1", first)
    answer = frames.next_destination(setup.box_handle, frames.tcp(
        packets.FROM_BOX, (setups.BOX, remote), (setups.BOX_PORT, packets.EXPERT_PORT), SYN | ACK,
        (seq, seq + 1)))
    setup.pump.play(count, frame_of(setup, remote, SYN, (seq, 0)), answer,
                    frame_of(setup, remote, ACK, (seq + 1, seq + 1)))


def live(bench):
    """Packets of all flows in turn, so that none is warm in a cache when it is met again."""
    counts = FLOWS[:2] if bench.quick else FLOWS
    gate, = bench.setups((Large,))
    there = 0
    for count in counts:
        while there < count:
            step = min(OPEN_BATCH, count - there)
            open_flows(gate, there, step)
            there += step
        found = bench.entries(gate, "flows")
        if found < count * 0.999:
            raise RuntimeError(f"{found} of {count} flows are there")
        for _ in range(bench.rounds):
            seq = frames.SEQ + 1
            frame = frame_of(gate, packets.address("10.64.0.1", 0), ACK, (seq, seq), b"x" * 10)
            turns = max(1, bench.packets // count)
            costs = [gate.pump.play(min(count, bench.packets), frame).cpu for _ in range(turns)]
            bench.report.add("existing flows, each in turn", "ns of CPU a packet",
                             f"{count} flows", sum(costs) / len(costs))
    figure = "existing flows, each in turn"
    bench.report.limit(f"a packet at {counts[-1]} flows / at {counts[0]}",
                       bench.report.median(figure, f"{counts[-1]} flows") /
                       bench.report.median(figure, f"{counts[0]} flows"), 1.5)


def ifaces(bench):
    """An existing flow, with so many uplinks governed."""
    gate, = bench.setups((setups.Scoutgate,))
    there = 1
    for count in IFACES:
        for number in range(there, count):
            gate.sh(f"ip link add eth{number} type veth peer name far{number}; "
                    f"ip link set eth{number} up; "
                    f"ip addr add 172.16.{number}.1/24 dev eth{number}")
        there = count
        gate.forget()
        flow = packets.Flow(gate, packets.TO_TAP, setups.EXPERT, gate.to, gate.tap_handle)
        flow.begin()
        for _ in range(bench.rounds):
            bench.report.add("existing flow, interfaces", "ns of CPU a packet",
                             f"{count} on the LAN", flow.play(0, bench.packets).cpu)
    for number in range(1, there):
        gate.sh(f"ip link del eth{number}")


def half_open(bench):
    """A flood of beginnings on the core that also carries a connection: what a packet of that
    connection costs between them, and so what is left of its throughput."""
    made = bench.setups((setups.Legacy, setups.Scoutgate))
    figure = "under a flood of new connections"
    flows = [packets.Flow(setup, packets.TO_TAP, setups.EXPERT, setup.to, setup.tap_handle)
             for setup in made]
    for flow in flows:
        flow.begin()
    count = bench.packets // 5
    for turn in range(bench.rounds):
        for setup, flow in zip(made, flows):
            first = packets.address("10.66.0.1", 2 * turn * count)
            second = packets.address("10.66.0.1", (2 * turn + 1) * count)
            alone = flow.play(0, count).cpu
            flood = setup.pump.play(count, frame_of(setup, first, SYN, (frames.SEQ, 0))).cpu
            before = setup.delivered()
            both = setup.pump.play(count, frame_of(setup, second, SYN, (frames.SEQ, 0)),
                                   flow.segment(0)).cpu
            flow.sent[0] += count * len(packets.PAYLOAD)
            if setup.delivered() - before < 1.99 * count:
                raise RuntimeError(f"{setup.name}: packets were lost")
            bench.report.add(f"flood packet, {figure}", "ns of CPU", setup.title, flood)
            bench.report.add(f"throughput kept, {figure}", "of 1", setup.title,
                             alone / (both - flood))
    bench.report.limit(f"throughput kept {figure}",
                       bench.report.median(f"throughput kept, {figure}", setups.Scoutgate.title),
                       0.80, at_least=True)
    for setup in made:
        setup.forget()
