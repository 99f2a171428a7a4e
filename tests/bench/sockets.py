# SPDX-License-Identifier: GPL-2.0-or-later
"""Real sockets at both ends: bulk TCP, and request and response. The expert is behind a cable of
two taps, as a VPN's, which costs the same for every gate; all runs on one CPU."""
import functools
import json
import re
import time

import setups
from setups import sh

IPERF_PORT, NBD_PORT, PING_PORT = 2000, 2001, 2002
IMAGE_BYTES = 256 << 20


@functools.cache
def with_sockets(kind):
    """The same gate, in which nothing is the pump's."""

    class Real(kind):
        def open(self):
            self.expert = f"{self.gate}-expert"
            sh(f"ip netns add {self.expert}; ip -n {self.expert} link set lo up")
            self.bench.start(f"{self.bench.objects}/pump 0 relay {self.expert} vpn0 "
                             f"{self.gate} tap0")
            self.bench.wait(f"ip -n {self.gate} link show tap0")
            sh(f"""
ip -n {self.expert} link set vpn0 address {setups.EXPERT_MAC} up
ip -n {self.expert} addr add {setups.EXPERT}/24 dev vpn0
ip -n {self.expert} route add {setups.BOX} via {setups.TAP}
ip -n {self.expert} neigh replace {setups.TAP} lladdr {setups.TAP_MAC} dev vpn0 nud permanent
ip -n {self.box} addr add {setups.BOX}/24 dev host0
ip -n {self.box} route add default via {setups.VETH}
ip -n {self.box} neigh replace {setups.VETH} lladdr {setups.VETH_MAC} dev host0 nud permanent
""")

        def sink(self):
            """The container is awake: it serves."""
            serve(self)

        def ask(self, command):
            return sh(f"taskset -c {self.bench.cpu} nsenter --net=/run/netns/{self.expert} "
                      f"{command}")

    Real.__name__ = f"{kind.__name__}Real"
    Real.title = kind.title
    return Real


def serve(setup):
    bench, enter = setup.bench, f"nsenter --net=/run/netns/{setup.box}"
    image, config = bench.file("image"), bench.file("nbd.conf")
    with open(image, "wb") as file:
        file.truncate(IMAGE_BYTES)
    with open(config, "w", encoding="ascii") as file:
        file.write(f"[generic]\nport = {NBD_PORT}\n[disk]\nexportname = {image}\n"
                   "readonly = true\n")
    bench.start(f"{enter} iperf3 -s -p {IPERF_PORT}")
    bench.start(f"{enter} nbd-server -C {config}")
    bench.start(f"{enter} sockperf server --tcp -i {setups.BOX} -p {PING_PORT}")
    for port in (IPERF_PORT, NBD_PORT, PING_PORT):
        bench.wait(f"{enter} ss -Hltn sport = :{port} | grep -q .")


def busy_seconds(cpu):
    """Return how long the CPU was not idle."""
    with open("/proc/stat", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(f"cpu{cpu} "))
    ticks = [int(word) for word in line.split()[1:]]
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / 100


def bulk(bench):
    """b. TCP in bulk, each way, by iperf3 and by a copy of a disk."""
    made = bench.setups(tuple(with_sockets(kind) for kind in (
        setups.Legacy, setups.Compat, setups.Nftables, setups.Routing, setups.Scoutgate)))
    amount = (64 if bench.quick else 256) << 20
    for _ in range(bench.rounds):
        for setup in made:
            for way, option in (("to the container", ""), ("from the container", "-R")):
                measure(bench, setup, f"TCP {way}", lambda s, o=option: transfer(s, o, amount))
            measure(bench, setup, "copy of a disk", copy_disk)
    for way in ("to", "from"):
        bench.report.limit(
            f"TCP in bulk {way} the container, CPU a GB / iptables-legacy",
            bench.report.ratio(f"TCP {way} the container, CPU", setups.Scoutgate.title,
                               setups.Legacy.title), 0.80)


def measure(bench, setup, figure, move):
    busy, begin = busy_seconds(bench.cpu), time.monotonic()
    moved = move(setup)
    busy, spent = busy_seconds(bench.cpu) - busy, time.monotonic() - begin
    bench.report.add(f"{figure}, CPU", "seconds a GB", setup.title, busy / (moved / 1e9))
    bench.report.add(f"{figure}, rate", "Gbit/s", setup.title, moved * 8 / 1e9 / spent)


def transfer(setup, option, amount):
    said = json.loads(setup.ask(f"iperf3 -J -c {setup.to} -p {IPERF_PORT} -n {amount} {option}"))
    return said["end"]["sum_received"]["bytes"]


def copy_disk(setup):
    setup.ask(f"nbdcopy nbd://{setup.to}:{NBD_PORT}/disk null:")
    return IMAGE_BYTES


def request(bench):
    """c. A request and its response, one after the other."""
    made = bench.setups(tuple(with_sockets(kind) for kind in (
        setups.Legacy, setups.Compat, setups.Nftables, setups.Routing, setups.Scoutgate)))
    for _ in range(bench.rounds):
        for setup in made:
            said = setup.ask(f"sockperf ping-pong --tcp -i {setup.to} -p {PING_PORT} "
                             f"-t {1 if bench.quick else 2} --msg-size 64 2>&1")
            for rank, name in (("50.000", "p50"), ("99.000", "p99")):
                found = re.search(rf"percentile {rank} *= *([0-9.]+)", said)
                bench.report.add(f"request and response, {name}", "us, half of it", setup.title,
                                 float(found[1]))
    for name in ("p50", "p99"):
        bench.report.limit(f"request and response {name} / iptables-legacy",
                           bench.report.ratio(f"request and response, {name}",
                                              setups.Scoutgate.title, setups.Legacy.title), 0.85)
