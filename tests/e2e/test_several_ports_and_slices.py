# SPDX-License-Identifier: Apache-2.0
"""A service with several ports finds its backends by port name over all its slices, each with a port number of its own."""

import clients
import manifests
import web
from harness import Cluster, run_test

ADDRESS = "10.96.0.81"
PORTS = [("http", "TCP", 80), ("admin", "TCP", 9000), ("dns", "UDP", 53), ("dns-tcp", "TCP", 53)]
FIRST_SLICE = [("http", "TCP", 8080), ("admin", "TCP", 8081), ("dns", "UDP", 8053), ("dns-tcp", "TCP", 8053)]
SECOND_SLICE = [("http", "TCP", 8090), ("admin", "TCP", 8091)]  # of another version of the pods, without DNS


def ports_of(names):
    return sorted({port for _, _, port in names})


def expect_ports(cluster, client, protocol, port, wanted):
    """wanted: {pod name: port number where it should have been asked}."""
    outcomes = cluster.run(client, clients.ask, protocol, ADDRESS, port, 40)
    got = {(o.pod, o.port) if isinstance(o, clients.Answer) else o for o in outcomes}
    web.expect(got == set(wanted.items()), f"{protocol} port {port}: answered by {sorted(map(str, got))}, wanted {wanted}")


# Proves: I-42, I-43, X-113
def test():
    with Cluster() as cluster:
        old, new = cluster.pod("n1", 2), cluster.pod("n2", 2)
        cluster.serve(old, ports_of(FIRST_SLICE))
        cluster.serve(new, ports_of(SECOND_SLICE))
        cluster.apply("several.json", [
            manifests.service("several", PORTS, [ADDRESS]),
            manifests.endpoint_slice("several", [manifests.pod_endpoint(old)], FIRST_SLICE, "old"),
            manifests.endpoint_slice("several", [manifests.pod_endpoint(new)], SECOND_SLICE, "new"),
        ])
        cluster.start_agents()
        cluster.wait_for_backends("default/several:http", {f"{old.ipv4}:8080", f"{new.ipv4}:8090"})
        cluster.wait_for_backends("default/several:dns", {f"{old.ipv4}:8053"})
        client = cluster.pod("n2", 4)
        for place in (client, cluster.without_socket_hooks(client)):
            expect_ports(cluster, place, "TCP", 80, {old.name: 8080, new.name: 8090})
            expect_ports(cluster, place, "TCP", 9000, {old.name: 8081, new.name: 8091})
            expect_ports(cluster, place, "TCP", 53, {old.name: 8053})
            expect_ports(cluster, place, "UDP", 53, {old.name: 8053})
    return "ports are joined to backends by name, over several slices"


run_test(test)
