#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that must not get through: sent, and looked for.

forbidden.py send FILE ADDRESS:PORT...   tries each, in TCP and UDP, again and
                                         again while FILE is there; FILE.sent:
                                         how many its kernel has taken
forbidden.py sink FILE IFACE RULE...     counts the IPv4 packets that IFACE,
                                         which comes and goes, receives until
                                         FILE is gone and all that came is read;
                                         FILE.seen: how many were forbidden,
                                         FILE.all: of how many, FILE.missed: how
                                         many the kernel could not keep for it

RULE: to:PORT,PORT-PORT  TCP and UDP to other ports, but answers to us
      from:ADDRESS       from that address"""
import errno
import os
import socket
import struct
import sys
import time

ETH_P_IP = 0x0800
OUTGOING = 4
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE, QUEUE_BYTES = 33, 16 << 20
EPHEMERAL = 32768


def put(name, number):
    with open(name + ".new", "w") as file:
        file.write(f"{number}\n")
    os.rename(name + ".new", name)


def send(name, targets):
    targets = [(a, int(p)) for a, p in (t.rsplit(":", 1) for t in targets)]
    udp = socket.socket(type=socket.SOCK_DGRAM)
    sent = 0
    while os.path.exists(name):
        for target in targets:
            tcp = socket.socket()
            tcp.setblocking(False)
            sent += tcp.connect_ex(target) in (0, errno.EINPROGRESS)
            tcp.close()
            try:
                udp.sendto(b"forbidden", target)
                sent += 1
            except OSError:
                pass        # the way there is gone for now
        put(name + ".sent", sent)
        time.sleep(0.005)


def is_forbidden(packet, rules):
    source = socket.inet_ntoa(packet[12:16])
    protocol, at = packet[9], (packet[0] & 15) * 4
    for kind, value in rules:
        if kind == "from" and source == value:
            return True
        if kind == "to" and protocol in (6, 17) and len(packet) >= at + 4:
            port = struct.unpack_from("!H", packet, at + 2)[0]
            if port < EPHEMERAL and not any(a <= port <= b for a, b in value):
                return True
    return False


def parse(rule):
    kind, value = rule.split(":", 1)
    if kind == "to":
        value = [tuple(map(int, (p.split("-") * 2)[:2]))
                 for p in value.split(",")]
    return kind, value


def sink(name, iface, rules):
    rules = [parse(rule) for rule in rules]
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                        socket.htons(ETH_P_IP))
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES)
    tap.settimeout(0.1)
    seen = every = missed = 0
    told = 0
    is_over = False
    while not is_over:
        if not os.path.exists(name):
            tap.settimeout(0)   # what is there already, and no more
        try:
            packet, (where, _, kind, *_) = tap.recvfrom(2048)
            # an interface that has gone has no name
            if where in (iface, "") and kind != OUTGOING:
                every += 1
                seen += is_forbidden(packet, rules)
        except BlockingIOError:
            is_over = True
        except TimeoutError:
            pass
        if is_over or time.monotonic() - told > 0.1:
            missed += struct.unpack("II", tap.getsockopt(
                SOL_PACKET, PACKET_STATISTICS, 8))[1]
            put(name + ".seen", seen)
            put(name + ".missed", missed)
            put(name + ".all", every)
            told = time.monotonic()


if sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3:])
else:
    sink(sys.argv[2], sys.argv[3], sys.argv[4:])
