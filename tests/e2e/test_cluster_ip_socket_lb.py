# SPDX-License-Identifier: Apache-2.0
"""A connect() to a ClusterIP goes straight to a backend: TCP of pods and node, UDP of the node; no packet is
translated."""

import clients
import web
from harness import Cluster, expect, run_test


def expect_direct(cluster, place, protocol, address, backends):
    what = f"{protocol} from {place.name} to {address}"
    web.expect_all_used(cluster.run(place, clients.ask, protocol, address, web.PORT, 60), backends, what)
    own = place.ipv6 if ":" in address else place.ipv4
    flows = cluster.agents["n1"].json("flow", "list", "--protocol", protocol.lower(), "--client", own)
    expect(not flows, f"{what}: {len(flows)} flows in the table, where the socket hook should have spared them")


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2), cluster.pod("n2", 3)]
        web.start(cluster, backends)
        for address in web.CLUSTER_IPS:
            expect_direct(cluster, cluster.pod("n1", 4), "TCP", address, backends)
            expect_direct(cluster, cluster.node("n1"), "TCP", address, backends)
            expect_direct(cluster, cluster.node("n1"), "UDP", address, backends)
    return "connect() to a ClusterIP reaches the backends without a flow"


run_test(test)
