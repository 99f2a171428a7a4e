#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send hostile frames from an interface of this namespace: inject.py CASE IFACE
DST_MAC [SRC [DST]]. Prints how many were sent. As CASE, - has it take cases from
standard input, one a line, and print a number for each."""
import socket
import sys

from scapy.all import (BOOTP, DHCP, Dot1AD, Dot1Q, Dot3, Ether, GRE, ICMP, IP,
                       LLC, Raw, SCTP, STP, TCP, UDP, fragment,
                       get_if_hwaddr)

CASE, IFACE, MAC = sys.argv[1:4]
SRC, DST = (sys.argv[4:] + ["10.1.0.1", "10.1.0.2"][len(sys.argv) - 4:])[:2]
SYN = IP(src=SRC, dst=DST, ttl=64) / TCP(sport=40000, dport=22, flags="S")
IN_A_FLOW = IP(src=SRC, dst=DST) / UDP(sport=40500, dport=3000) / Raw(b"once more")
OFFER = BOOTP(op=2, yiaddr="192.168.7.77", siaddr=SRC) / DHCP(
    options=[("message-type", "offer"), ("server_id", SRC), "end"])


SENDER = "02:00:00:00:77:01"


def framed(packet, sender=SENDER):
    return bytes(Ether(src=sender, dst=MAC) / packet)


def cut(packet, first, last):
    whole = framed(packet)
    return [whole[:length] for length in range(first, last)]


FRAMES = {
    "control": lambda: [framed(SYN)],
    "ip-header-cut": lambda: cut(SYN, 14, 34),
    "tcp-header-cut": lambda: cut(SYN, 34, 54),
    "vlan": lambda: [framed(Dot1Q(vlan=10) / SYN),
                     framed(Dot1Q(vlan=0) / Dot1Q(vlan=10) / SYN),
                     framed(Dot1AD(vlan=5) / Dot1Q(vlan=10) / SYN)],
    # of the flow of test_frames, which is answered
    "in-a-flow": lambda: [framed(IN_A_FLOW)],
    "tagged-in-a-flow": lambda: [framed(Dot1Q(vlan=10) / IN_A_FLOW)],
    "priority": lambda: [framed(Dot1Q(vlan=0, prio=5) / SYN)],
    "other-protocols": lambda: [framed(IP(src=SRC, dst=DST) / p) for p in (
        GRE() / IP(src=SRC, dst="10.0.3.2") / TCP(dport=22),
        IP(src=SRC, dst="10.0.3.2") / TCP(dport=22),
        SCTP(sport=40000, dport=22))] + [
            framed(IP(src=SRC, dst=DST, proto=p) / TCP(dport=22))
            for p in (0, 255)],
    "short-ip": lambda: [bytes(SYN)[:length] for length in range(1, 20)],
    "not-ip": lambda: [bytes(frame) for frame in (
        Ether(src=SENDER, dst=MAC, type=0x1234) / SYN,
        Ether(src=SENDER, dst=MAC, type=0x88cc) / SYN,
        Dot3(src=SENDER, dst=MAC) / LLC() / SYN,
        Dot3(src=SENDER, dst="01:80:c2:00:00:00") / LLC() / STP())],
    # what a host that has the address answers
    "is-it-there": lambda: [framed(IP(src=SRC, dst=DST) / p) for p in (
        TCP(sport=40000, dport=22, flags="S"),
        TCP(sport=40001, dport=8000, flags="S"),
        TCP(sport=40002, dport=8000, flags="SA"),
        TCP(sport=40003, dport=8000, flags="A"),
        UDP(sport=40000, dport=9), ICMP(id=7),
        # and no more of it, should the first two have been
        TCP(sport=40000, dport=22, flags="R", seq=1),
        TCP(sport=40001, dport=8000, flags="R", seq=1))],
    # a general query (RFC 2236), to be answered in 0.1 s
    "is-a-member-there": lambda: [framed(
        IP(src=SRC, dst=DST, proto=2, ttl=1) /
        Raw(b"\x11\x01\xee\xfe" + bytes(4)))],
    "is-a-dhcp-client-there": lambda: [
        framed(IP(src=SRC, dst=DST) / UDP(sport=67, dport=68) / OFFER)],
    "dhcp-offers": lambda: [
        framed(IP(src=SRC, dst=to) / UDP(sport=67, dport=68) / OFFER)
        for to in ("255.255.255.255", "192.168.7.255", DST)],
    "fragments": lambda: [framed(f) for f in fragment(
        IP(src="10.1.0.1", dst="10.1.0.2") /
        UDP(sport=9, dport=22) / Raw(b"x" * 3000))[1:]],
    # to the echo server of test_programs, the last fragment first
    "reordered": lambda: [framed(f, get_if_hwaddr(IFACE)) for f in
                          reversed(fragment(
        IP(src="10.1.0.1", dst="10.1.0.2", id=4242) /
        UDP(sport=4444, dport=2003) / Raw(b"reordered" * 400)))],
    "other-mac": lambda: [bytes(Ether(src=SENDER,
                                      dst="02:00:00:00:66:06") / SYN),
                          bytes(Ether(src=SENDER,
                                      dst="ff:ff:ff:ff:ff:ff") / SYN)],
}


def send(case):
    frames = FRAMES[case]()
    for frame in frames:
        sender.send(frame)
    print(len(frames), flush=True)


sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((IFACE, 0))
for case in map(str.strip, sys.stdin) if CASE == "-" else [CASE]:
    send(case)
