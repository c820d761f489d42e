# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects (as JSON values) to protobuf and back, by the schema. Unknown JSON keys are left out, unknown field
numbers are kept under their number, so that a comparison of two decoded messages sees them.
"""

import calendar
import json
import time

import proto_schema

_VARINT, _LENGTH = 0, 2


def varint(value):
    value &= 0xFFFFFFFFFFFFFFFF
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_field(number, body):
    return varint(number << 3 | _LENGTH) + varint(len(body)) + body


def _time(value):
    """A zero time is an empty message; "2026-01-02T03:04:05Z" and the micro form with a fraction are known."""
    if not value:
        return b""
    whole, _, fraction = value.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return b"\x08" + varint(seconds) + b"\x10" + varint(int(fraction.ljust(9, "0") or 0))


_time_cache = {}


def _cached_time(value):
    if value not in _time_cache:
        if len(_time_cache) > 10000:
            _time_cache.clear()
        _time_cache[value] = _time(value)
    return _time_cache[value]


def _int_or_string(value):
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + length_field(3, value.encode())
    return b"\x08\x00\x10" + varint(value or 0) + b"\x1a\x00"


def _raw_json(value):
    return length_field(1, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


# Values that are neither numbers nor messages of the schema: bodies of length-delimited fields.
_BODIES = {
    "string": lambda value: value.encode() if value else b"",
    "Time": _cached_time,
    "IntOrString": _int_or_string,
    "RawJson": _raw_json,
    "Quantity": lambda value: length_field(1, value.encode()),
}


class _Field:
    def __init__(self, number, name, container, kind, optional):
        self.name, self.container, self.kind, self.optional = name, container, kind, optional
        self.scalar = kind in ("int", "bool")
        self.tag = varint(number << 3 | (_VARINT if self.scalar else _LENGTH))
        self.body = _BODIES.get(kind)
        self.message = None


_MESSAGES = {}


def _compile():
    for name, fields in proto_schema.parse(proto_schema.MESSAGES).items():
        _MESSAGES[name] = [_Field(*field) for field in fields]
    for fields in _MESSAGES.values():
        for field in fields:
            if not field.scalar and not field.body:
                field.message = field.kind
                field.body = lambda value, message=field.kind: encode(message, value)


def encode(message, value):
    """The message's bytes. `value` is the JSON object (None: an empty one)."""
    value = value or {}
    out = []
    for field in _MESSAGES[message]:
        item = value.get(field.name)
        if field.scalar:
            if item is not None or not field.optional:
                out += (field.tag, varint(int(item or 0)))
        elif field.container:
            _encode_many(field, item, out)
        elif item is not None or not field.optional:
            body = field.body(item)
            out += (field.tag, varint(len(body)), body)
    return b"".join(out)


def _encode_many(field, items, out):
    if not items:
        return
    if field.container == "[]":
        for item in items:
            body = field.body(item)
            out += (field.tag, varint(len(body)), body)
        return
    for key in sorted(items):
        body = length_field(1, key.encode()) + length_field(2, field.body(items[key]))
        out += (field.tag, varint(len(body)), body)


def split(data):
    """[(field number, wire type, int or bytes)] of a message, without a schema."""
    at, fields = 0, []
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == _VARINT:
            value, at = read_varint(data, at)
        elif tag & 7 == _LENGTH:
            size, at = read_varint(data, at)
            if at + size > len(data):
                raise ValueError(f"field {tag >> 3} of {size} bytes ends behind its message")
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"field {tag >> 3} has wire type {tag & 7}, which no message here uses")
        fields.append((tag >> 3, tag & 7, value))
    return fields


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def decode(message, data):
    """The JSON object a message stands for; empty values of fields that are always written are left out."""
    fields = dict(zip(_numbers(message), _MESSAGES[message]))
    out = {}
    for number, _, value in split(data):
        field = fields.get(number)
        if field is None:
            out.setdefault(str(number), []).append(value)
        elif field.container == "[]":
            out.setdefault(field.name, []).append(_decode_value(field, value))
        elif field.container == "{}":
            entry = {key: item for key, _, item in split(value)}
            out.setdefault(field.name, {})[entry.get(1, b"").decode()] = _decode_value(field, entry.get(2, b""))
        else:
            decoded = _decode_value(field, value)
            if field.optional or decoded not in ("", 0, False, None):
                out[field.name] = decoded
    return out


def _numbers(message):
    return [read_varint(field.tag, 0)[0] >> 3 for field in _MESSAGES[message]]


def _decode_value(field, value):
    if field.kind == "int":
        return value - (1 << 64) if value >= 1 << 63 else value
    if field.kind == "bool":
        return bool(value)
    if field.kind == "string":
        return value.decode()
    if field.message:
        return decode(field.message, value)
    parts = {number: item for number, _, item in split(value)}
    if field.kind == "Time":
        return _time_text(parts)
    if field.kind == "IntOrString":
        return parts.get(3, b"").decode() if parts.get(1) else parts.get(2, 0)
    return json.loads(parts.get(1, b"{}")) if field.kind == "RawJson" else parts.get(1, b"").decode()


def _time_text(parts):
    if not parts:
        return None
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(parts.get(1, 0)))
    nanos = parts.get(2, 0)
    return f"{text}.{nanos // 1000:06}Z" if nanos else text + "Z"


_compile()
