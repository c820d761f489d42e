# SPDX-License-Identifier: Apache-2.0
"""The only backends are on a node that has left the network: an outside client hears "no route to host" after some seconds from
the node that it came to, with XDP and without it, and does not wait for its own patience to end."""

import subprocess

import clients
import web
from harness import Cluster, expect, run_test

PATIENCE = 20.0  # s of a client; it shall hear in less
UNREACHABLE = "broken: No route to host"


def leave_network(cluster):
    """Node n2; n1 forgets where it was, as it would without answers."""
    subprocess.run(["ip", "-n", f"{cluster.name}-fabric", "link", "set", "to-n2", "down"], check=True)
    for family, address in (("-4", cluster.node("n2").ipv4), ("-6", cluster.node("n2").ipv6)):
        subprocess.run(["ip", "-n", f"{cluster.name}-n1", family, "neighbour", "flush", "to", address], check=True)


def check(mode, *options):
    with Cluster(pods=2) as cluster:
        web.start(cluster, [cluster.pod("n2", 2), cluster.pod("n2", 3)], *options)
        leave_network(cluster)
        client = cluster.client()
        tasks = {a: cluster.start(client, clients.ask_tcp, a, web.PORT, PATIENCE) for a in web.LOAD_BALANCER_IPS}
        for address, task in tasks.items():
            outcome = task.result(2 * PATIENCE)
            expect(outcome == UNREACHABLE, f"{mode}, {address}: {outcome}")


# Proves: K-14
def test():
    check("XDP")
    check("without XDP", "--xdp=off")
    return "a backend's node that is gone is told to the client"


run_test(test)
