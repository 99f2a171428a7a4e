#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask a name server for a TXT record: txt.py udp|tcp SERVER NAME. Prints its
text, or "truncated" (RFC 1035)."""
import socket
import struct
import sys

TXT, IN = 16, 1
RECURSE, TRUNCATED = 0x0100, 0x0200
HEADER = struct.Struct("!6H")
IDENTIFIER = 0x5347


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode()
                      for label in name.split("."))
    return (HEADER.pack(IDENTIFIER, RECURSE, 1, 0, 0, 0) + labels + b"\0" +
            struct.pack("!2H", TXT, IN))


def ask_udp(server, query):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.settimeout(3)
        end.connect((server, 53))
        end.send(query)
        return end.recv(65536)


def ask_tcp(server, query):
    with socket.create_connection((server, 53), timeout=3) as end:
        end.sendall(struct.pack("!H", len(query)) + query)
        stream = end.makefile("rb")
        return stream.read(*struct.unpack("!H", stream.read(2)))


def text(answer, query):
    identifier, flags, _, answers, _, _ = HEADER.unpack_from(answer)
    assert identifier == IDENTIFIER
    if flags & TRUNCATED:
        return "truncated"
    assert answers == 1
    at = len(query) + 10        # a pointer to the name, type, class, TTL
    data = answer[at + 2:at + 2 + struct.unpack_from("!H", answer, at)[0]]
    strings = b""
    while data:
        strings += data[1:1 + data[0]]
        data = data[1 + data[0]:]
    return strings.decode()


way, server, name = sys.argv[1:4]
query = question(name)
print(text({"udp": ask_udp, "tcp": ask_tcp}[way](server, query), query))
