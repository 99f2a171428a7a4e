#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server that gives every page the same text: portal.py PORT TEXT [HOST]

With HOST it is a captive portal: whoever asks for another host's page is told to
go to HOST (302)."""
import http.server
import socket
import sys

port, text, *host = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_elsewhere = host and self.headers["Host"] != host[0]
        body = b"" if is_elsewhere else text.encode()
        self.send_response(302 if is_elsewhere else 200)
        if is_elsewhere:
            self.send_header("Location", f"http://{host[0]}/login")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6    # and, as it is bound to ::, IPv4


Server(("::", int(port)), Handler).serve_forever()
