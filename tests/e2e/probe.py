#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about a gate from the namespaces around it, each answered by a line.

Arguments: NAMESPACE/ADDRESS..., the gate as that namespace sees it.

open NAMESPACE/ADDRESS:PORT...  which of them answer a SYN with a SYN and ACK
talk ADDRESS:PORT     open the connection that `line` is about
line                  `ok` if a line comes back over it
flip GRANTS TIMES NAMESPACE/ADDRESS:PORT  write host-control's state into the pinned
                      map and ask the port; how many answers were not the state's

Nothing waits for what does not answer: behind the SYNs go echo requests to the
gate, one after the other, and as every packet here is handled by one CPU in its
turn, what is not answered when they are will not be."""
import ctypes
import ctypes.util
import itertools
import os
import random
import select
import socket
import struct
import sys
import time

MOMENT = 0.25  # for gates that answer no echo request, and for busy machines
PATIENCE = 5
HOPS = 4
CLONE_NEWNET = 0x40000000
SYN, SYN_ACK = 0x02, 0x12
LIBC = ctypes.CDLL(None, use_errno=True)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Place:
    def __init__(self, name, gate):
        self.gate = gate
        with open(f"/run/netns/{name}", "rb") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {name}")
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.route = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.setblocking(False)
        self.icmp.setblocking(False)
        self.asked = {}
        # In turn: where a reset was stopped, the one asked may wait for another
        # minute on what it was asked from a port, and answers no other SYN there.
        self.ports = itertools.cycle(range(10000, 30000))

    def source_to(self, address):
        self.route.connect((address, 9))
        return self.route.getsockname()[0]

    def begin(self):
        self.asked = {}
        self.taken = set()
        for connection in (self.tcp, self.icmp):  # what came since
            while select.select([connection], [], [], 0)[0]:
                connection.recv(2048)

    def ask(self, target):
        address, port = target.rsplit(":", 1)
        own = next(self.ports)
        self.asked[own] = target
        start = struct.pack("!HHIIBB", own, int(port), random.getrandbits(32), 0,
                            5 << 4, SYN)
        pseudo = (socket.inet_aton(self.source_to(address)) +
                  socket.inet_aton(address) + struct.pack("!HH", 6, 20))
        start += struct.pack("!H", 64000)
        total = checksum(pseudo + start + struct.pack("!HH", 0, 0))
        try:
            self.tcp.sendto(start + struct.pack("!HH", total, 0), (address, 0))
        except OSError:
            pass  # it has no way there

    def listen(self):
        while select.select([self.tcp], [], [], 0)[0]:
            packet = self.tcp.recv(2048)
            at = (packet[0] & 15) * 4
            own = struct.unpack("!H", packet[at + 2:at + 4])[0]
            if packet[at + 13] & 0x3F == SYN_ACK and own in self.asked:
                self.taken.add(self.asked[own])

    def fence(self, end):
        """Return whether the gate answered all of them in time."""
        for sequence in range(HOPS):
            echo = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, sequence)
            echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
            try:
                self.icmp.sendto(echo, (self.gate, 0))
            except OSError:
                return False
            answer = None
            while answer != echo[4:]:
                left = end - time.monotonic()
                if left <= 0 or not select.select([self.icmp], [], [], left)[0]:
                    return False
                packet = self.icmp.recv(2048)
                at = (packet[0] & 15) * 4
                answer = packet[at + 4:at + 8] if packet[at] == 0 else None
        return True


def opened(places, targets):
    end = time.monotonic() + MOMENT
    used = {}
    for target in targets:
        name, rest = target.split("/")
        if name not in used:
            used[name] = places[name]
            places[name].begin()
        places[name].ask(rest)
    fenced = [place.fence(end) for place in used.values()]
    while True:
        for place in used.values():
            place.listen()
        taken = [f"{name}/{target}" for name, place in used.items()
                 for target in place.taken]
        if all(fenced) and taken or time.monotonic() > end:
            return " ".join(sorted(taken))
        time.sleep(0.005)


# struct sg_grant, and whether that is open
STATES = [((1, 0), True), ((0, 0), False), ((1, 0xFFFFFFFF), True), ((1, 1), False),
          ((1, 0), True), ((0, 0xFFFFFFFF), False)]
HOST_CONTROL = ctypes.c_uint32(1)


def flip(places, pinned, times, target):
    bpf = ctypes.CDLL(ctypes.util.find_library("bpf"), use_errno=True)
    grants = bpf.bpf_obj_get(pinned.encode())
    if grants < 0:
        raise OSError(ctypes.get_errno(), pinned)
    name, rest = target.split("/")
    place = places[name]
    wrong = 0
    for i in range(times):
        value, is_open = STATES[i % len(STATES)]
        place.begin()
        if bpf.bpf_map_update_elem(grants, ctypes.byref(HOST_CONTROL),
                                   (ctypes.c_uint32 * 2)(*value),
                                   ctypes.c_uint64(0)):
            raise OSError(ctypes.get_errno(), pinned)
        place.ask(rest)
        end = time.monotonic() + PATIENCE
        fenced = place.fence(end)
        place.listen()
        while is_open and not place.taken and time.monotonic() < end:
            place.listen()
        wrong += not fenced or bool(place.taken) != is_open
    bpf.bpf_map_update_elem(grants, ctypes.byref(HOST_CONTROL),
                            (ctypes.c_uint32 * 2)(0, 0), ctypes.c_uint64(0))
    os.close(grants)
    return f"{wrong} of {times}"


def line(connection):
    connection.settimeout(5)
    try:
        connection.sendall(b"a line\n")
        got = b""
        while len(got) < 7:
            more = connection.recv(7 - len(got))
            if not more:
                return "closed"
            got += more
        return "ok"
    except OSError as error:
        return str(error)


def main():
    connection = None
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    places = {}
    for argument in reversed(sys.argv[1:]):  # to be at last in the first
        name, gate = argument.split("/")
        places[name] = Place(name, gate)
    for command in sys.stdin:
        verb, *rest = command.split()
        if verb == "open":
            print(opened(places, rest), flush=True)
        elif verb == "flip":
            print(flip(places, rest[0], int(rest[1]), rest[2]), flush=True)
        elif verb == "talk":
            address, port = rest[0].rsplit(":", 1)
            connection = socket.create_connection((address, int(port)), 5)
            print(line(connection), flush=True)
        else:
            print(line(connection), flush=True)


main()
