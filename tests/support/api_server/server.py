# SPDX-License-Identifier: Apache-2.0
"""Listens, makes connections of what comes, and takes each request through faults, authentication and the API."""

import asyncio
import collections
import dataclasses
import itertools
import socket
import ssl
import struct
import sys
import time
import traceback

import h2.exceptions

import api_status
import encoding
from api import Api, Call
from connection import Connection
from faults import FaultBook
from reply import Cut, Reply


@dataclasses.dataclass
class Settings:
    json_only: bool = False  # protobuf is not offered
    streaming_lists: str = "enabled"  # disabled, unknown, bad_request: how they are refused
    gone_as: str = "event"  # status: a watch from a compacted version gets 410 as HTTP status
    bookmark_interval: float = 60.0  # seconds between bookmarks of a watch; 0: none
    gzip: bool = True  # large bodies, for clients that accept it
    protocols: tuple = ("h2", "http/1.1")  # offered by ALPN
    tls: str = "1.2-1.3"  # the versions spoken
    handshake: str = "tls"  # reset, close, silent, plain: what new connections meet in place of TLS

    def change(self, values):
        for name, value in values.items():
            if not hasattr(self, name):
                names = ", ".join(field.name for field in dataclasses.fields(self))
                raise ValueError(f"there is no setting {name!r}; there are: {names}")
            setattr(self, name, value)


_TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Server:
    def __init__(self, store, auth, client_authority, addresses):
        self.store = store
        self.auth = auth
        self.settings = Settings()
        self.api = Api(store, self.settings)
        self.faults = FaultBook()
        self.connections = set()
        self.requests = collections.deque(maxlen=20000)
        self.port = 0
        self._numbers = itertools.count(1)
        self._client_authority = client_authority
        self.addresses = addresses
        self.failed_handshakes = 0
        self._certificate = None
        self._listeners = []
        self._accepting = set()

    # Listening.

    def use_certificate(self, certificate, key):
        """For the connections to come."""
        self._certificate = certificate, key

    def _context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        low, _, high = self.settings.tls.partition("-")
        context.minimum_version, context.maximum_version = _TLS[low], _TLS[high or low]
        context.load_cert_chain(*self._certificate)
        context.load_verify_locations(self._client_authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(list(self.settings.protocols))
        return context

    def listen(self, port):
        """Port 0: any free one. All addresses get the same."""
        for _ in range(20):
            try:
                self._listeners = []
                for address in self.addresses:
                    same = self._listeners[0].getsockname()[1] if self._listeners else port
                    self._listeners.append(_listener(address, same))
                break
            except OSError as error:
                self.stop_listening()
                if port:
                    where = f"{', '.join(self.addresses)} port {port}"
                    raise RuntimeError(f"cannot listen on {where}: {error.strerror}") from None
        if not self._listeners:
            raise RuntimeError(f"no port is free on all of {', '.join(self.addresses)}")
        self.port = self._listeners[0].getsockname()[1]
        self.resume_accepting()

    def resume_accepting(self):
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.add_reader(listener, self._accept, listener)

    def pause_accepting(self):
        """The kernel goes on making connections until its queue is full; nobody speaks TLS on them."""
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)

    def stop_listening(self):
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        self._listeners = []

    def _accept(self, listener):
        try:
            client, _ = listener.accept()
        except OSError:
            return  # gone again
        task = asyncio.get_running_loop().create_task(self._handshake(client))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _handshake(self, client):
        client.setblocking(False)
        if self.settings.handshake != "tls":
            await _refuse_tls(client, self.settings.handshake)
            return
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self), client, ssl=self._context(), ssl_handshake_timeout=30, ssl_shutdown_timeout=1)
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            self.failed_handshakes += 1  # a client that does not trust the certificate ends here
            client.close()

    def host(self):
        """The first address, as clients on this machine can use it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.addresses[0], self.addresses[0])

    # All connections at once.

    def drop(self, how):
        """`reset` (RST) or `close` (FIN). Answers how many there were."""
        if how not in ("reset", "close"):
            raise ValueError(f"connections can be dropped by reset or close, not by {how!r}")
        dropped = list(self.connections)
        for connection in dropped:
            connection.abort() if how == "reset" else connection.close()
        for task in list(self._accepting):
            task.cancel()
        return len(dropped)

    def freeze(self):
        """Nothing is read, written or accepted any more, and nothing closed: as if the machine was gone."""
        self.pause_accepting()
        for connection in self.connections:
            connection.freeze()
        return len(self.connections)

    def thaw(self):
        self.resume_accepting()
        for connection in list(self.connections):
            connection.thaw()

    def go_away(self):
        told = [connection for connection in self.connections if connection.protocol == "h2"]
        for connection in told:
            connection.engine.go_away()
        return len(told)

    # Requests.

    async def handle(self, request, stream):
        call = Call(request)
        resource = call.resource.name if call.resource else ""
        faults = self.faults.take(resource, call.verb)
        record = self._record(call, resource, faults)
        reply = Reply(stream, faults, record, self.settings.gzip)
        try:
            await self._answer(call, reply, record)
        except Cut:
            pass
        except (h2.exceptions.ProtocolError, ConnectionError):
            pass  # the client is gone or has reset the stream
        finally:
            record["ended"] = time.time()

    async def _answer(self, call, reply, record):
        try:
            if await reply.before():
                return
            if call.resource or "authorization" in call.request.headers:  # the other paths are open to everybody
                record["user"] = user = self.auth.user(call.request)
            if call.resource:
                self.auth.check(user, call.verb, call.resource, call.namespace, call.name)
            await self.api.answer(call, reply)
        except api_status.ApiError as error:
            await self._refuse(call, reply, error)
        except (Cut, h2.exceptions.ProtocolError, ConnectionError):
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            if record["status"] is None:
                await self._refuse(call, reply, api_status.ApiError(api_status.injected(500)))

    async def _refuse(self, call, reply, error):
        try:
            content_type = encoding.negotiate(call.request.headers.get("accept"), self.settings.json_only)
        except api_status.ApiError:
            content_type = encoding.JSON
        body = encoding.encode_status(error.status, content_type)
        await reply.body(error.status["code"], content_type, body, error.headers)

    def _record(self, call, resource, faults):
        request = call.request
        record = {"number": next(self._numbers), "time": time.time(), "connection": request.connection.id,
                  "protocol": request.protocol, "method": request.method, "path": request.path, "query": call.query,
                  "headers": request.headers, "resource": resource, "verb": call.verb, "user": None, "status": None,
                  "faults": [fault.kind for fault in faults], "listed_ns": None, "ended": None}
        self.requests.append(record)
        return record


async def _refuse_tls(client, how):
    """What a port does behind which no API server is."""
    try:
        if how == "silent":
            await asyncio.Event().wait()
        elif how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "plain":
            await asyncio.get_running_loop().sock_recv(client, 4096)
            await asyncio.get_running_loop().sock_sendall(client, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    except OSError:
        pass  # the client was faster
    finally:
        client.close()


def _listener(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
