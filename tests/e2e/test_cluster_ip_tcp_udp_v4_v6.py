# SPDX-License-Identifier: Apache-2.0
"""A pod's packets to a ClusterIP are translated by TC where they enter the node, and its answers come back from the
service."""

import clients
import web
from harness import Cluster, expect, run_test


# Proves: K-01, K-50, X-112
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2), cluster.pod("n2", 3)]
        web.start(cluster, backends)
        client = cluster.without_socket_hooks(cluster.pod("n1", 4))
        for protocol in web.PROTOCOLS:
            for address in web.CLUSTER_IPS:
                what = f"{protocol} to {address}"
                outcomes = cluster.run(client, clients.ask, protocol, address, web.PORT, 60)
                web.expect_all_used(outcomes, backends, what)
                own = client.ipv6 if ":" in address else client.ipv4
                peers = {outcome.peer for outcome in outcomes}
                expect(peers == {own}, f"{what}: the pods should see the client's own address {own}, but see {peers}")
                flows = cluster.agents["n1"].json("flow", "list", "--protocol", protocol.lower(), "--client", own)
                expect(len(flows) >= 50, f"{what}: only {len(flows)} flows of TC in the table for 60 questions")
    return "ClusterIP works for TCP and UDP, IPv4 and IPv6, through TC"


run_test(test)
