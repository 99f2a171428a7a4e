#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Let a link segment and merge TCP packets up to a size (BIG TCP), in IPv4 and
IPv6: big.py LINK BYTES. bookworm's ip knows IPv6's alone."""
import socket
import struct
import sys

RTM_NEWLINK, NLM_F_REQUEST, NLM_F_ACK = 16, 1, 4
# <linux/if_link.h>: IFLA_GSO_MAX_SIZE, and GRO; and of IPv4, from 6.3 on
SIZES = 41, 58, 63, 64


def main(link, size):
    attributes = b"".join(struct.pack("=HHI", 8, kind, int(size))
                          for kind in SIZES)
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(link), 0, 0)
    body += attributes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK,
                                NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        error, = struct.unpack("=i", kernel.recv(1024)[16:20])
    if error:
        sys.exit(f"{link}: error {-error}")


main(*sys.argv[1:])
