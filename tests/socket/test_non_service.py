# SPDX-License-Identifier: Apache-2.0
"""Sockets to anything but a service behave as if Waggle were not there; a bound source port is kept to a service too."""

import socket

from case import Cluster, clients, expect, run_test, socket_to, web


def ask_with_source_port(address, port, local_port):
    with clients.tcp_connection(address, port, local_port=local_port) as connection:
        return clients.who(connection)


def direct_names(address, port):
    """(getpeername of TCP, of connected UDP, source of recvfrom) when talking straight to a pod."""
    with clients.tcp_connection(address, port) as tcp, clients.udp_socket(address, port) as udp:
        with socket_to(address, socket.SOCK_DGRAM) as loose:
            loose.sendto(b"-", (address, port))
            heard = loose.recvfrom(65536)[1]
        return tcp.getpeername()[:2], udp.getpeername()[:2], heard[:2]


# Proves: K-09
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n2", 2)]
        web.start(cluster, backends, "--socket-lb-udp=all")
        place = cluster.pod("n1", 4)
        for address in (backends[0].ipv4, backends[0].ipv6):
            names = cluster.run(place, direct_names, address, web.POD_PORT)
            expect(set(names) == {(address, web.POD_PORT)}, f"straight to {address} the sockets show {names}")
        outcome = cluster.run(place, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT + 1, 1, 0.5)[0]
        expect(not isinstance(outcome, clients.Answer), f"a port that is no service's was answered: {outcome}")
        answer = cluster.run(place, ask_with_source_port, web.CLUSTER_IPS[0], web.PORT, 41234)
        expect(answer.peer_port == 41234, f"the pod sees source port {answer.peer_port} of a socket bound to 41234")
    return "sockets to anything else are left alone"


run_test(test)
