#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A cable of two tap or tun devices: pump.py tap|tun NS IFACE NS IFACE [DELAY_MS]

Makes each device in its network namespace and copies packets between them, as
a VPN's two ends would, until it is killed; each packet so much later, if a delay
is given. On SIGUSR1 the first device receives
frames of 0 to 13 bytes, the beginning of an IPv4 header in them."""
import collections
import ctypes
import fcntl
import os
import select
import signal
import struct
import sys
import time

TUNSETIFF = 0x400454CA
FLAGS = {"tap": 0x0002, "tun": 0x0001}
NO_PI = 0x1000
CLONE_NEWNET = 0x40000000


def open_device(kind, namespace, name):
    with open(f"/run/netns/{namespace}") as ns:
        ctypes.CDLL(None).setns(ns.fileno(), CLONE_NEWNET)
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF,
                struct.pack("16sH22x", name.encode(), FLAGS[kind] | NO_PI))
    return device


def send_runts(device):
    for length in range(14):
        try:
            os.write(device, b"\x45".ljust(14, b"\0")[:length])
        except OSError:
            pass    # the driver takes none so short


def copy_to(device, packet):
    try:
        os.write(device, packet)
    except OSError:
        pass    # the other end is down


def main():
    kind, *ends = sys.argv[1:]
    left = open_device(kind, ends[0], ends[1])
    right = open_device(kind, ends[2], ends[3])
    delay = float(ends[4]) / 1000 if ends[4:] else 0
    other = {left: right, right: left}
    late = collections.deque()  # when, to where, what
    signal.signal(signal.SIGUSR1, lambda *_: send_runts(left))
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        for device in select.select(list(other), [], [], wait)[0]:
            packet = os.read(device, 65536)
            if delay:
                late.append((time.monotonic() + delay, other[device], packet))
            else:
                copy_to(other[device], packet)
        while late and late[0][0] <= time.monotonic():
            copy_to(*late.popleft()[1:])


main()
