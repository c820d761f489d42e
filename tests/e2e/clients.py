# SPDX-License-Identifier: Apache-2.0
"""What runs in a client's place: asks a service who answers, and says what became of each question.

An outcome is an Answer, or one of the words REFUSED (the service says no), LOST (no answer in time), or BROKEN with the error.
"""

import collections
import concurrent.futures
import errno
import json
import socket
import time
from dataclasses import dataclass

import sctp
import tasks

REFUSED = "refused"
LOST = "lost"


@dataclass(frozen=True)
class Answer:
    pod: str
    port: int
    peer: str  # the client as the pod sees it
    peer_port: int
    local_port: int  # the client's own port
    seen_as: tuple  # (address, port) whom the client believes to talk to


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def outcome_of(error):
    """The word for a failed socket call."""
    if isinstance(error, TimeoutError) or error.errno in (errno.ETIMEDOUT, errno.EAGAIN):
        return LOST
    if error.errno == errno.ECONNREFUSED:
        return REFUSED
    return f"broken: {error.strerror}"


def tcp_connection(address, port, timeout=3.0, local_port=0, source=""):
    result = socket.socket(family_of(address), socket.SOCK_STREAM)
    result.settimeout(timeout)
    if local_port or source:
        result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        result.bind((source, local_port))
    try:
        result.connect((address, port))
    except OSError:
        result.close()
        raise
    return result


def read_line(connection):
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise OSError(errno.ECONNRESET, "Connection closed by the server")
        data += part
    return data


def _answer(data, asker):
    said = json.loads(data)
    seen_as = asker.getpeername()[:2] if asker.type == socket.SOCK_STREAM else None
    return Answer(said["pod"], said["port"], said["peer"], said["peer_port"], asker.getsockname()[1], seen_as)


def who(connection):
    """Asks over an open connection."""
    connection.sendall(b"who\n")
    return _answer(read_line(connection), connection)


def ask_tcp(address, port, timeout=3.0, source=""):
    """One short connection."""
    try:
        with tcp_connection(address, port, timeout, source=source) as connection:
            return who(connection)
    except OSError as error:
        return outcome_of(error)


# Room for a second and more of a stream, so that a client or server that does not get the CPU loses nothing by itself.
UDP_BUFFER_BYTES = 16 << 20
SO_RCVBUFFORCE = 33  # the socket module does not name it


def udp_socket(address, port, timeout=3.0, local_port=0, source=""):
    """A connected socket."""
    result = socket.socket(family_of(address), socket.SOCK_DGRAM)
    result.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER_BYTES)
    result.settimeout(timeout)
    if local_port or source:
        result.bind((source, local_port))
    result.connect((address, port))
    return result


def who_udp(asker, token="-", answered_by=None):
    """answered_by: the token of the answer, if it is another one."""
    asker.send(token.encode())
    while True:
        data = asker.recv(65536)
        if json.loads(data)["token"] == (answered_by or token):
            return _answer(data, asker)


def count_udp(asker, size):
    """As who_udp, with a datagram of that size and a short answer."""
    return who_udp(asker, "count ".ljust(size, "x"), str(size))


def ask_udp(address, port, timeout=3.0, local_port=0, source=""):
    """One datagram from a fresh connected socket."""
    try:
        with udp_socket(address, port, timeout, local_port, source) as asker:
            return who_udp(asker)
    except OSError as error:
        return outcome_of(error)


def ask_sctp(address, port, timeout=3.0):
    """One INIT."""
    try:
        said, local_port = sctp.Asker(address, port).exchange(timeout)
        return Answer(said["pod"], said["port"], said["peer"], said["peer_port"], local_port, None)
    except OSError as error:
        return outcome_of(error)


ASK = {"TCP": ask_tcp, "UDP": ask_udp, "SCTP": ask_sctp}


def ask(protocol, address, port, count=1, timeout=3.0):
    """The outcomes of `count` questions, each from a fresh socket."""
    return [ASK[protocol](address, port, timeout) for _ in range(count)]


def ask_from(source, protocol, address, port, count=1, timeout=3.0):
    """The same over TCP or UDP, from sockets that are bound to an address."""
    return [ASK[protocol](address, port, timeout, source=source) for _ in range(count)]


def ask_all(questions, at_once=24):
    """The outcomes of many questions (the arguments of ask()), several at a time."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda question: ask(*question), questions))


def ask_udp_from(address, port, first_local_port, count):
    """The same over UDP from local ports that the caller knows no earlier flow had: chance would pick one again some
    day, and a flow keeps its backend."""
    return [ask_udp(address, port, local_port=first_local_port + i) for i in range(count)]


def ask_until_stopped(protocol, address, port, timeout=3.0, pause=0.0):
    """Asks until the parent calls finish(); answers [(monotonic start, outcome)]."""
    result = []
    while not tasks.stop_asked():
        start = time.monotonic()
        result.append((start, ASK[protocol](address, port, timeout)))
        time.sleep(pause)
    return result


def pods_of(outcomes):
    """How often each pod answered, and how often each failure happened."""
    return collections.Counter(o.pod if isinstance(o, Answer) else o for o in outcomes)
