# SPDX-License-Identifier: Apache-2.0
"""A connected UDP socket of the node whose backend is replaced is ended, so that its process opens another and reaches the new
backend: who waits at it gets ECONNABORTED, who sends EDESTADDRREQ. Sockets that no hook translated, TCP, and services that are left without any backend stay."""

import errno
import socket
import time

from case import KINDS, Cluster, clients, expect, run_test, socket_to, web

SOON = 5.0  # s from the swap to the end of the socket


def ask(asker):
    asker.send(b"-")
    return clients.json.loads(asker.recv(65536))["pod"]


def wait_at_socket(address, port, report):
    """Asks once, then waits for an answer that never comes; answers (errno, seconds from SIGTERM, who answers then)."""
    with socket_to(address, socket.SOCK_DGRAM) as asker:
        asker.connect((address, port))
        report(ask(asker))
        asker.settimeout(30.0)
        try:
            asker.recv(1)
            return 0, None
        except OSError as problem:
            code = problem.errno
    with socket_to(address, socket.SOCK_DGRAM) as again:
        again.connect((address, port))
        return code, ask(again)


def send_until_it_fails(address, port, report):
    """Sends and hears nothing; answers the errors of the first send that fails, of another one, and of a receive."""
    def error_of(call):
        try:
            call()
            return "nothing"
        except OSError as problem:
            return errno.errorcode.get(problem.errno, str(problem))

    with socket_to(address, socket.SOCK_DGRAM) as asker:
        asker.connect((address, port))
        report("connected")
        first = "nothing"
        while first == "nothing" and not clients.tasks.stop_asked():
            first = error_of(lambda: asker.send(b"-"))
            time.sleep(0.05)
        return [first, error_of(lambda: asker.send(b"-")), error_of(lambda: asker.recv(1))]


def ask_until_asked(address, port, kind, report):
    """Asks until SIGTERM and once more; answers errno of the first failure, 0 if there was none."""
    with socket_to(address, kind) as asker:
        asker.connect((address, port))
        first = True
        try:
            while first or not clients.tasks.stop_asked():
                asker.send(b"who\n")
                asker.recv(65536)
                if first:
                    report("asked")
                first = False
                time.sleep(0.05)
        except OSError as problem:
            return problem.errno
    return 0


# Proves: K-123, K-125, K-128, X-170, X-173
def check_swap(cluster, node, backends):
    old, new = backends
    web.apply(cluster, [old])
    waiting = {what: cluster.start(node, wait_at_socket, address, web.PORT) for what, address, _ in KINDS}
    sending = {what: cluster.start(node, send_until_it_fails, address, web.PORT) for what, address, _ in KINDS}
    direct = cluster.start(node, ask_until_asked, old.ipv4, web.POD_PORT, socket.SOCK_DGRAM)
    tcp = cluster.start(node, ask_until_asked, web.CLUSTER_IPS[0], web.PORT, socket.SOCK_STREAM)
    for what, task in waiting.items():
        expect(task.receive(10) == old.name, f"{what}: another pod than {old.name} answered before the swap")
        sending[what].receive(10)
    for task in (direct, tcp):
        task.receive(10)
    web.apply(cluster, [new])
    for what, task in waiting.items():
        code, pod = task.result(SOON)
        expect(code == errno.ECONNABORTED, f"{what}: the socket got {errno.errorcode.get(code, code)}")
        expect(pod == new.name, f"{what}: another socket reached {pod}")
        said = sending[what].result(SOON)
        expect(said == ["EDESTADDRREQ", "EDESTADDRREQ", "ECONNABORTED"], f"{what}: to send, to send again and to hear: {said}")
    expect(direct.finish(10) == 0, "a socket connected to the pod itself was ended")
    expect(tcp.finish(10) == 0, "a TCP connection to the service was ended")


# Proves: K-122, X-175
def check_empty(cluster, node, backend):
    web.apply(cluster, [backend])
    kept = cluster.start(node, ask_until_asked, web.CLUSTER_IPS[0], web.PORT, socket.SOCK_DGRAM)
    kept.receive(10)
    web.apply(cluster, [])
    time.sleep(1.5)  # what must not happen would within that: the agent looks once a second
    expect(kept.finish(10) == 0, "a socket of a service without any backend was ended")


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        node = cluster.node("n1")
        check_swap(cluster, node, backends)
        check_empty(cluster, node, backends[0])
    return "connected UDP sockets follow their backend's replacement"


run_test(test)
