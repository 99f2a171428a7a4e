#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Multicast DNS (RFC 6762) on one link, over IPv4 (4) or IPv6 (6).

mdns.py respond IFACE 4|6       answer each question, to the group, or to the sender
                                if it asks for that; print the senders
mdns.py ask IFACE 4|6 group|unicast SECONDS [ADDRESS]
                                ask from port 5353, the group or else ADDRESS; how the
                                answer is to come; print who answered, or "silence"
"""
import socket
import struct
import sys
import time

PORT = 5353
GROUP4, GROUP6 = "224.0.0.251", "ff02::fb"
NAME = b"\x05guest\x05local\0"
UNICAST = 0x8000    # RFC 6762 5.4


def open_socket(iface, version):
    index = socket.if_nametoindex(iface)
    family = socket.AF_INET if version == "4" else socket.AF_INET6
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if version == "4":
        s.bind(("", PORT))
        link = struct.pack("4s4si", socket.inet_aton(GROUP4), bytes(4), index)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, link)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, link)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        return s, (GROUP4, PORT)
    s.bind(("::", PORT))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                 socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("i", index))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    return s, (GROUP6, PORT, 0, index)


def question(how):
    return (struct.pack("!6H", 0, 0, 1, 0, 0, 0) + NAME +
            struct.pack("!2H", 1, 1 | (UNICAST if how == "unicast" else 0)))


def answer():
    return (struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + NAME +
            struct.pack("!2HIH", 1, 0x8001, 120, 4) + bytes(4))


def is_answer(message):
    return len(message) >= 12 and message[2] & 0x80


def respond(iface, version):
    s, group = open_socket(iface, version)
    while True:
        message, sender = s.recvfrom(2000)
        if is_answer(message):
            continue
        print(sender[0].split("%")[0], flush=True)
        is_unicast = struct.unpack("!H", message[-2:])[0] & UNICAST
        s.sendto(answer(), sender if is_unicast else group)


def ask(iface, version, how, seconds, address=None):
    s, group = open_socket(iface, version)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        s.sendto(question(how), (address, PORT) if address else group)
        s.settimeout(0.5)
        try:
            while True:     # its own question comes back to it, too
                message, sender = s.recvfrom(2000)
                if is_answer(message):
                    return sender[0].split("%")[0]
        except socket.timeout:
            pass
    return "silence"


def main():
    command, *arguments = sys.argv[1:]
    if command == "respond":
        respond(*arguments)
    print(ask(*arguments))


main()
