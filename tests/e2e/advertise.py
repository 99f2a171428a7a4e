# SPDX-License-Identifier: GPL-2.0-or-later
"""radvd's work: advertise.py COUNT LIFETIME OWN-ADDRESS sends so many router
advertisements by lan0, 2 ms apart, whose lifetimes alone differ."""
import socket, struct, sys, time
count, lifetime = int(sys.argv[1]), int(sys.argv[2])
own = sys.argv[3]
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.bind((own, 0, 0, socket.if_nametoindex("lan0")))
for number in range(count):
    prefix = socket.inet_pton(socket.AF_INET6, "2001:db8:7::")
    packet = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime + number % 7, 0, 0)
    packet += struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400 + number % 7, 14400, 0) + prefix
    sender.sendto(packet, ("ff02::1", 0, 0, socket.if_nametoindex("lan0")))
    time.sleep(0.002)
