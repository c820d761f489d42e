# SPDX-License-Identifier: Apache-2.0
"""Objects, lists and watch events as bytes, in JSON and protobuf, and the choice between the two by the Accept header.

An Encoded keeps its object's bytes, so that a list of ten thousand of them is one join.
"""

import json

import api_status
import proto_codec
from proto_codec import length_field, varint

JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"


def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def envelope(api_version, kind, raw):
    """runtime.Unknown behind the four bytes that tell a protobuf answer from others."""
    meta = length_field(1, api_version.encode()) + length_field(2, kind.encode())
    return b"".join((_MAGIC, length_field(1, meta), length_field(2, raw), b"\x1a\x00\x22\x00"))


def open_envelope(data):
    """(apiVersion, kind, raw) of an enveloped message."""
    if data[:4] != _MAGIC:
        raise ValueError("the body does not begin with k8s and a zero byte")
    fields = {number: value for number, _, value in proto_codec.split(data[4:])}
    meta = {number: value.decode() for number, _, value in proto_codec.split(fields.get(1, b""))}
    return meta.get(1, ""), meta.get(2, ""), fields.get(2, b"")


class Encoded:
    """One version of an object. Never changes."""

    __slots__ = ("resource", "value", "version", "_json", "_protobuf", "_events")

    def __init__(self, resource, value, json_bytes=None, protobuf_bytes=None):
        self.resource = resource
        self.value = {key: item for key, item in value.items() if key not in ("kind", "apiVersion")}
        self.version = int(value["metadata"]["resourceVersion"])
        self._json, self._protobuf = json_bytes, protobuf_bytes
        self._events = {}

    @property
    def labels(self):
        return self.value["metadata"].get("labels") or {}

    def json_item(self):
        """The object inside of a list: without kind and apiVersion."""
        if self._json is None:
            self._json = to_json(self.value)
        return self._json

    def protobuf_item(self):
        if self._protobuf is None:
            self._protobuf = proto_codec.encode(self.resource.kind, self.value)
        return self._protobuf

    def alone(self, content_type):
        if content_type == PROTOBUF:
            return envelope(self.resource.api_version, self.resource.kind, self.protobuf_item())
        return b"".join((_json_head(self.resource.kind, self.resource.api_version), self.json_item()[1:]))

    def event(self, event_type, content_type):
        """One frame of a watch."""
        key = (event_type, content_type)
        if key not in self._events:
            self._events[key] = frame(event_type, self.alone(content_type), content_type)
        return self._events[key]


def _json_head(kind, api_version):
    return f'{{"kind":"{kind}","apiVersion":"{api_version}",'.encode()


def frame(event_type, body, content_type):
    """A watch event around the bytes of an object with its type."""
    if content_type == PROTOBUF:
        event = length_field(1, event_type.encode()) + length_field(2, length_field(1, body))
        return len(event).to_bytes(4, "big") + event
    return b"".join((b'{"type":"', event_type.encode(), b'","object":', body, b"}\n"))


def encode_list(resource, metadata, entries, content_type):
    if content_type == PROTOBUF:
        parts = [length_field(1, proto_codec.encode("ListMeta", metadata))]
        for entry in entries:
            body = entry.protobuf_item()
            parts += (b"\x12", varint(len(body)), body)
        return envelope(resource.api_version, resource.kind + "List", b"".join(parts))
    head = _json_head(resource.kind + "List", resource.api_version) + b'"metadata":' + to_json(metadata)
    return b"".join((head, b',"items":[', b",".join(entry.json_item() for entry in entries), b"]}\n"))


def encode_status(status, content_type):
    if content_type == PROTOBUF:
        return envelope("v1", "Status", proto_codec.encode("Status", status))
    return to_json(status) + b"\n"


def decode_body(content_type, data):
    """The object of a request's body."""
    if content_type.split(";")[0].strip() == PROTOBUF:
        api_version, kind, raw = open_envelope(data)
        return {"kind": kind, "apiVersion": api_version, **proto_codec.decode(kind, raw)}
    return json.loads(data)


def negotiate(accept, json_only):
    """The content type of the answer. Parameters other than q and stream=watch name things this server has not."""
    offered = (JSON,) if json_only else (JSON, PROTOBUF)
    for clause in _by_preference(accept or "*/*"):
        name, *parameters = [word.strip() for word in clause.split(";")]
        if any(word and not word.startswith(("q=", "stream=watch", "charset=")) for word in parameters):
            continue
        if name in offered:
            return name
        if name in ("*/*", "application/*"):
            return JSON
    raise api_status.not_acceptable(offered)


def _by_preference(accept):
    def quality(clause):
        for word in clause.split(";")[1:]:
            if word.strip().startswith("q="):
                return -float(word.strip()[2:])
        return -1.0
    return sorted(accept.split(","), key=quality)
