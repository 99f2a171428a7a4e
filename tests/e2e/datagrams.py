#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP datagrams there and back.

datagrams.py echo PORT
datagrams.py ask ADDRESS PORT CONNECTIONS ROUNDS BYTES

Each datagram begins with its connection's identifier and its number, as QUIC's
do; the rest is random. Prints how many came back equal; fails if not all."""
import os
import socket
import struct
import sys

HEADER = struct.Struct("!8sI")


def echo(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", int(port)))
    while True:
        server.sendto(*server.recvfrom(65536))


def connect(address, port):
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.connect((address, port))
    connection.settimeout(2)
    return connection, os.urandom(8)


def answer(connection):
    try:
        return connection.recv(65536)
    except OSError:     # too late, or an ICMP error
        return None


def ask(address, port, connections, rounds, size):
    ends = [connect(address, int(port)) for _ in range(int(connections))]
    equal = 0
    for number in range(int(rounds)):
        sent = []
        for connection, identifier in ends:
            head = HEADER.pack(identifier, number)
            sent.append(head + os.urandom(int(size) - len(head)))
            connection.send(sent[-1])
        came = sum(answer(connection) == datagram
                   for (connection, _), datagram in zip(ends, sent))
        equal += came
        if not came:    # nothing crosses at all
            break
    print(equal)
    return equal == int(connections) * int(rounds)


def main():
    command, *arguments = sys.argv[1:]
    if command == "echo":
        echo(*arguments)
    sys.exit(0 if ask(*arguments) else 1)


main()
