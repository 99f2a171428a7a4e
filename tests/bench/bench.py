# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate beside others, in one run: every figure is taken of all of them in turn, several
times over, and what counts is the median and the ratio within a turn."""
import argparse
import os
import platform
import time

import packets
import setups
from pump import Pump
from report import Report

PARTS = {"existing": packets.existing, "in-kernel": packets.in_kernel,
         "refused": packets.refused, "first": packets.first}


class Bench:
    """What all parts share."""

    def __init__(self, options):
        build = os.path.dirname(options.program)
        self.scoutgate = options.program
        self.directory = "/mnt/scoutgate-lab"
        self.objects = f"{build}/tests/bench"
        self.pump = Pump(f"{self.objects}/pump", options.cpu, options.ksoftirqd)
        self.rounds = 3 if options.quick else 9
        self.packets = 20000 if options.quick else 100000
        self.quick = options.quick
        self.report = Report()
        self.made = {}

    def file(self, name):
        return f"{self.directory}/{name}"

    def pins(self, name):
        return f"{self.directory}/bpf/{name}"

    def program(self, name, instance="ends"):
        """The pinned path of a program of ends.bpf.c; each instance has maps of its own."""
        directory = self.pins(instance)
        if not os.path.isdir(directory):
            setups.sh(f"bpftool prog loadall {self.objects}/ends.bpf.o {directory} "
                      f"pinmaps {directory}_maps")
        return f"{directory}/{name}"

    def map(self, name, instance):
        return f"{self.pins(instance)}_maps/{name}"

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
                        "rounds": bench.rounds, "packets": bench.packets})
    bench.pump.close()


if __name__ == "__main__":
    main()
