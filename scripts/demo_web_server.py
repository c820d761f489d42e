# SPDX-License-Identifier: Apache-2.0
"""A web server for the demo's pods: answers every request with the pod's name and the client it sees, and closes the
connection.

    demo_web_server.py POD PORT
"""

import http.server
import socket
import sys


class Server(http.server.ThreadingHTTPServer):
    """On all addresses, IPv4 and IPv6."""

    address_family = socket.AF_INET6
    request_queue_size = 1024

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{sys.argv[1]} sees {self.client_address[0].removeprefix('::ffff:')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


Server(("::", int(sys.argv[2])), Handler).serve_forever()
