#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server of one directory that also takes files: webserver.py DIR PORT"""
import functools
import http.server
import pathlib
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        pathlib.Path(self.directory, self.path.strip("/")).write_bytes(body)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


directory, port = sys.argv[1], int(sys.argv[2])
http.server.ThreadingHTTPServer(
    ("", port), functools.partial(Handler, directory=directory)).serve_forever()
