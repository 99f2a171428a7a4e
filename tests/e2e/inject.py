#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send hostile frames from an interface of this namespace: inject.py CASE IFACE
DST_MAC. Prints how many were sent."""
import socket
import sys

from scapy.all import (Dot1AD, Dot1Q, Ether, GRE, IP, Raw, TCP, UDP,
                       fragment)

CASE, IFACE, MAC = sys.argv[1:4]
SYN = IP(src="10.1.0.1", dst="10.1.0.2", ttl=64) / TCP(
    sport=40000, dport=22, flags="S")


def framed(packet):
    return bytes(Ether(src="02:00:00:00:77:01", dst=MAC) / packet)


def cut(packet, first, last):
    whole = framed(packet)
    return [whole[:length] for length in range(first, last)]


FRAMES = {
    "control": lambda: [framed(SYN)],
    "ip-header-cut": lambda: cut(SYN, 14, 34),
    "tcp-header-cut": lambda: cut(SYN, 34, 54),
    "vlan": lambda: [framed(Dot1Q(vlan=10) / SYN), framed(Dot1Q(vlan=0) / SYN),
                     framed(Dot1AD(vlan=5) / Dot1Q(vlan=10) / SYN)],
    "gre": lambda: [framed(IP(src="10.1.0.1", dst="10.1.0.2") / GRE() /
                           IP(src="10.1.0.1", dst="10.0.3.2") / TCP(dport=22)),
                    framed(IP(src="10.1.0.1", dst="10.1.0.2") /
                           IP(src="10.1.0.1", dst="10.0.3.2") / TCP(dport=22))],
    "fragments": lambda: [framed(f) for f in fragment(
        IP(src="10.1.0.1", dst="10.1.0.2") /
        UDP(sport=9, dport=22) / Raw(b"x" * 3000))[1:]],
    "other-mac": lambda: [bytes(Ether(src="02:00:00:00:77:01",
                                      dst="02:00:00:00:66:06") / SYN),
                          bytes(Ether(src="02:00:00:00:77:01",
                                      dst="ff:ff:ff:ff:ff:ff") / SYN)],
}

sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((IFACE, 0))
frames = FRAMES[CASE]()
for frame in frames:
    sender.send(frame)
print(len(frames))
