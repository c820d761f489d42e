# SPDX-License-Identifier: Apache-2.0
"""A process on the node reaches services by ClusterIP and by LoadBalancer address, over TCP and UDP."""

import clients
import web
from harness import Cluster, expect, run_test


# Proves: K-51, K-54
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        for node in (cluster.node("n1"), cluster.node("n2")):
            for address in (*web.CLUSTER_IPS, *web.LOAD_BALANCER_IPS):
                for protocol in web.PROTOCOLS:
                    what = f"{protocol} from node {node.name} to {address}"
                    outcomes = cluster.run(node, clients.ask, protocol, address, web.PORT, 40)
                    web.expect_all_used(outcomes, backends, what)
                    own = node.ipv6 if ":" in address else node.ipv4
                    peers = {outcome.peer for outcome in outcomes}
                    expect(peers == {own}, f"{what}: the pods see {peers}, not the node {own}")
    return "processes on the node reach services"


run_test(test)
