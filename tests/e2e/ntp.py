#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A time server and its clients (RFC 5905, the client of 14). No clock is set.

ntp.py serve                    answer on port 123; the answer's reference
                                identifier is the port that the question came from
ntp.py ask ADDRESS SPORT        ask from this port for five seconds; print the port
                                that the server has seen, or "silence"
ntp.py hold PORT                keep a socket on the port, as a time daemon does;
                                print the sender of whatever comes
ntp.py push ADDRESS SOURCE      send an answer to port 123 that nobody has asked for,
                                from port 123 of SOURCE
"""
import os
import socket
import struct
import sys

NTP = 123
PACKET = struct.Struct("!BBBbIII8s8s8s8s")
CLIENT, SERVER = 0x23, 0x24     # version 4, mode


def bound(family, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::" if family == socket.AF_INET6 else "", port))
    return s


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def answer(question, port):
    return PACKET.pack(SERVER, 2, 6, -20, 0, 0, port, bytes(8), question[40:48],
                       question[40:48], question[40:48])


def serve():
    s = bound(socket.AF_INET6, NTP)
    # the answer leaves from the address that was asked
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    while True:
        question, control, _, peer = s.recvmsg(2000, 200)
        if len(question) >= PACKET.size and question[0] & 7 == CLIENT & 7:
            s.sendmsg([answer(question, peer[1])],
                      [(l, t, d[:16] + bytes(4)) for l, t, d in control
                       if t == socket.IPV6_PKTINFO], 0, peer)


def ask(address, sport):
    s = bound(family_of(address), int(sport))
    s.connect((address, NTP))
    s.settimeout(1)
    for _ in range(5):
        stamp = os.urandom(8)   # the answer must have it as its originate timestamp
        s.send(PACKET.pack(CLIENT, 0, 6, -20, 0, 0, 0, bytes(8), bytes(8), bytes(8),
                           stamp))
        try:
            fields = PACKET.unpack(s.recv(2000)[:PACKET.size])
        except OSError:
            continue
        if fields[0] & 7 == SERVER & 7 and fields[8] == stamp:
            return fields[6]
    return "silence"


def hold(port):
    s = bound(socket.AF_INET6, int(port))
    while True:
        print(s.recvfrom(2000)[1][0].removeprefix("::ffff:"), flush=True)


def push(address, source):
    s = socket.socket(family_of(address), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, NTP))
    s.sendto(answer(bytes(48), 0), (address, NTP))


def main():
    command, *arguments = sys.argv[1:]
    if command == "ask":
        print(ask(*arguments))
    else:
        {"serve": serve, "hold": hold, "push": push}[command](*arguments)


main()
