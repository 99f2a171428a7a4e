#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about a gate from where it runs, each answered by a line.

open ADDRESS:PORT...  which of them take a connection; those that do not answer
                      within a moment do not
talk ADDRESS:PORT     open the connection that `line` is about
line                  `ok` if a line comes back over it"""
import select
import socket
import sys
import time

MOMENT = 0.25


def endpoint(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


def opened(targets):
    waiting = {}
    for target in targets:
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(endpoint(target))
        waiting[connection] = target
    taken = []
    end = time.monotonic() + MOMENT
    while waiting and (left := end - time.monotonic()) > 0:
        for connection in select.select([], list(waiting), [], left)[1]:
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                taken.append(waiting[connection])
            del waiting[connection]
            connection.close()
    for connection in waiting:
        connection.close()
    return " ".join(sorted(taken))


def line(connection):
    connection.settimeout(5)
    try:
        connection.sendall(b"a line\n")
        got = b""
        while len(got) < 7:
            more = connection.recv(7 - len(got))
            if not more:
                return "closed"
            got += more
        return "ok"
    except OSError as error:
        return str(error)


def main():
    connection = None
    for command in sys.stdin:
        verb, *rest = command.split()
        if verb == "open":
            print(opened(rest), flush=True)
        elif verb == "talk":
            connection = socket.create_connection(endpoint(rest[0]), 5)
            print(line(connection), flush=True)
        else:
            print(line(connection), flush=True)


main()
