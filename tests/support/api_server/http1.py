# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on one connection: one request after another, bodies with a length or in chunks."""

import http

import request as requests

_END = b"\r\n\r\n"


class Engine:
    def __init__(self, conn):
        self._conn = conn
        self._buffer = bytearray()
        self._busy = False

    def receive(self, data):
        self._buffer += data
        self._next()

    def _next(self):
        """Starts the next request when it is there as a whole and the one before it is answered."""
        if self._busy:
            return
        end = self._buffer.find(_END)
        if end < 0:
            if len(self._buffer) > 1 << 16:
                self._conn.close()
            return
        try:
            request, used = self._parse(bytes(self._buffer[:end]), end + len(_END))
        except (ValueError, IndexError):
            self._conn.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self._conn.close()
            return
        if request is None:
            return
        del self._buffer[:used]
        self._busy = True
        keep = request.headers.get("connection", "").lower() != "close"
        self._conn.run(request, Stream(self._conn)).add_done_callback(lambda task: self._done(keep))

    def _parse(self, head, body_at):
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body, used = self._body(headers, body_at)
        if body is None:
            return None, 0
        return requests.Request(method, target, headers, "http/1.1", self._conn, body), used

    def _body(self, headers, at):
        """(body, end in the buffer); a body of None is not there as a whole."""
        if "chunked" not in headers.get("transfer-encoding", ""):
            end = at + int(headers.get("content-length", 0))
            return (bytes(self._buffer[at:end]), end) if len(self._buffer) >= end else (None, 0)
        body = b""
        while True:
            line_end = self._buffer.find(b"\r\n", at)
            if line_end < 0:
                return None, 0
            size = int(self._buffer[at:line_end], 16)
            if len(self._buffer) < line_end + 4 + size:
                return None, 0
            body += self._buffer[line_end + 2:line_end + 2 + size]
            at = line_end + 4 + size
            if size == 0:
                return body, at

    def _done(self, keep):
        self._busy = False
        if keep:
            self._next()
        elif not self._conn.frozen:
            self._conn.close()


class Stream:
    """One answer."""

    def __init__(self, conn):
        self.connection = conn
        self._chunked = False

    async def start(self, code, headers):
        names = {name for name, _ in headers}
        self._chunked = "content-length" not in names
        if self._chunked:
            headers = [*headers, ("transfer-encoding", "chunked")]
        lines = [f"HTTP/1.1 {code} {_phrase(code)}", *(f"{name}: {value}" for name, value in headers)]
        self.connection.send("\r\n".join(lines).encode("latin-1") + _END)
        await self.connection.drain()

    async def write(self, data):
        if not data:
            return
        self.connection.send(b"%x\r\n%b\r\n" % (len(data), bytes(data)) if self._chunked else bytes(data))
        await self.connection.drain()

    async def end(self):
        if self._chunked:
            self.connection.send(b"0\r\n\r\n")
        await self.connection.drain()

    async def reset(self):
        """There are no streams to reset here: the connection ends."""
        self.connection.close()


def _phrase(code):
    try:
        return http.HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"
