#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not get through: sent, and looked for.

forbidden.py send FILE ADDRESS:PORT...   tries each, in TCP and UDP, again and
                                         again while FILE is there; FILE.sent
                                         says how often
forbidden.py sink FILE IFACE RULE...     counts the IPv4 packets that IFACE
                                         receives while FILE is there and it
                                         comes and goes; FILE.seen: how many were
                                         forbidden, FILE.all: of how many

RULE: to:PORT,PORT-PORT  TCP and UDP to other ports, but answers to us
      from:ADDRESS       from that address"""
import os
import socket
import struct
import sys
import time

ETH_P_IP = 0x0800
HOST, OUTGOING = 0, 4
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
            try:
                tcp.connect_ex(target)
                udp.sendto(b"forbidden", target)
            except OSError:
                pass        # the way there is gone for now
            tcp.close()
            sent += 2
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
    tap.settimeout(0.1)
    seen = every = 0
    told = time.monotonic()
    while os.path.exists(name):
        try:
            packet, (where, _, kind, *_) = tap.recvfrom(2048)
            if where == iface and kind == HOST:
                every += 1
                seen += is_forbidden(packet, rules)
        except OSError:
            pass            # nothing came, or the link is down
        if time.monotonic() - told > 0.1:
            put(name + ".seen", seen)
            put(name + ".all", every)
            told = time.monotonic()
    put(name + ".seen", seen)
    put(name + ".all", every)


if sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3:])
else:
    sink(sys.argv[2], sys.argv[3], sys.argv[4:])
