# SPDX-License-Identifier: Apache-2.0
"""Connections dropped and frozen, the server stopped and restarted, and its own end."""

import os
import signal
import socket
import ssl
import subprocess

import h2.connection
import h2.events

import case
from case import SERVICES, SLICES, ApiServer, ask, begin, expect, finish, service

REFUSED, TIMEOUT, NO_TLS = 7, 28, 35  # curl's exit statuses


def watching(server, **more):
    process = begin(server, f"{SERVICES}?watch=1", **more)
    server.command("wait", watches=1)
    return process


def test_drop():
    with ApiServer() as server:
        for how, errors in (("reset", (55, 56)), ("close", (18,))):
            process = watching(server, http="--http1.1")
            expect(server.command("drop", how=how)["connections"], 1, "connections dropped")
            expect(finish(process).error in errors, True, how)
            server.command("wait", watches=0)


def test_freeze():
    with ApiServer() as server:
        process = watching(server, timeout=1)
        server.command("freeze")
        server.command("put", object=service("a"))
        expect(finish(process).body, b"", "what a frozen connection brings")
        expect(ask(server, "/readyz", timeout=0.5).error, TIMEOUT, "a new connection")
        server.command("thaw")
        expect(ask(server, "/readyz").body, b"ok", "after the thaw")


def test_thaw_brings_what_was_held_back():
    with ApiServer() as server:
        process = watching(server)
        server.command("freeze")
        server.command("put", object=service("a"))
        server.command("thaw")
        server.command("put", object=service("b"))
        server.command("end_watches")
        names = [event["object"]["metadata"]["name"] for event in finish(process).lines()]
        expect(names, ["a", "b"], "events")


def test_stop_and_start():
    with ApiServer() as server:
        port = server.port
        server.command("stop")
        expect(ask(server, "/readyz").error, REFUSED, "stopped")
        server.command("start")
        expect((ask(server, "/readyz").body, server.port), (b"ok", port), "started again")


def test_restart():
    with ApiServer() as server:
        server.command("put", object=service("a"))
        process = watching(server)
        server.command("restart")
        expect(finish(process).error != 0, True, "the watch has ended")
        expect(len(ask(server, SERVICES).json()["items"]), 1, "objects after a restart")
        before = server.port
        server.command("restart", other_port=True)
        expect((server.port != before, ask(server, "/readyz").body), (True, b"ok"), "another port")


def test_another_address():
    with ApiServer("--address", "127.0.0.1") as server:
        expect(server.command("restart", addresses=["127.0.0.9"])["url"], f"https://127.0.0.9:{server.port}", "the new place")
        expect(ask(server, "/readyz").body, b"ok", "with a certificate for it")


def test_no_tls():
    with ApiServer() as server:
        for how in ("reset", "close", "plain"):
            server.command("set", handshake=how)
            expect(ask(server, "/readyz").error in (REFUSED, NO_TLS), True, how)
        server.command("set", handshake="silent")
        expect(ask(server, "/readyz", timeout=0.5).error, TIMEOUT, "silent")
        server.command("set", handshake="tls")
        expect(ask(server, "/readyz").body, b"ok", "as before")


def test_frozen_connections_end_with_the_server():
    with ApiServer() as server:
        server.command("fault", kind="never")
        process = begin(server, SERVICES)
        server.command("wait", connections=1)
        server.command("wait")
        server.command("stop")
        expect(finish(process).error in (0, TIMEOUT), False, "the connection's end")


def test_go_away():
    with ApiServer() as server:
        process = watching(server)
        expect(server.command("go_away")["connections"], 1, "connections told")
        server.command("put", object=service("a"))
        server.command("end_watches")
        expect(len(finish(process).lines()), 1, "the stream that was open goes on")


def test_many_streams_share_a_connection():
    with case.recorded_server() as server:
        more = [word for _ in range(20) for word in (server.url + SERVICES, "-o", os.devnull)]
        answer = ask(server, SERVICES, options=("--parallel", *more))
        expect(answer.error, 0, answer.words)
        requests = server.command("stats")["requests"]
        expect((len(requests), len({request["connection"] for request in requests}) < 5), (21, True), "requests, connections")


