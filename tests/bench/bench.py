# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate beside others, in one run: every figure is taken of all of them in turn, several
times over, and what counts is the median and the ratio within a turn."""
import argparse
import json
import os
import platform
import subprocess
import time

import control
import growth
import packets
import plot
import setups
import sockets
from pump import Pump
from report import Report

PARTS = {"existing": packets.existing, "in-kernel": packets.in_kernel,
         "refused": packets.refused, "first": packets.first,
         "bulk": sockets.bulk, "request": sockets.request,
         "rules": growth.rules, "ifaces": growth.ifaces, "half-open": growth.half_open,
         "flows": control.million, "control": control.commands}


# the figures of all gates that README.md here shows
ROWS = {"existing flow, tap0 to container": "tap0 to container, ns",
        "existing flow, container to tap0": "container to tap0, ns",
        "existing flow, eth0 to container": "eth0 (veth) to container, ns",
        "first packet of a connection": "first packet, ns",
        "connections": "connections a second",
        "refused packet, tap0, TCP": "refused on tap0, ns",
        "refused packet, eth0, TCP": "refused on eth0 (veth), ns",
        "TCP to the container, CPU": "TCP in, CPU s a GB",
        "TCP from the container, CPU": "TCP out, CPU s a GB",
        "copy of a disk, CPU": "nbdcopy, CPU s a GB",
        "request and response, p50": "p50, us",
        "request and response, p99": "p99, us"}


class Bench:
    """The state that all parts share."""

    def __init__(self, options):
        build = os.path.dirname(options.program)
        self.scoutgate = options.program
        self.cpu = options.cpu
        self.directory = "/mnt/scoutgate-lab"
        self.objects = f"{build}/tests/bench"
        self.pump = Pump(f"{self.objects}/pump", options.cpu, options.ksoftirqd)
        self.rounds = 3 if options.quick else 5
        self.packets = 20000 if options.quick else 100000
        # of one packet's cost: short and often, as the machine's speed changes
        self.turns = 3 if options.quick else 15
        self.burst = 20000 if options.quick else 40000
        self.quick = options.quick
        self.report = Report()
        self.made = {}
        self.started = []

    def file(self, name):
        return f"{self.directory}/{name}"

    def pins(self, name):
        return f"{self.directory}/bpf/{name}"

    def start(self, command):
        """In the background, until the run ends."""
        process = subprocess.Popen(
            ["taskset", "-c", str(self.cpu), "bash", "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started.append(process)
        return process

    @staticmethod
    def wait(command):
        for _ in range(100):
            if subprocess.run(["bash", "-c", command], capture_output=True, check=False
                              ).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"in 5 s, never: {command}")

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()
        self.pump.close()

    def program(self, name, instance="ends"):
        """The pinned path of a program of ends.bpf.c; each instance has maps of its own."""
        directory = self.pins(instance)
        if not os.path.isdir(directory):
            setups.sh(f"bpftool prog loadall {self.objects}/ends.bpf.o {directory} "
                      f"pinmaps {directory}_maps")
        return f"{directory}/{name}"

    def map(self, name, instance):
        return f"{self.pins(instance)}_maps/{name}"

    def map_info(self, setup, name):
        return json.loads(setups.sh(f"bpftool -j map show pinned {self.pins(setup.name)}/{name}"))

    def map_bytes(self, setup, name):
        """Return how many bytes the kernel has allotted."""
        return self.map_info(setup, name)["bytes_memlock"]

    def map_room(self, setup, name):
        return self.map_info(setup, name)["max_entries"]

    def entries(self, setup, name):
        setup.run(f"{name} --json > {self.file('entries.json')}")
        with open(self.file("entries.json"), encoding="ascii") as file:
            return len(json.load(file)[name])

    def setups(self, classes, ports=None):
        """One of each class, in force and with a sink; made once."""
        for kind in classes:
            if kind not in self.made:
                setup = self.made[kind] = kind(kind.__name__.lower(), self)
                setup.sink()
                setup.set_up(ports or setups.forwards(len(setups.USUAL)))
        return [self.made[kind] for kind in classes]


def take_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("--ksoftirqd", type=int, required=True)
    parser.add_argument("--quick", action="store_true", help="few packets: does it work at all")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("program")
    parser.add_argument("out")
    return parser.parse_args()


def main():
    options = take_options()
    bench = Bench(options)
    for name in options.only or PARTS:
        begin = time.monotonic()
        PARTS[name](bench)
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    print(bench.report.table())
    bench.report.write(f"{options.out}.json",
                       {"date": time.strftime("%Y-%m-%d"), "kernel": platform.release(),
                        "rounds": bench.rounds, "turns": bench.turns,
                        "packets": bench.packets})
    with open(f"{options.out}.md", "w", encoding="ascii") as file:
        file.write(bench.report.markdown(ROWS))
    curves = growth.curves(bench)
    if curves:
        with open(f"{options.out}.svg", "w", encoding="ascii") as file:
            file.write(plot.svg(curves, "First packet of a connection, by number of forwards"))
    bench.end()


if __name__ == "__main__":
    main()
