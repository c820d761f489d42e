# SPDX-License-Identifier: Apache-2.0
"""A client that resets its connection and connects again at once from the same source port gets a working connection:
the flow of the old one does not stand in its way, neither at TC nor, with a backend on another node, at XDP and
SNAT."""

import socket
import struct

import clients
import web
from harness import Cluster, expect, run_test

CONNECTIONS = 150
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connect_again_and_again(address, port, local_port):
    """Answers the failures of CONNECTIONS connections in a row from one source port."""
    failures = []
    for number in range(CONNECTIONS):
        try:
            with clients.tcp_connection(address, port, local_port=local_port) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                clients.who(connection)
        except OSError as error:
            failures.append((number, clients.outcome_of(error)))
    return failures


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        pod = cluster.without_socket_hooks(cluster.pod("n1", 4))
        for place, addresses in ((pod, web.CLUSTER_IPS), (cluster.client(), web.LOAD_BALANCER_IPS)):
            for address in addresses:
                failures = cluster.run(place, connect_again_and_again, address, web.PORT, 45678)
                expect(not failures, f"{place.name} to {address}: {len(failures)} of {CONNECTIONS} failed: {failures[:3]}")
    return "connections from a reused source port work"


run_test(test)
