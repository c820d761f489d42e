# SPDX-License-Identifier: Apache-2.0
"""connect() to a service goes to a backend while the program believes to talk to the service."""

import socket

from case import KINDS, Cluster, clients, expect, flows_of, run_test, socket_to, web


def connect_and_ask(address, port, kind):
    """Answers (getpeername, who answered, as whom), over a fresh socket."""
    with socket_to(address, kind) as asker:
        asker.connect((address, port))
        answer = clients.who(asker) if kind == socket.SOCK_STREAM else clients.who_udp(asker)
        return asker.getpeername()[:2], answer


def connect_twice(first, second, port):
    """A UDP socket may be connected again: it must follow to the second service, and be told so."""
    with socket_to(first, socket.SOCK_DGRAM) as asker:
        asker.connect((first, port))
        clients.who_udp(asker)
        asker.connect((second, port))
        return asker.getpeername()[0], clients.who_udp(asker)


def check(cluster, place, kind, backends):
    protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    for what, address, _ in KINDS:
        what = f"{protocol} over {what} from {place.name}"
        results = [cluster.run(place, connect_and_ask, address, web.PORT, kind) for _ in range(30)]
        web.expect_all_used([answer for _, answer in results], backends, what)
        peers = {peer for peer, _ in results}
        expect(peers == {(address, web.PORT)}, f"{what}: getpeername shows {peers}, not the service {address}")
    expect(flows_of(cluster, place, protocol) == 0, f"{protocol} from {place.name} went through TC, not the socket hooks")


# Proves: K-01
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends, "--socket-lb-udp=all")
        for place in (cluster.pod("n1", 4), cluster.node("n1")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                check(cluster, place, kind, backends)
            peer, answer = cluster.run(place, connect_twice, web.CLUSTER_IPS[0], web.LOAD_BALANCER_IPS[0], web.PORT)
            expect(peer == web.LOAD_BALANCER_IPS[0], f"after a second connect() getpeername shows {peer}")
            web.expect_answers([answer], backends, "after a second connect()")
    return "connect() to a service: TCP and UDP, IPv4, IPv6 and IPv4-mapped"


run_test(test)
