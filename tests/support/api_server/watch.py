# SPDX-License-Identifier: Apache-2.0
"""One watch: what its client asked for, the events it is sent, bookmarks, and its end."""

import asyncio
import time

import api_status
import encoding

_END = object()
_BATCH = 1000  # events a write


class Selection:
    """Which objects of a table a request is about."""

    def __init__(self, namespace, labels, fields):
        self._namespace, self._labels, self._fields = namespace, labels, fields

    def everything(self):
        return not (self._namespace or self._labels or self._fields)

    def filtered(self):
        return bool(self._labels or self._fields)

    def has(self, entry):
        if entry is None:
            return False
        if self._namespace and entry.value["metadata"].get("namespace") != self._namespace:
            return False
        if self._labels and not self._labels(entry.labels):
            return False
        return not self._fields or self._fields(entry.value)


class Watch:
    """Listens to a table from `version` on. The control commands end it and put frames of their own into it."""

    def __init__(self, store, table, selection, content_type, version):
        self.table = table
        self.content_type = content_type
        self._store = store
        self._selection = selection
        self._queue = list(table.since(version))
        self._wake = asyncio.Event()
        table.listeners.add(self._push)

    def close(self):
        self.table.listeners.discard(self._push)

    def _push(self, item):
        self._queue.append(item)
        self._wake.set()

    def inject(self, data):
        """Sends bytes as they are."""
        self._push(data)

    def error(self, status):
        self.inject(self.error_frame(status))

    def end(self):
        self._push(_END)

    def error_frame(self, status):
        body = encoding.encode_status(status, self.content_type).rstrip(b"\n") \
            if self.content_type == encoding.JSON else encoding.encode_status(status, self.content_type)
        return encoding.frame("ERROR", body, self.content_type)

    def bookmark(self, initial_events_end=False):
        metadata = {"resourceVersion": str(self._store.version)}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        value = {"metadata": metadata, **self.table.resource.empty}
        return encoding.Encoded(self.table.resource, value).event("BOOKMARK", self.content_type)

    def initial(self, with_end):
        """What there is, as ADDED events: lists of frames."""
        entries = [self.table.entries[key] for key in self.table.sorted_keys()]
        frames = [entry.event("ADDED", self.content_type) for entry in entries if self._selection.has(entry)]
        if with_end:
            frames.append(self.bookmark(initial_events_end=True))
        return [frames[at:at + _BATCH] for at in range(0, len(frames), _BATCH)]

    def _frame(self, change):
        had, has = self._selection.has(change.old), self._selection.has(change.new)
        if has:
            return change.new.event("MODIFIED" if had else "ADDED", self.content_type)
        return change.last().event("DELETED", self.content_type) if had else b""

    async def run(self, reply, bookmark_interval, deadline):
        """Writes lists of frames until the deadline, the end or the client's."""
        next_bookmark = time.monotonic() + bookmark_interval if bookmark_interval else deadline
        while time.monotonic() < deadline:
            self._wake.clear()
            queue, self._queue = self._queue, []
            ended = _END in queue
            if ended:
                queue = queue[:queue.index(_END)]
            frames = [item if isinstance(item, bytes) else self._frame(item) for item in queue]
            if bookmark_interval and time.monotonic() >= next_bookmark:
                frames.append(self.bookmark())
                next_bookmark = time.monotonic() + bookmark_interval
            if frames := [frame for frame in frames if frame]:
                await reply.events(frames, self.error_frame)
                self._note_sent(queue, reply.sent_ns())
            if ended:
                return
            if not self._queue:
                await self._wait(min(next_bookmark, deadline))

    @staticmethod
    def _note_sent(queue, moment):
        for item in queue:
            if not isinstance(item, bytes):
                item.sent_ns = moment

    async def _wait(self, until):
        try:
            await asyncio.wait_for(self._wake.wait(), max(0, until - time.monotonic()))
        except asyncio.TimeoutError:
            pass


def refuse_streaming_list(mode):
    """The error by which a server without streaming lists refuses one: `disabled` knows the option and has it switched
    off, `unknown` is older than the option.
    """
    if mode == "disabled":
        return api_status.invalid_options([("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the "
                                            "WatchList feature gate is enabled")])
    if mode == "bad_request":
        return api_status.bad_request("sendInitialEvents is not supported")
    return api_status.invalid_options([("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless "
                                        "sendInitialEvents is provided")])
