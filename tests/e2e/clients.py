#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many short flows, as resolvers and port scanners have them.

clients.py echo PORT                        answer each datagram
clients.py port PORT                        answer each with the sender's port
clients.py lookup ADDRESS PORT COUNT        each a socket of its own, at once after
                                            another: how many were answered
clients.py refused ADDRESS PORT COUNT FIRST connections from ports FIRST on that are
                                            refused: how many were told so at once
clients.py from ADDRESS PORT SOURCE         one datagram from port SOURCE: the answer
clients.py serve PORT                       answer a line each, and forget the connection
clients.py once ADDRESS PORT SOURCE         a line and its answer, and forget it, too:
                                            neither kernel says a word of the end
clients.py lines ADDRESS PORT COUNT SECONDS connections one after the other over half
                                            of the time, each with a line and its
                                            answer within the other half; after it, a
                                            line more by each: how many were answered,
                                            and how many of those once more
"""
import socket
import sys
import threading
import time

TCP_REPAIR = 19     # <linux/tcp.h>


def echo(port, answer=lambda data, sender: data):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", int(port)))
    while True:
        data, sender = server.recvfrom(65536)
        server.sendto(answer(data, sender), sender)


def say_port(port):
    echo(port, lambda data, sender: str(sender[1]).encode())


def ask(address, port, source=0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("", int(source)))
        client.settimeout(5)
        client.connect((address, int(port)))
        client.send(b"?")
        try:
            return client.recv(100).decode()
        except OSError:
            return "silence"


def lookup(address, port, count):
    print(sum(ask(address, port) == "?" for _ in range(int(count))))


def refused(address, port, count, first):
    told = 0
    for source in range(int(first), int(first) + int(count)):
        with socket.socket() as client:
            client.bind(("", source))
            client.settimeout(5)
            try:
                client.connect((address, int(port)))
            except ConnectionRefusedError:
                told += 1
            except OSError as error:
                print(f"port {source}: {error}", file=sys.stderr)
                break
    print(told)


def forget(connection):
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()


def serve(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", int(port)))
    server.listen()
    while True:
        connection, _ = server.accept()
        connection.send(connection.recv(100))
        forget(connection)


def once(address, port, source):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("", int(source)))
    client.settimeout(5)
    client.connect((address, int(port)))
    client.send(b"line")
    print(client.recv(100).decode())
    forget(client)


def one_line(connection, limit):
    connection.settimeout(limit)
    connection.sendall(b"line")
    return connection.recv(100) != b""


class Line(threading.Thread):
    """A connection that says a line at its begin, and one when all is over."""

    def __init__(self, address, port, limit, over):
        super().__init__()
        self.to, self.limit, self.over = (address, port), limit, over
        self.answers = 0

    def run(self):
        end = time.monotonic() + self.limit
        try:
            with socket.create_connection(self.to, self.limit) as connection:
                self.answers += one_line(connection,
                                         max(0.01, end - time.monotonic()))
                time.sleep(max(0, self.over - time.monotonic()))
                self.answers += one_line(connection, 5)
        except OSError:
            pass


def lines(address, port, count, seconds):
    half, begun = float(seconds) / 2, time.monotonic()
    threads = [Line(address, int(port), half, begun + 2 * half + 0.5)
               for _ in range(int(count))]
    for number, thread in enumerate(threads):
        time.sleep(max(0, begun + half * number / len(threads) -
                       time.monotonic()))
        thread.start()
    for thread in threads:
        thread.join()
    print(*(sum(thread.answers >= least for thread in threads)
            for least in (1, 2)))


def main():
    command, *arguments = sys.argv[1:]
    {"echo": echo, "port": say_port, "lookup": lookup, "refused": refused,
     "from": lambda *words: print(ask(*words)),
     "serve": serve, "once": once, "lines": lines}[command](*arguments)


main()
