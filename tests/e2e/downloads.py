# SPDX-License-Identifier: Apache-2.0
"""Long-lived traffic whose every byte and datagram is checked: a download over TCP, a numbered stream over UDP."""

import time

import clients
import servers
import tasks


def download(address, port, size, rate, report=None):
    """Fetches `size` bytes at `rate` bytes/s over one connection; answers the number of wrong bytes and of missing
    ones."""
    with clients.tcp_connection(address, port, timeout=20.0) as connection:
        connection.sendall(f"stream {size} {rate}\n".encode())
        received, wrong = 0, 0
        while received < size:
            part = connection.recv(65536)
            if not part:
                break
            if received == 0 and report:
                report("started")
            wrong += part != servers.pattern(received, len(part))
            received += len(part)
    return {"wrong": wrong, "missing": size - received}


def udp_stream(address, port, interval, local_port=0, report=None):
    """Sends a numbered datagram every `interval` s from one socket until finish(); answers what came back.

    A datagram counts as lost if its echo has not come a second after the last one was sent.
    """
    asker = clients.udp_socket(address, port, local_port=local_port)
    asker.setblocking(False)
    stream = UdpStream(asker)
    due = time.monotonic()
    while not tasks.stop_asked():
        stream.send()
        if stream.sent == 10:
            report("started")
        due += interval
        while (left := due - time.monotonic()) > 0:
            stream.receive(left)
    end = time.monotonic() + 1.0
    while stream.open and (left := end - time.monotonic()) > 0:
        stream.receive(left)
    return {"sent": stream.sent, "lost": sorted(stream.open), "errors": stream.errors, "answers": stream.answers}


class UdpStream:
    def __init__(self, asker):
        self.asker = asker
        self.sent = 0
        self.open = set()  # numbers not answered yet
        self.errors = []
        self.answers = []  # (monotonic time, pod)

    def send(self):
        try:
            self.asker.send(str(self.sent).encode())
        except OSError as error:
            self.errors.append(clients.outcome_of(error))
        self.open.add(self.sent)
        self.sent += 1

    def receive(self, timeout):
        if not tasks.wait_readable([self.asker], timeout):
            return
        try:
            said = clients.json.loads(self.asker.recv(65536))
        except OSError as error:
            self.errors.append(clients.outcome_of(error))
            return
        self.open.discard(int(said["token"]))
        self.answers.append((time.monotonic(), said["pod"]))
