# SPDX-License-Identifier: Apache-2.0
"""One client's connection: TLS is done by asyncio below it, HTTP by http1.py or http2.py above it. It can be cut,
reset and frozen at any time, which is what the faults need.

What a handler gets is a Request and a stream of one of the two protocols with the same methods: start, write, end, reset.
Handlers are tasks that are cancelled when their client is gone.
"""

import asyncio
import itertools
import socket
import struct
import time

import http1
import http2


class Connection(asyncio.Protocol):
    """Owned by the event loop while open; `server` is told about its beginning and end."""

    _ids = itertools.count(1)

    def __init__(self, server):
        self.id = next(self._ids)
        self.server = server
        self.transport = None
        self.engine = None
        self.frozen = False
        self.sent_ns = 0  # CLOCK_MONOTONIC, when the last bytes began to go out
        self._held_back = []
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._tasks = set()

    # What asyncio calls.

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(high=1 << 20)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = transport.get_extra_info("ssl_object")
        self.protocol = tls.selected_alpn_protocol() or "http/1.1"
        self.engine = (http2.Engine if self.protocol == "h2" else http1.Engine)(self)
        self.server.connections.add(self)

    def data_received(self, data):
        self.engine.receive(data)

    def connection_lost(self, error):
        self.server.connections.discard(self)
        for task in list(self._tasks):
            task.cancel()

    def pause_writing(self):
        self._may_write.clear()

    def resume_writing(self):
        if not self.frozen:
            self._may_write.set()

    # What the engines call.

    def peer_certificate(self):
        return self.transport.get_extra_info("peercert") or {}

    def run(self, request, stream):
        """Starts the handler of a request; answers its task."""
        task = asyncio.get_running_loop().create_task(self.server.handle(request, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def send(self, data):
        if self.frozen:
            self._held_back.append(data)
        elif not self.transport.is_closing():
            self.sent_ns = time.monotonic_ns()
            self.transport.write(data)

    async def drain(self):
        await self._may_write.wait()

    async def written(self):
        """Waits, within reason, until the kernel has all that was sent."""
        # asyncio's TLS transport counts only what is not encrypted yet; the socket's own transport is behind it.
        below = self.transport._ssl_protocol._transport
        for _ in range(2000):
            if not self.transport.get_write_buffer_size() and not below.get_write_buffer_size():
                return
            await asyncio.sleep(0.001)

    # What the faults and the control commands call.

    def close(self):
        """An orderly end: what was written is sent, then TLS's close_notify and FIN."""
        self.transport.close()

    def abort(self):
        """RST: nothing more is sent."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def freeze(self):
        """Neither reads nor writes nor closes. The kernel goes on acknowledging what it receives."""
        self.frozen = True
        self._may_write.clear()
        self.transport.pause_reading()

    def thaw(self):
        self.frozen = False
        held_back, self._held_back = self._held_back, []
        for data in held_back:
            self.send(data)
        self._may_write.set()
        if not self.transport.is_closing():
            self.transport.resume_reading()
