# SPDX-License-Identifier: Apache-2.0
"""As much of SCTP as asks a question, over raw sockets, so that no kernel module is needed: the client's INIT is the
question, and the state cookie of the server's INIT ACK carries the answer. Both ends check the CRC32c of what they
receive."""

import errno
import itertools
import json
import os
import random
import select
import socket
import struct
import time

PROTOCOL = 132
INIT, INIT_ACK = 1, 2
STATE_COOKIE = 7
IP_RECVERR, IPV6_RECVERR = 11, 25  # the socket module does not name them
COMMON_HEADER = struct.Struct("!HHII")  # source port, destination port, verification tag, checksum


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def packet(source_port, port, tag, chunk):
    """With its checksum, which the wire has with the lowest byte first."""
    without = COMMON_HEADER.pack(source_port, port, tag, 0) + chunk
    return without[:8] + struct.pack("<I", crc32c(without)) + without[12:]


def checksum_is_right(message):
    return struct.unpack("<I", message[8:12])[0] == crc32c(message[:8] + b"\0\0\0\0" + message[12:])


def init_chunk(kind, tag, parameters=b""):
    body = struct.pack("!IIHHI", tag, 65536, 1, 1, tag) + parameters
    return struct.pack("!BBH", kind, 0, 4 + len(body)) + body


def state_cookie(content):
    length = 4 + len(content)
    return struct.pack("!HH", STATE_COOKIE, length) + content + b"\0" * (-length % 4)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def raw_socket(family):
    result = socket.socket(family, socket.SOCK_RAW, PROTOCOL)
    result.setblocking(False)
    return result


def payload(family, message):
    """What a raw socket received, without the IPv4 header."""
    return message if family == socket.AF_INET6 else message[(message[0] & 0xF) * 4 :]


# --- client ---

FIRST_PORT, PORTS, PORTS_A_PROCESS = 10000, 20000, 401
_asked = itertools.count()


def next_local_port():
    """Never the same twice in one process, nor in those that are started next to it: nothing but this tells raw associations
    from one address to one endpoint apart, where connection tracking keeps those that nobody has shut down."""
    return FIRST_PORT + (os.getpid() * PORTS_A_PROCESS + next(_asked)) % PORTS


class Asker:
    """One association's worth of a raw socket, which also hears what is meant for others."""

    def __init__(self, address, port):
        self.family = family_of(address)
        self.raw = raw_socket(self.family)
        if self.family == socket.AF_INET6:
            self.raw.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            self.raw.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        self.raw.connect((address, 0))
        self.port = port
        self.local_port = next_local_port()
        self.tag = random.randint(1, 0xFFFFFFFF)

    def exchange(self, timeout):
        """The JSON object of the answer, and the own port; raises OSError as a connect() would."""
        with self.raw:
            self.raw.send(packet(self.local_port, self.port, 0, init_chunk(INIT, self.tag)))
            deadline = time.monotonic() + timeout
            while (left := deadline - time.monotonic()) > 0:
                if select.select([self.raw], [], [], left)[0] and (answer := self._receive()):
                    return answer, self.local_port
            raise TimeoutError(errno.ETIMEDOUT, "no INIT ACK")

    def _receive(self):
        try:
            message = payload(self.family, self.raw.recv(65536))
        except OSError as error:
            self._raise_if_mine(error)
            return None
        source_port, port, tag, _ = COMMON_HEADER.unpack_from(message)
        if (source_port, port, tag) != (self.port, self.local_port, self.tag) or message[12] != INIT_ACK:
            return None
        if not checksum_is_right(message):
            raise OSError(errno.EBADMSG, "an INIT ACK with a wrong checksum")
        return json.loads(message[36 : 32 + struct.unpack_from("!H", message, 34)[0]])

    def _raise_if_mine(self, error):
        """The kernel tells every raw socket that is connected to the address of an ICMP error; the packet that the error
        quotes tells whose it is."""
        try:
            quoted = self.raw.recvmsg(65536, 0, socket.MSG_ERRQUEUE)[0]
        except BlockingIOError:
            return
        if COMMON_HEADER.unpack_from(quoted.ljust(COMMON_HEADER.size, b"\0"))[:2] == (self.local_port, self.port):
            raise error


# --- server ---


class Responder:
    """Answers INITs to some ports of an address with identity(port, peer)."""

    def __init__(self, address, ports, identity):
        self.family = family_of(address)
        self.raw = raw_socket(self.family)
        self.raw.bind((address, 0))
        self.ports = set(ports)
        self.identity = identity

    def fileno(self):
        return self.raw.fileno()

    def receive(self):
        message, peer = self.raw.recvfrom(65536)
        message = payload(self.family, message)
        peer_port, port, _, _ = COMMON_HEADER.unpack_from(message)
        if port in self.ports and message[12] == INIT and checksum_is_right(message):
            cookie = json.dumps(self.identity(port, (peer[0], peer_port))).encode()
            answer = init_chunk(INIT_ACK, int.from_bytes(os.urandom(4), "big") or 1, state_cookie(cookie))
            their_tag = struct.unpack_from("!I", message, 16)[0]
            self.raw.sendto(packet(port, peer_port, their_tag, answer), (peer[0], 0))
