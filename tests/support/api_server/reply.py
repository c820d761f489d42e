# SPDX-License-Identifier: Apache-2.0
"""The way of one answer to its client, and what faults do to it there."""

import asyncio
import random
import time
import zlib

import api_status
import encoding
from faults import CUTS

_GZIP_FROM = 128 * 1024  # bytes, as the real server


class Cut(Exception):
    """The answer ended early by a fault; nobody is to touch the stream again."""


class Reply:
    """`record` is the request's in the statistics; its status is set here."""

    def __init__(self, stream, faults, record, gzip):
        self._stream = stream
        self._faults = faults
        self._record = record
        self._gzip = gzip and "gzip" in record["headers"].get("accept-encoding", "")
        self._sent = 0
        self._events_sent = 0
        self._held_events = []
        self._listed = None  # a task, held so that it ends
        self._cuts = {fault: fault.get("after_bytes") for fault in faults if fault.kind in CUTS}

    def _having(self, kind):
        return next((fault for fault in self._faults if fault.kind == kind), None)

    async def before(self):
        """The faults that come before anything else. True: the request is answered by that."""
        if fault := self._having("delay"):
            await asyncio.sleep(fault.get("seconds", 1))
        if self._having("hang_up"):
            self._stream.connection.abort()
            raise Cut
        if self._having("never"):
            self._stream.connection.freeze()
            await asyncio.Event().wait()
        if fault := self._having("redirect"):
            headers = [("location", fault.get("location", "https://127.0.0.1:1/")), ("content-length", "0")]
            await self._head(fault.get("code", 307), headers)
            await self._stream.end()
            return True
        if fault := self._having("status"):
            await self._status(fault)
            return True
        return False

    async def _status(self, fault):
        code, wait = fault.get("code", 500), fault.get("retry_after")
        headers = [] if wait is None else [("retry-after", str(wait))]
        if fault.get("plain"):
            await self.body(code, "text/plain; charset=utf-8", b"Too many requests, please try again later.\n", headers)
        else:
            body = encoding.encode_status(api_status.injected(code, wait), encoding.JSON)
            await self.body(code, encoding.JSON, body, headers)

    async def _head(self, code, headers):
        self._record["status"] = code
        await self._stream.start(code, [*headers, ("audit-id", "waggle-test"), ("cache-control", "no-cache, private")])

    def _content_type(self, value):
        fault = self._having("content_type")
        return ("content-type", fault.get("value", "text/html") if fault else value)

    async def body(self, code, content_type, body, headers=()):
        """A whole answer of known length."""
        headers = [self._content_type(content_type), *headers]
        if self._gzip and len(body) >= _GZIP_FROM:
            body = zlib.compress(body, 1, wbits=31)
            headers.append(("content-encoding", "gzip"))
        if not self._having("truncate"):  # which is to look like a whole answer
            headers.append(("content-length", str(len(body))))
        await self._head(code, headers)
        await self._write(body)
        await self._stream.end()

    async def start(self, code, content_type):
        """An answer of unknown length: a watch."""
        await self._head(code, [self._content_type(content_type)])

    def sent_ns(self):
        """CLOCK_MONOTONIC, when the last bytes of this connection began to go out."""
        return self._stream.connection.sent_ns

    def note_listed(self):
        """The first objects of a watch are written: notes in the statistics when the kernel has all of them."""
        self._listed = asyncio.get_running_loop().create_task(self._note_listed())

    async def _note_listed(self):
        await self._stream.connection.written()
        self._record["listed_ns"] = time.monotonic_ns()

    async def events(self, frames, error_frame):
        """`error_frame` makes an ERROR event of a Status."""
        if self._faults:
            frames = self._disturbed(frames)
        fault = self._having("event_error")
        good = frames if not fault else frames[:max(0, fault.get("after_events", 0) - self._events_sent)]
        self._events_sent += len(good)
        if len(good) < len(frames):
            await self._write(b"".join((*good, error_frame(api_status.injected(fault.get("code", 410))))))
            await self._stream.end()
            raise Cut
        if good:
            await self._write(b"".join(good))

    async def end(self):
        if self._held_events:
            await self._write(b"".join(self._held_events))
        await self._stream.end()

    def _disturbed(self, frames):
        if self._having("duplicate"):
            frames = [frame for frame in frames for _ in range(2)]
        if fault := self._having("reorder"):
            frames = self._reordered_windows(frames, fault.get("window", 2), fault.get("seed"))
        return frames

    def _reordered_windows(self, frames, window, seed):
        """Whole windows, however many events came at once; what is left over waits for those that follow."""
        held = self._held_events + frames
        whole = len(held) - len(held) % window
        self._held_events = held[whole:]
        return [frame for at in range(0, whole, window) for frame in _reordered(held[at:at + window], seed)]

    async def _write(self, data):
        for fault, at in self._cuts.items():
            at = len(data) // 2 if at is None else at
            if self._sent + len(data) >= at:
                await self._pieces(data[:max(0, at - self._sent)])
                await self._cut(fault.kind)
        if (fault := self._having("garbage")) and self._sent + len(data) > fault.get("after_bytes", 0):
            good = max(0, fault.get("after_bytes", 0) - self._sent)
            data = data[:good] + random.Random(fault.get("seed", 1)).randbytes(len(data) - good)
        self._sent += len(data)
        await self._pieces(data)

    async def _pieces(self, data):
        fault = self._having("drip")
        if not fault:
            await self._stream.write(data)
            return
        size = fault.get("bytes", 1)
        for at in range(0, len(data), size):
            await self._stream.write(data[at:at + size])
            await asyncio.sleep(fault.get("seconds", 0.01))

    async def _cut(self, kind):
        if kind in ("stall", "freeze"):
            if kind == "freeze":
                self._stream.connection.freeze()
            await asyncio.Event().wait()
        await self._stream.connection.written()
        if kind == "reset":
            self._stream.connection.abort()
        elif kind == "stream_reset":
            await self._stream.reset()
        elif kind == "half":
            self._stream.connection.close()
        else:
            await self._stream.end()
        raise Cut


def _reordered(frames, seed):
    if seed is None:
        return frames[::-1]
    random.Random(seed).shuffle(frames)
    return frames
