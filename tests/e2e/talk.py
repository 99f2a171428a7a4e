#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A flow that lasts: talk.py ADDRESS PORT NAME

Says a line every few milliseconds over one TCP connection and waits for its
echo, as long as the file NAME is there; NAME.count holds how many came back."""
import os
import socket
import sys
import time

address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
connection = socket.create_connection((address, port), 5)
connection.settimeout(20)
count = 0
while os.path.exists(name):
    line = b"%07d\n" % count
    connection.sendall(line)
    got = b""
    while len(got) < len(line):
        got += connection.recv(len(line) - len(got)) or sys.exit("closed")
    assert got == line
    count += 1
    with open(name + ".count.new", "w") as file:
        file.write(str(count))
    os.rename(name + ".count.new", name + ".count")
    time.sleep(0.005)
connection.close()
