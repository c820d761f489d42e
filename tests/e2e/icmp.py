# SPDX-License-Identifier: Apache-2.0
"""Ping with raw sockets, so that no ping program is needed."""

import errno
import os
import socket
import struct
import time


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ping(address, size=56, timeout=2.0):
    """True if the echo came back with the same payload."""
    is6 = ":" in address
    with _raw_socket(is6) as raw:
        raw.settimeout(timeout)
        payload = os.urandom(size // 2 * 2)
        identifier = os.getpid() & 0xFFFF
        head = struct.pack("!BBHHH", 128 if is6 else 8, 0, 0, identifier, 1)
        if not is6:  # the kernel fills in that of ICMPv6
            head = struct.pack("!BBHHH", 8, 0, _checksum(head + payload), identifier, 1)
        try:
            raw.sendto(head + payload, (address, 0))
        except OSError as problem:
            if problem.errno != errno.ENOBUFS:  # that it was dropped on its way out of this node
                raise
            return False
        return _echo_comes(raw, is6, payload, time.monotonic() + timeout)


def _raw_socket(is6):
    if is6:
        return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _echo_comes(raw, is6, payload, deadline):
    reply_type = 129 if is6 else 0
    while time.monotonic() < deadline:
        try:
            message = raw.recv(65536)
        except TimeoutError:
            return False
        message = message if is6 else message[20:]
        if message[0] == reply_type and message[8:] == payload:
            return True
    return False
