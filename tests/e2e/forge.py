#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many SYNs under another's address: forge.py IFACE DST_MAC SOURCE ADDRESS PORT

Sends them from the interface, from one source port after another, until it is
killed. Makes the frames first."""
import socket
import sys
import time

from scapy.all import Ether, IP, IPv6, TCP, get_if_hwaddr

PORTS = range(20000, 22000)
PAUSE_S = 0.0005    # the test's own programs want the CPU, too


def main(link, mac, source, address, port):
    ip = IPv6 if ":" in source else IP
    frames = [bytes(Ether(src=get_if_hwaddr(link), dst=mac) /
                    ip(src=source, dst=address) /
                    TCP(sport=sport, dport=int(port), flags="S", seq=sport))
              for sport in PORTS]
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((link, 0))
    print("ready", flush=True)
    while True:
        for frame in frames:
            out.send(frame)
            time.sleep(PAUSE_S)


main(*sys.argv[1:])
