#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""FTP with one file (RFC 959).

ftp.py serve PORT FILE
ftp.py fetch ADDRESS PORT active|passive FILE

A fetch writes FILE and prints "data" if the data connection opened, or else
"no data"; then what the control connection answers to NOOP."""
import ftplib
import socket
import socketserver
import sys

DATA_SECONDS, CLIENT_SECONDS = 1, 3


class Session(socketserver.StreamRequestHandler):
    listener = peer = None

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 ready")
        for line in self.rfile:
            verb, _, argument = line.decode().strip().partition(" ")
            getattr(self, "do_" + verb, self.do_unknown)(argument)

    def do_unknown(self, _):
        self.say("502 not known")

    def do_USER(self, _):
        self.say("230 welcome")

    def do_TYPE(self, _):
        self.say("200 so be it")

    def do_NOOP(self, _):
        self.say("200 still here")

    def do_PASV(self, _):
        here = self.connection.getsockname()[0]
        self.listener = socket.create_server((here, 0))
        self.listener.settimeout(DATA_SECONDS)
        address, port = self.listener.getsockname()
        self.say("227 here (%s,%d,%d)" % (address.replace(".", ","),
                                          port >> 8, port & 255))

    def do_PORT(self, argument):
        *address, high, low = argument.split(",")
        self.peer = ".".join(address), int(high) << 8 | int(low)
        self.say("200 there")

    def data(self):
        if self.peer:
            return socket.create_connection(self.peer, DATA_SECONDS)
        return self.listener.accept()[0]

    def do_RETR(self, _):
        try:
            with self.data() as data:
                self.say("150 it comes")
                data.sendall(self.server.content)
        except OSError:
            self.say("425 no data connection")
        else:
            self.say("226 that was it")


def serve(port, path):
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer(("", int(port)), Session)
    with open(path, "rb") as source:
        server.content = source.read()
    server.serve_forever()


def fetch(address, port, mode, path):
    ftp = ftplib.FTP()
    ftp.connect(address, int(port), CLIENT_SECONDS)
    ftp.login()
    ftp.set_pasv(mode == "passive")
    try:
        with open(path, "wb") as target:
            ftp.retrbinary("RETR file", target.write)
        print("data")
    except (OSError, ftplib.Error):
        print("no data")
    print(ftp.voidcmd("NOOP"))


def main():
    command, *arguments = sys.argv[1:]
    {"serve": serve, "fetch": fetch}[command](*arguments)


main()
