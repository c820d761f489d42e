# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 on one connection, with python3-h2 for the framing."""

import asyncio

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

import request as requests


class Engine:
    def __init__(self, conn):
        self._conn = conn
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 250})
        self._requests = {}  # of streams whose request is still coming in
        self._tasks = {}
        self.window_opened = asyncio.Event()
        self.flush()

    def flush(self):
        if data := self.h2.data_to_send():
            self._conn.send(data)

    def receive(self, data):
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self._conn.close()
            return
        for event in events:
            self._on(event)
        self.flush()

    def _on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            headers = dict(event.headers)
            self._requests[event.stream_id] = requests.Request(
                headers[":method"], headers[":path"], headers, "h2", self._conn)
        elif isinstance(event, h2.events.DataReceived):
            if request := self._requests.get(event.stream_id):
                request.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._run(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._requests.pop(event.stream_id, None)
            if task := self._tasks.get(event.stream_id):
                task.cancel()
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.window_opened.set()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._conn.close()

    def _run(self, stream_id):
        request = self._requests.pop(stream_id, None)
        if request is None:
            return
        task = self._conn.run(request, Stream(self._conn, self, stream_id))
        self._tasks[stream_id] = task
        task.add_done_callback(lambda done: self._tasks.pop(stream_id, None))

    def go_away(self):
        """Tells the client to open no more streams here, as a server does that is about to end."""
        frame = hyperframe.frame.GoAwayFrame(0, last_stream_id=self.h2.highest_inbound_stream_id)
        self._conn.send(frame.serialize())


class Stream:
    """One answer. The client's flow control windows are kept to."""

    def __init__(self, conn, engine, stream_id):
        self.connection = conn
        self._engine = engine
        self._id = stream_id

    async def start(self, code, headers):
        self._engine.h2.send_headers(self._id, [(":status", str(code)), *headers])
        self._engine.flush()
        await self.connection.drain()

    async def write(self, data):
        data = memoryview(data)
        protocol = self._engine.h2
        while data:
            room = min(protocol.local_flow_control_window(self._id), len(data))
            if room <= 0:
                self._engine.window_opened.clear()
                await self._engine.window_opened.wait()
                continue
            self._send(data[:min(room, 1 << 20)])
            data = data[min(room, 1 << 20):]
            await self.connection.drain()

    def _send(self, data):
        frame_size = self._engine.h2.max_outbound_frame_size
        for at in range(0, len(data), frame_size):
            self._engine.h2.send_data(self._id, data[at:at + frame_size])
        self._engine.flush()

    async def end(self):
        self._engine.h2.end_stream(self._id)
        self._engine.flush()
        await self.connection.drain()

    async def reset(self):
        self._engine.h2.reset_stream(self._id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self._engine.flush()
