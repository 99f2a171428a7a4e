#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send a UDP packet to port 5000 whose sum is left to the kernel (RFC 768; a
virtio_net_hdr): sum_at.py IFACE MAC SRC DST START OFFSET [PROTOCOL]. It is that of
the frame from START on, and stored OFFSET bytes behind that. PROTOCOL: the number in
the IP header, of something else that is left so."""
import socket
import struct
import sys

SOL_PACKET, PACKET_VNET_HDR, NEEDS_CSUM = 263, 15, 1
IFACE, MAC, SRC, DST = sys.argv[1:5]
START, OFFSET = map(int, sys.argv[5:7])
PROTOCOL = int(sys.argv[7]) if len(sys.argv) > 7 else socket.IPPROTO_UDP
PAYLOAD = b"chosen so that the sum is a port"


def total(data):
    value = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


addresses = socket.inet_aton(SRC) + socket.inet_aton(DST)
length = 8 + len(PAYLOAD)
ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64,
                 PROTOCOL, 0) + addresses
ip = ip[:10] + struct.pack("!H", ~total(ip) & 0xffff) + ip[12:]
pseudo = total(addresses + struct.pack("!HH", socket.IPPROTO_UDP, length))
udp = struct.pack("!HHHH", 33000, 5000, length, pseudo if OFFSET == 6 else 0)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
sender.bind((IFACE, 0))
frame = bytes.fromhex(MAC.replace(":", "")) + sender.getsockname()[4] + b"\x08\0"
sender.send(struct.pack("<BBHHHH", NEEDS_CSUM, 0, 0, 0, START, OFFSET) + frame +
            ip + udp + PAYLOAD)