def test_small_windows():
    """A client that allows 64 KiB at a time gets a large list, while another stream of it is held up."""
    with ApiServer() as server:
        server.command("generate", services=500, endpoints=10)
        whole = ask(server, SLICES).body
        client = SlowClient(server)
        client.ask(1, SLICES)
        client.ask(3, SLICES)
        client.receive(lambda: len(client.got[1]) + len(client.got[3]) == 65535)
        client.open_windows = True
        client.receive(lambda: len(client.got[1]) == len(client.got[3]) == len(whole))
        expect((client.got[1] == whole, client.got[3] == whole), (True, True), "the lists")
        client.close()


class SlowClient:
    """HTTP/2 with the protocol's default windows, which it opens only when told to."""

    def __init__(self, server):
        context = ssl.create_default_context(cafile=server.ca_file)
        context.set_alpn_protocols(["h2"])
        self._socket = context.wrap_socket(socket.create_connection((server.host, server.port), 10), server_hostname="localhost")
        with open(server.token_file, encoding="ascii") as file:
            self._token = file.read()
        self._h2 = h2.connection.H2Connection()
        self._h2.initiate_connection()
        self._held_back = []
        self.open_windows = False
        self.got = {}

    def ask(self, stream, path):
        self.got[stream] = b""
        self._h2.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", path),
                                       ("authorization", f"Bearer {self._token}")], end_stream=True)

    def receive(self, done):
        while not done():
            while self.open_windows and self._held_back:
                self._h2.acknowledge_received_data(*self._held_back.pop())
            self._socket.sendall(self._h2.data_to_send())
            for event in self._h2.receive_data(self._socket.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    self.got[event.stream_id] += event.data
                    self._held_back.append((event.flow_controlled_length, event.stream_id))

    def close(self):
        self._socket.close()


def test_what_was_seen():
    with ApiServer() as server:
        ask(server, f"{SERVICES}?limit=7", options=("-H", "X-Test: yes"))
        process = watching(server)
        expect(server.command("stats", verb="watch")["requests"][0]["status"], 200, "the status of an open watch")
        server.command("end_watches")
        finish(process)
        ask(server, "/version", http="--http1.1")
        first, _, second = server.command("stats")["requests"]
        expect((first["resource"], first["verb"], first["query"], first["headers"]["x-test"], first["protocol"],
                first["status"]), ("services", "list", {"limit": "7"}, "yes", "h2", 200), "the list")
        expect((second["path"], second["protocol"]), ("/version", "http/1.1"), "the other request")
        expect(server.command("stats", since=first["number"])["count"], 2, "requests since")
        try:
            server.command("wait", resource="nodes", timeout=0.05)
        except case.CommandFailed as error:
            expect("did not come about" in str(error), True, "words")
        else:
            raise AssertionError("a request was waited for that nobody made")


def test_the_end():
    for end in (lambda server: server._process.stdin.close(), lambda server: server.command("quit"),
                lambda server: os.kill(server.pid, signal.SIGTERM)):
        server = ApiServer()
        folder = os.path.dirname(server.ca_file)
        end(server)
        expect(server._process.wait(10), 0, "exit status")
        expect(os.path.exists(folder), False, "files left behind")
        server.close()


def test_a_port_in_use_is_said():
    with ApiServer() as server:
        words = ["/usr/bin/python3", "-B", str(case.SOURCE / "tests/support/api_server"), "--port", str(server.port)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        expect((done.returncode, f"port {server.port}: Address already in use" in done.stderr), (1, True), done.stderr)


def test_socket():
    path = case.scratch("control")
    with ApiServer("--socket", str(path)) as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b'{"command": "stats"}\n')
            expect(b'"ok": true' in client.recv(4096), True, "an answer by the socket")


case.run(globals())
