# SPDX-License-Identifier: Apache-2.0
"""What is asked of a service's addresses beside its ports: a ClusterIP answers pings and refuses other ports and protocols; an
address of the services' range that no service has is silent; other ports of a LoadBalancer address are not Waggle's."""

import clients
import icmp
import manifests
import web
from harness import NODES, Cluster, expect, run_test

UNALLOCATED = ("10.96.7.7", "fd00:10:96::7777")
OTHER_PORT = 81
SERVICE_CIDRS = ["10.96.0.0/16", "fd00:10:96::/112"]
SILENCE = 1.0  # s
DROPPED_HERE = "broken: No buffer space available"  # as the kernel says to a raw socket of the node that asks for it


def service_cidr():
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": SERVICE_CIDRS}}


def outcome(cluster, place, protocol, address, port, timeout=3.0):
    return cluster.run(place, clients.ask, protocol, address, port, 1, timeout)[0]


def check_cluster_ips(cluster, place):
    for address in web.CLUSTER_IPS:
        expect(cluster.run(place, icmp.ping, address), f"{place.name} cannot ping {address}")
        for protocol in ("TCP", "UDP", "SCTP"):
            said = outcome(cluster, place, protocol, address, OTHER_PORT)
            expect(said == clients.REFUSED, f"{protocol} from {place.name} to another port of {address}: {said}")
        said = outcome(cluster, place, "SCTP", address, web.PORT)
        expect(said == clients.REFUSED, f"SCTP from {place.name} to the port of {address} that is TCP's and UDP's: {said}")


def check_unallocated(cluster, place):
    for address in UNALLOCATED:
        expect(not cluster.run(place, icmp.ping, address, 56, SILENCE), f"{place.name} can ping {address}, which nobody has")
        for protocol in ("TCP", "UDP", "SCTP"):
            said = outcome(cluster, place, protocol, address, web.PORT, SILENCE)
            told = protocol == "SCTP" and place.name == place.node and said == DROPPED_HERE
            expect(said == clients.LOST or told, f"{protocol} from {place.name} to {address}, which nobody has: {said}")


# Proves: K-85, K-86, K-87, K-90
def test():
    with Cluster(pods=2) as cluster:
        backend = cluster.pod("n2", 2)
        cluster.serve(backend, [web.POD_PORT])
        nodes = [manifests.node(cluster.node(node)) for node in NODES]
        cluster.apply("web.json", [*nodes, service_cidr(), *web.objects([backend])])
        cluster.start_agents()
        web.wait(cluster, [backend])
        pod = cluster.pod("n1", 3)
        node = cluster.node("n1")
        for place in (pod, cluster.without_socket_hooks(pod), cluster.client(), node, cluster.without_socket_hooks(node)):
            check_cluster_ips(cluster, place)
        for place in (pod, cluster.without_socket_hooks(pod), cluster.client(), node, cluster.without_socket_hooks(node)):
            check_unallocated(cluster, place)
    return "service addresses answer, refuse and keep silent as they should"


run_test(test)
