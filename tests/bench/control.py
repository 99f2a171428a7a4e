# SPDX-License-Identifier: GPL-2.0-or-later
"""g. The control plane: what the owner waits for, and what the gate takes of the machine."""
import json
import os
import signal
import time

import growth
import setups

FAMILY = ("flows", "gc_ring")    # an entry each for every flow; the others have limits of their own


def seconds(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def commands(bench):
    gate, = bench.setups((setups.Scoutgate,))
    for _ in range(bench.rounds):
        gate.run("down")
        add(bench, "up, first", seconds(lambda: gate.run("up")))
        add(bench, "up, again", seconds(lambda: gate.run("up")))
        for count in (1000, 64000):
            gate.set_up(setups.forwards(count))
            add(bench, f"reload of {count} forwards", seconds(lambda: gate.run("reload")))
        gate.set_up(setups.forwards(len(setups.USUAL)))
    daemon(bench, gate)


def add(bench, what, spent):
    bench.report.add(what, "ms", setups.Scoutgate.title, spent * 1000)


def daemon(bench, gate):
    """Measure what `run` holds, and uses when nothing happens."""
    gate.run("down")
    process = bench.start(f"nsenter --net=/run/netns/{gate.gate} {bench.scoutgate} "
                          f"--pin-dir {bench.pins(gate.name)} -c {bench.file(gate.name + '.conf')} "
                          f"--state-dir {bench.file('state')} run")
    bench.wait(f"test -e {bench.pins(gate.name)}/programs/sg_host_out")
    time.sleep(1)
    before = cpu_seconds(process.pid)
    time.sleep(5)
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    bench.report.add("`run`, resident", "MB", gate.title, resident / 1024)
    bench.report.add("`run`, idle", "% of a CPU", gate.title,
                     (cpu_seconds(process.pid) - before) / 5 * 100)
    process.send_signal(signal.SIGTERM)
    process.wait()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def million(bench):
    """`flows` when there are many, and the memory that each takes. After growth.live()."""
    growth.live(bench)
    gate, = bench.setups((growth.Large,))
    count = bench.entries(gate, "flows")
    for _ in range(1 if bench.quick else 5):
        spent = seconds(lambda: gate.run(f"flows --json > {bench.file('flows.json')}"))
        bench.report.add(f"`flows` of {count // 1000}k flows", "ms", gate.title, spent * 1000)
    with open(bench.file("flows.json"), encoding="ascii") as file:
        listed = len(json.load(file)["flows"])
    if listed < count * 0.999:
        raise RuntimeError(f"{listed} of {count} flows are listed")
    taken = sum(bench.map_bytes(gate, name) for name in FAMILY)
    each = round(taken / bench.map_room(gate, "flows"))    # a map's own few hundred bytes aside
    bench.report.add("memory a flow, when the table is full", "bytes", gate.title, each)
    bench.report.limit("memory a flow, all maps together, bytes", each, 256)
