# SPDX-License-Identifier: GPL-2.0-or-later
"""Ethernet frames as bytes, with right checksums (RFC 791, 9293, 768, 8200)."""
import ipaddress
import struct

TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16
WINDOW_SCALE = b"\x01\x03\x03\x0e"    # NOP, scale 14: a gigabyte in flight
ETHERNET_BYTES, IPV4_BYTES, IPV6_BYTES = 14, 20, 40
IPV4_SUM_AT, IPV4_SOURCE_AT = 10, 12
TCP_SEQ_AT, TCP_SUM_AT, UDP_SUM_AT = 4, 16, 6
SEQ = 1000    # where every sender begins


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def packet(macs, ends, segment, protocol, ttl=64):
    """A frame from and to (MAC, MAC), (address, address)."""
    src, dst = (ipaddress.ip_address(end) for end in ends)
    sum_at = TCP_SUM_AT if protocol == TCP else UDP_SUM_AT
    pseudo = src.packed + dst.packed + struct.pack("!II", len(segment), protocol)
    segment = (segment[:sum_at] + struct.pack("!H", checksum(pseudo + segment)) +
               segment[sum_at + 2:])
    ethernet = mac_bytes(macs[1]) + mac_bytes(macs[0])
    if src.version == 6:
        return (ethernet + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(segment), protocol, ttl) +
                src.packed + dst.packed + segment)
    header = struct.pack("!BBHHHBBH", 0x45, 0, IPV4_BYTES + len(segment), 1, 0x4000, ttl,
                         protocol, 0) + src.packed + dst.packed
    header = header[:IPV4_SUM_AT] + struct.pack("!H", checksum(header)) + header[12:]
    return ethernet + b"\x08\x00" + header + segment


def tcp(macs, ends, ports, flags, numbers=(SEQ, 0), payload=b"", options=b"",
        ttl=64):
    segment = struct.pack("!HHIIBBHHH", *ports, *numbers, (20 + len(options)) // 4 << 4, flags,
                          0xffff, 0, 0) + options + payload
    return packet(macs, ends, segment, TCP, ttl)


def udp(macs, ends, ports, payload=b""):
    return packet(macs, ends, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload, UDP)


class Frame:
    """A frame that is sent by a handle of the pump, and how it changes."""

    def __init__(self, handle, data, at=0, add=0, sums=(0, 0)):
        self.line = f"{handle} {data.hex()} {at} {add} {sums[0]} {sums[1]}"


def next_segment(handle, data, payload_bytes):
    """IPv4 TCP: each one's payload follows the one before."""
    l4 = ETHERNET_BYTES + IPV4_BYTES
    return Frame(handle, data, l4 + TCP_SEQ_AT, payload_bytes, (l4 + TCP_SUM_AT, 0))


def next_source(handle, data, step=1, protocol=TCP):
    """IPv4: each one from another address."""
    l4 = ETHERNET_BYTES + IPV4_BYTES
    return Frame(handle, data, ETHERNET_BYTES + IPV4_SOURCE_AT, step,
                 (ETHERNET_BYTES + IPV4_SUM_AT,
                  l4 + (TCP_SUM_AT if protocol == TCP else UDP_SUM_AT)))


def next_destination(handle, data, step=1):
    """IPv4 TCP: each one to another address."""
    l4 = ETHERNET_BYTES + IPV4_BYTES
    return Frame(handle, data, ETHERNET_BYTES + IPV4_SOURCE_AT + 4, step,
                 (ETHERNET_BYTES + IPV4_SUM_AT, l4 + TCP_SUM_AT))


def next_source6(handle, data, step=1, protocol=TCP):
    """IPv6: each one from another address."""
    l4 = ETHERNET_BYTES + IPV6_BYTES
    return Frame(handle, data, ETHERNET_BYTES + 20, step,
                 (l4 + (TCP_SUM_AT if protocol == TCP else UDP_SUM_AT), 0))
