#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PROTOCOL COMMAND...: the command, as on a kernel without that netlink protocol."""
import ctypes
import errno
import os
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198, "riscv64": 198}[os.uname().machine]
AF_NETLINK = 16
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050000, 0x7FFF0000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2

steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 5, SOCKET),        # seccomp_data.nr
         (LOAD, 0, 0, 16), (EQUAL, 0, 3, AF_NETLINK),   # args[0]
         (LOAD, 0, 0, 32), (EQUAL, 0, 1, int(sys.argv[1])),  # args[2]
         (RETURN, 0, 0, REFUSE | errno.EPROTONOSUPPORT),
         (RETURN, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
whole = Filter(len(steps), ctypes.addressof(program))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
        libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(whole), 0, 0):
    raise OSError(ctypes.get_errno(), "seccomp")
os.execvp(sys.argv[2], sys.argv[2:])
