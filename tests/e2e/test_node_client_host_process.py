# SPDX-License-Identifier: Apache-2.0
"""A process on the node reaches services by ClusterIP and by LoadBalancer address, over TCP and UDP, whichever of the node's
addresses it is bound to."""

import subprocess

import clients
import web
from harness import Cluster, expect, run_test


ASIDE = ("203.0.113.7", "2001:db8:71::7")  # on n1's loopback; no other node knows the way to them


def check_bound_aside(cluster, backends):
    for address in ASIDE:
        subprocess.run(["ip", "-n", f"{cluster.name}-n1", "address", "add", address, "dev", "lo"], check=True)
    node = cluster.node("n1")
    for address in (*web.CLUSTER_IPS, *web.LOAD_BALANCER_IPS):
        for protocol in web.PROTOCOLS:
            what = f"{protocol} from an address on loopback of n1 to {address}"
            source = ASIDE[":" in address]
            outcomes = cluster.run(node, clients.ask_from, source, protocol, address, web.PORT, 24)
            web.expect_all_used(outcomes, backends, what)
            peers = {outcome.peer for outcome in outcomes if outcome.pod == backends[1].name}
            expect(peers == {node.ipv6 if ":" in address else node.ipv4}, f"{what}: the pod of n2 sees {peers}")


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
        check_bound_aside(cluster, backends)
    return "processes on the node reach services"


run_test(test)
