# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows that last while the network moves.

ticks.py serve udp|tcp PORT: says to each that asks where it seems to come from
ticks.py ask udp|tcp ADDRESS PORT [SPORT]: asks five times a second by one socket,
    and prints each answer, or the error
ticks.py once udp|tcp ADDRESS PORT SECONDS [SPORT]: one question, sent again each
    second as a client's is; the answer, the error's name, or "silence"
ticks.py beat udp|tcp ADDRESS PORT [SPORT]: asks ten times a second, by a new
    connection where the old one was told to end; prints the boot clock of each answer
ticks.py pull ADDRESS PORT: receives for ever; prints the boot clock of what came
ticks.py gap FROM TO: of those times on standard input, the longest without one, in s
ticks.py stream PORT: pours data to whoever connects
ticks.py pour PORT MB: the same, so many MB a second, if they are taken
ticks.py meter ADDRESS PORT: receives for ever by one connection; prints the boot
    clock and the bytes so far twenty times a second
ticks.py rate FROM TO: of those lines on standard input, MB a second
ticks.py forge IFACE SRC_MAC DST_MAC SRC DST SPORT DPORT FLAGS SEQ: one TCP segment
"""
import errno
import socket
import struct
import sys
import threading
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def name_of(address):
    host = address[0].removeprefix("::ffff:")
    return f"{host} {address[1]}\n".encode()


def serve_udp(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", port))
    # the answer leaves from the address that was asked
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    while True:
        _, control, _, peer = s.recvmsg(2000, 200)
        try:
            s.sendmsg([name_of(peer)],
                      [(l, t, d[:16] + b"\0\0\0\0") for l, t, d in control
                       if t == socket.IPV6_PKTINFO], 0, peer)
        except OSError:  # no way back now
            pass


def serve_tcp(port, serve_one):
    def run(*args):
        try:
            serve_one(*args)
        except OSError:
            pass

    s = socket.create_server(("::", port), family=socket.AF_INET6,
                             dualstack_ipv6=True)
    while True:
        threading.Thread(target=run, args=s.accept(), daemon=True).start()


def answer(connection, peer):
    while connection.recv(2000):
        connection.sendall(name_of(peer))


def pour(connection, _):
    while True:
        connection.sendall(b"x" * 4096)
        time.sleep(0.02)


def pour_at(rate_mb):
    piece = bytes(rate_mb * 10000)

    def pour_it(connection, _):
        due = time.monotonic()
        while True:
            connection.sendall(piece)
            due = max(due + 0.01, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))
    return pour_it


def connect(kind, address, port, sport, seconds):
    s = socket.socket(family(address), socket.SOCK_DGRAM if kind == "udp"
                      else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(seconds)
    if sport:
        s.bind(("", sport))
    s.connect(socket.getaddrinfo(address, port, type=s.type)[0][4])
    return s


def ask_once(s):
    try:
        s.send(b"x")
        return s.recv(2000).decode().strip() or "closed"
    except socket.timeout:
        return "silence"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def ask(kind, address, port, sport):
    s = connect(kind, address, port, sport, 1)
    s.settimeout(0.2)
    while True:
        began = time.monotonic()
        said = ask_once(s)
        print(said, flush=True)
        if kind == "tcp" and (said == "closed" or said.startswith("E")):
            return
        time.sleep(max(0, 0.2 - (time.monotonic() - began)))


def clock():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def beat(kind, address, port, sport):
    s = None
    while True:
        time.sleep(0.1)
        try:
            if not s:
                s = connect(kind, address, port, sport, 1)
                s.settimeout(0.3)
            s.send(b"x")
            if not s.recv(2000):
                raise ConnectionResetError
            print(clock(), flush=True)
        except socket.timeout:
            pass
        except OSError:
            if s and kind == "tcp":
                s.close()
                s = None


def pull(address, port):
    while True:
        try:
            s = connect("tcp", address, port, 0, 1)
            s.settimeout(None)
            while s.recv(65536):
                print(clock(), flush=True)
        except OSError:
            time.sleep(0.1)


def meter(address, port):
    s = connect("tcp", address, port, 0, 5)
    s.settimeout(0.05)
    room = bytearray(1 << 18)
    total, said = 0, 0
    while True:
        try:
            total += s.recv_into(room)
        except socket.timeout:
            pass
        if clock() - said >= 0.05:
            said = clock()
            print(said, total, flush=True)


def rate(begun, ended):
    seen = [tuple(map(float, line.split())) for line in sys.stdin]
    seen = [(at, total) for at, total in seen if begun <= at <= ended]
    if len(seen) < 2:
        return 0
    return (seen[-1][1] - seen[0][1]) / (ended - begun) / 1e6


def gap(begun, ended):
    times = [begun] + [t for t in map(float, sys.stdin)
                       if begun <= t <= ended] + [ended]
    return max(b - a for a, b in zip(times, times[1:]))


def once(kind, address, port, seconds, sport):
    try:
        s = connect(kind, address, port, sport, seconds)
    except socket.timeout:
        return "silence"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    # a neighbour that was asked for in vain a moment ago costs the first
    s.settimeout(1 if kind == "udp" else seconds)
    for _ in range(int(seconds) if kind == "udp" else 1):
        said = ask_once(s)
        if said != "silence":
            break
    return said


def forge(iface, src_mac, dst_mac, src, dst, sport, dport, flags, seq):
    def total(data):
        n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
        while n >> 16:
            n = (n & 0xFFFF) + (n >> 16)
        return ~n & 0xFFFF

    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    tcp = struct.pack("!HHIIBBHHH", int(sport), int(dport), int(seq), 0, 0x50,
                      int(flags), 64000, 0, 0)
    tcp = (tcp[:16] + struct.pack("!H", total(
        ends + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0, 64, 6, 0) + ends
    ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((iface, 0))
    s.send(bytes.fromhex(dst_mac.replace(":", "") + src_mac.replace(":", ""))
           + b"\x08\x00" + ip + tcp)


def main(verb, *args):
    if verb == "serve":
        if args[0] == "udp":
            serve_udp(int(args[1]))
        serve_tcp(int(args[1]), answer)
    elif verb == "ask":
        ask(args[0], args[1], int(args[2]), int(args[3]) if args[3:] else 0)
    elif verb == "once":
        print(once(args[0], args[1], int(args[2]), float(args[3]),
                   int(args[4]) if args[4:] else 0))
    elif verb == "beat":
        beat(args[0], args[1], int(args[2]), int(args[3]) if args[3:] else 0)
    elif verb == "pull":
        pull(args[0], int(args[1]))
    elif verb == "gap":
        print("%.1f" % gap(float(args[0]), float(args[1])))
    elif verb == "stream":
        serve_tcp(int(args[0]), pour)
    elif verb == "pour":
        serve_tcp(int(args[0]), pour_at(int(args[1])))
    elif verb == "meter":
        meter(args[0], int(args[1]))
    elif verb == "rate":
        print("%.1f" % rate(float(args[0]), float(args[1])))
    elif verb == "forge":
        forge(*args)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
