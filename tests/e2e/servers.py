# SPDX-License-Identifier: Apache-2.0
"""What runs in a backend pod: one process that serves TCP, UDP and SCTP on some ports, IPv4 and IPv6, and says who it is.

TCP answers a line with a line: `who` with a JSON object {pod, port, peer, peer_port}; `stream BYTES RATE` with that many bytes of
pattern() at RATE bytes a second; any other line with itself. UDP answers a datagram with the same JSON object and the datagram
as `token`, or how long it is if it begins with `count `. SCTP answers an INIT (sctp.py). Asked to stop, it takes no new connections, and ends when the open ones have.
"""

import asyncio
import json
import socket

import clients
import sctp
import tasks

PATTERN_PERIOD = 251  # prime, so that a lost or repeated segment shifts the pattern


def pattern(offset, size):
    """The bytes of a download from `offset` on; a byte's value says its position."""
    period = bytes(range(PATTERN_PERIOD))
    start = offset % PATTERN_PERIOD
    return (period * (size // PATTERN_PERIOD + 2))[start : start + size]


def serve(pod, ports, udp, addresses, report):
    asyncio.run(_serve(pod, ports, udp, addresses, report))


async def _serve(pod, ports, udp, addresses, report):
    loop = asyncio.get_running_loop()
    listeners, servers = [], [TcpServer(pod, port) for port in ports]
    for address in addresses:
        responder = sctp.Responder(address, ports, lambda port, peer: _identity(pod, port, peer))
        loop.add_reader(responder, responder.receive)
        for port, server in zip(ports, servers):
            listeners.append(await asyncio.start_server(server.serve, sock=_tcp_socket(address, port), backlog=1024))
            if udp:
                await loop.create_datagram_endpoint(lambda p=port: UdpServer(pod, p), sock=_udp_socket(address, port))
    report("listening")
    while not tasks.stop_asked():
        await asyncio.sleep(0.05)
    for listener in listeners:
        listener.close()
    while any(server.connections for server in servers):
        await asyncio.sleep(0.01)


def _tcp_socket(address, port):
    result = _socket(socket.SOCK_STREAM, address, port)
    result.listen(1024)
    return result


def _udp_socket(address, port):
    result = _socket(socket.SOCK_DGRAM, address, port)
    result.setsockopt(socket.SOL_SOCKET, clients.SO_RCVBUFFORCE, clients.UDP_BUFFER_BYTES)
    return result


def _socket(kind, address, port):
    family = clients.family_of(address)
    result = socket.socket(family, kind)
    result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        result.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    result.bind((address, port))
    result.setblocking(False)
    return result


def _identity(pod, port, peer):
    return {"pod": pod, "port": port, "peer": peer[0], "peer_port": peer[1]}


class TcpServer:
    def __init__(self, pod, port):
        self.pod = pod
        self.port = port
        self.connections = 0

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while line := await reader.readline():
                await self._answer(line, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.connections -= 1

    async def _answer(self, line, writer):
        words = line.split()
        if words[:1] == [b"who"]:
            identity = _identity(self.pod, self.port, writer.get_extra_info("peername"))
            writer.write(json.dumps(identity).encode() + b"\n")
        elif words[:1] == [b"stream"]:
            await self._stream(int(words[1]), int(words[2]), writer)
        else:
            writer.write(line)
        await writer.drain()

    @staticmethod
    async def _stream(size, rate, writer):
        interval = 0.01
        sent = 0
        while sent < size:
            part = min(size - sent, int(rate * interval))
            writer.write(pattern(sent, part))
            await writer.drain()
            sent += part
            await asyncio.sleep(interval)


class UdpServer(asyncio.DatagramProtocol):
    def __init__(self, pod, port):
        self.pod = pod
        self.port = port

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        token = str(len(data)) if data.startswith(b"count ") else data.decode(errors="replace")
        answer = dict(_identity(self.pod, self.port, peer), token=token)
        self.transport.sendto(json.dumps(answer).encode(), peer)
