#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows of known sizes, and their packets as a capture and the ledger count them.

counted.py serve PORT                   TCP: read to the end, answer with as many
                                        bytes, end; UDP: answer each datagram
counted.py begin ADDRESS PORT COUNT SEED MAX
                                        COUNT connections and COUNT datagram flows of
                                        up to MAX bytes each, one after the other
counted.py compare PCAP LEDGER REMOTE... each flow of these remotes that has ended:
                                        its packets and bytes, captured and recorded;
                                        prints how many there are, and those that differ
counted.py segments LEDGER PAYLOAD...   each TCP flow of FORWARD that has ended: are its
                                        bytes those of PAYLOAD in that many segments?
"""
import collections
import glob
import ipaddress
import json
import random
import socket
import struct
import sys
import threading

SYN_BYTES = 60      # IPv4 and TCP headers with Linux's options
SEGMENT_BYTES = 52  # the same with timestamps alone


def answer_stream(connection):
    got = 0
    with connection:
        while data := connection.recv(65536):
            got += len(data)
        connection.sendall(b"x" * got)


def serve(port):
    stream = socket.create_server(("", int(port)), family=socket.AF_INET6,
                                  dualstack_ipv6=True, backlog=512)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("", int(port)))

    def answer():
        while True:
            data, sender = datagrams.recvfrom(65536)
            datagrams.sendto(data, sender)
    threading.Thread(target=answer, daemon=True).start()
    while True:
        connection, _ = stream.accept()
        threading.Thread(target=answer_stream, args=(connection,)).start()


def begin_stream(address, port, size):
    with socket.create_connection((address, port), timeout=30) as stream:
        stream.sendall(b"x" * size)
        stream.shutdown(socket.SHUT_WR)
        got = 0
        while data := stream.recv(65536):
            got += len(data)
        assert got == size, (got, size)


def begin_datagrams(address, port, sizes):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(30)
        datagrams.connect((address, port))
        for size in sizes:
            datagrams.send(b"x" * size)
            assert len(datagrams.recv(65536)) == size


def begin(address, port, count, seed, largest):
    choose = random.Random(seed)
    for _ in range(int(count)):
        begin_stream(address, int(port), choose.randrange(1, int(largest)))
        begin_datagrams(address, int(port),
                        [choose.randrange(1, 6000)
                         for _ in range(choose.randrange(2, 6))])


class Capture:
    """Packets and bytes by (protocol, remote, its port) and by whether the remote
    sent them; a later fragment is of the flow that the first one is of."""

    def __init__(self, path, remotes):
        self.remotes = {ipaddress.ip_address(remote) for remote in remotes}
        self.counts = collections.defaultdict(lambda: [0, 0, 0, 0])
        self.fragments = {}
        with open(path, "rb") as file:
            header = file.read(24)
            assert struct.unpack("<I", header[:4])[0] == 0xa1b2c3d4
            while head := file.read(16):
                length = struct.unpack("<8xI4x", head)[0]
                self.add(file.read(length)[14:])

    def add(self, packet):
        if packet[0] >> 4 == 4:
            self.add_v4(packet)
        elif packet[0] >> 4 == 6:
            self.add_v6(packet)

    def add_v4(self, packet):
        size, number, place = struct.unpack("!2xHHH", packet[:8])
        source = ipaddress.ip_address(packet[12:16])
        target = ipaddress.ip_address(packet[16:20])
        self.count(packet[9], source, target, size,
                   packet[(packet[0] & 15) * 4:], (number, place & 0x1fff,
                                                   place & 0x3fff))

    def add_v6(self, packet):
        size = 40 + struct.unpack("!H", packet[4:6])[0]
        source = ipaddress.ip_address(packet[8:24])
        target = ipaddress.ip_address(packet[24:40])
        protocol, rest = packet[6], packet[40:]
        fragment = (0, 0, 0)
        if protocol == 44:
            protocol = rest[0]
            place, number = struct.unpack("!HI", rest[2:8])
            fragment = (number, place >> 3, place & 0xfff9)
            rest = rest[8:]
        self.count(protocol, source, target, size, rest, fragment)

    def count(self, protocol, source, target, size, rest, fragment):
        number, offset, is_fragment = fragment
        is_in = source in self.remotes
        remote = source if is_in else target
        if remote not in self.remotes or protocol not in (6, 17):
            return
        packet = (protocol, source, target, number)
        if offset:
            port = self.fragments[packet]
        else:
            port = struct.unpack("!HH", rest[:4])[0 if is_in else 1]
            if is_fragment:
                self.fragments[packet] = port
        counts = self.counts[(protocol, remote, port)]
        counts[0 if is_in else 2] += 1
        counts[1 if is_in else 3] += size


def records(folder, *events):
    """Those of all segments of a ledger."""
    for path in sorted(glob.glob(glob.escape(folder) + "/0*.jsonl")):
        with open(path) as file:
            for line in file:
                record = json.loads(line)
                if record["event"] in events:
                    yield record


NUMBERS = {"tcp": 6, "udp": 17}
COUNTS = ("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")


def compare(pcap, ledger, *remotes):
    captured = Capture(pcap, remotes).counts
    # a port that is used again is another flow, and to a capture the same
    recorded = collections.defaultdict(lambda: [0, 0, 0, 0])
    for record in records(ledger, "flow.end"):
        if record["kind"] == "forward":
            key = (NUMBERS[record["proto"]],
                   ipaddress.ip_address(record["id.orig_h"]),
                   record["id.orig_p"])
            for i, name in enumerate(COUNTS):
                recorded[key][i] += record[name]
    differ = [key for key in captured.keys() | recorded.keys()
              if recorded.get(key) != captured.get(key)]
    for key in differ[:10]:
        print(*map(str, key), "captured", captured.get(key), "recorded",
              recorded.get(key))
    print(len(captured), "flows,", sum(c[0] + c[2] for c in captured.values()),
          "packets,", len(differ), "differ")
    return not differ and bool(captured)


def segments(ledger, *payloads):
    """IPv4: a SYN, and data in segments with timestamps; now and then a segment
    has some bytes more of options (SACK), or is sent again, on a laden machine
    many. A packet that is not counted as its segments is one of few."""
    flows = sorted(
        (record["orig_ip_bytes"] - SYN_BYTES -
         SEGMENT_BYTES * (record["orig_pkts"] - 1), record["orig_pkts"])
        for record in records(ledger, "flow.end")
        if record["proto"] == "tcp" and record["kind"] == "forward")
    due = sorted(map(int, payloads))
    print("payloads and packets", flows)
    return len(flows) == len(due) and all(
        0 <= got - size < size / 4 and count >= size // 1460
        for (got, count), size in zip(flows, due))


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    sys.exit({"serve": serve, "begin": begin, "compare": compare,
              "segments": segments}[name](*arguments) is False)
