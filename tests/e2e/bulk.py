#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One TCP connection that carries much, both ways at once.

bulk.py serve PORT MEGABYTES NAME first|last
bulk.py connect ADDRESS PORT MEGABYTES NAME first|last

Each end sends so many megabytes and reads what the other sends. In the middle it
stops to read: it makes the file NAME.stopped, and goes on when NAME.stop is gone.
The first end closes its direction when all is sent. The last one keeps its last
megabytes back until it has read the other's end: it then makes NAME.half, and
goes on when NAME.hold is gone.

The sequence numbers of both ends wrap on the way: the end that connects chooses
its first number, and connects again until the other's is near the wrap, too.

Prints: sent SHA256 received SHA256 wrapped yes|no"""
import hashlib
import os
import socket
import struct
import sys
import threading
import time

MEGABYTE = 1 << 20
KEPT_BACK = 10      # megabytes
WRAP = 1 << 32
TRIES = 2000
# <linux/tcp.h>
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_NO_PROBE = 1, -1
SEND_QUEUE = 2


class Repair:
    """The socket's sequence numbers can be read, or set before it connects."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        self.option(TCP_REPAIR, REPAIR_ON)
        self.option(TCP_REPAIR_QUEUE, SEND_QUEUE)
        return self

    def __exit__(self, *_):
        self.option(TCP_REPAIR, REPAIR_OFF_NO_PROBE)

    def option(self, name, value):
        self.connection.setsockopt(socket.IPPROTO_TCP, name, value)

    def set_number(self, number):
        self.option(TCP_QUEUE_SEQ, struct.unpack("=i", struct.pack(
            "=I", number))[0])

    def number(self):
        return self.connection.getsockopt(
            socket.IPPROTO_TCP, TCP_QUEUE_SEQ) % WRAP


def next_number(connection):
    with Repair(connection) as repair:
        return repair.number()


class End:
    def __init__(self, megabytes, name, order):
        self.megabytes = int(megabytes)
        self.name = name
        self.is_first = order == "first"
        self.other_closed = threading.Event()
        self.sent = hashlib.sha256()
        self.received = hashlib.sha256()

    def wraps(self, number):
        return number + self.megabytes * MEGABYTE > WRAP

    def pause(self, made, until_gone):
        open(f"{self.name}.{made}", "w").close()
        while os.path.exists(f"{self.name}.{until_gone}"):
            time.sleep(0.01)

    def send(self, connection):
        block = bytearray(os.urandom(MEGABYTE))
        for number in range(self.megabytes):
            if not self.is_first and number == self.megabytes - KEPT_BACK:
                self.other_closed.wait()
                self.pause("half", "hold")
            struct.pack_into("!Q", block, 0, number)
            self.sent.update(block)
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)

    def read(self, connection):
        block = bytearray(MEGABYTE)
        count = 0
        is_stopped = False
        while True:
            got = connection.recv_into(block)
            if not got:
                break
            self.received.update(memoryview(block)[:got])
            count += got
            if not is_stopped and count >= self.megabytes * MEGABYTE // 2:
                self.pause("stopped", "stop")
                is_stopped = True
        self.other_closed.set()
        if count != self.megabytes * MEGABYTE:
            sys.exit(f"{self.name}: {count} bytes have come")

    def run(self, connection):
        first = next_number(connection)
        sender = threading.Thread(target=self.send, args=(connection,))
        sender.start()
        self.read(connection)
        sender.join()
        connection.close()
        print("sent", self.sent.hexdigest(),
              "received", self.received.hexdigest(),
              "wrapped", "yes" if self.wraps(first) else "no")


def serve(port, *arguments):
    end = End(*arguments)
    server = socket.create_server(("", int(port)), family=socket.AF_INET6,
                                  dualstack_ipv6=True)
    while True:
        connection, _ = server.accept()
        is_near = end.wraps(next_number(connection))
        connection.sendall(b"+" if is_near else b"-")
        if is_near:
            server.close()
            end.run(connection)
            return
        connection.close()


def connect(address, port, *arguments):
    end = End(*arguments)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(TRIES):
        connection = socket.socket(family)
        with Repair(connection) as repair:
            repair.set_number(WRAP - end.megabytes * MEGABYTE // 3)
        connection.settimeout(10)
        connection.connect((address, int(port)))
        verdict = connection.recv(1)
        connection.settimeout(None)
        if verdict == b"+":
            end.run(connection)
            return
        connection.close()
    sys.exit(f"{TRIES} connections, and no number near the wrap")


def main():
    command, *arguments = sys.argv[1:]
    {"serve": serve, "connect": connect}[command](*arguments)


main()
