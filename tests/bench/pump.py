# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that sends frames and measures what they cost: see pump.c."""
import subprocess
from typing import NamedTuple


class Cost(NamedTuple):
    """Of one frame, nanoseconds."""
    cpu: float
    wall: float
    refused: int


class Pump:
    def __init__(self, program, cpu, ksoftirqd):
        self.process = subprocess.Popen([program, str(cpu), str(ksoftirqd)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        pass_fds=[ksoftirqd])

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the pump has ended at: {text[:80]}")
        return [int(word) for word in answer.split()]

    def tap(self, namespace, iface):
        return self.ask(f"tap {namespace} {iface}")[0]

    def port(self, namespace, iface):
        return self.ask(f"port {namespace} {iface}")[0]

    def attach(self, namespace, iface, path):
        self.ask(f"tcx {namespace} {iface} {path}")

    def play(self, count, *frames):
        """COUNT times, all frames in turn. The cost of one turn."""
        cpu, wall, refused = self.ask(
            "\n".join([f"play {count} {len(frames)}", *(f.line for f in frames)]))
        return Cost(cpu / count, wall / count, refused)

    def time(self, namespace, iface, path, count, data, repeat, action):
        """Nanoseconds of a program's run on a frame, by which it comes to that action."""
        total, came_to = self.ask(
            f"time {namespace} {iface} {path} {count} {repeat} {data.hex()}")
        if came_to != action:
            raise RuntimeError(f"{path}: {came_to}, not {action}")
        return total / count

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
