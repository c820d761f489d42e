# SPDX-License-Identifier: Apache-2.0
"""A service that changes its external policy: with Local, only nodes with an endpoint are healthy and serve clients outside, with
their address kept; a node without one serves itself and its pods. With Cluster the health ports are closed and all nodes
serve. Terminating endpoints serve and are not healthy."""

import subprocess

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test, wait_for

NODE_PORT = 30080
HEALTH_PORT = 32080
TERMINATING = {"ready": False, "serving": True, "terminating": True}


def objects(cluster, policy, **conditions):
    """The only endpoint is on n1."""
    ports = [("http", "TCP", web.PORT, NODE_PORT)]
    more = {"healthCheckNodePort": HEALTH_PORT} if policy == "Local" else {}
    service = manifests.service("web", ports, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS, externalTrafficPolicy=policy, **more)
    endpoints = {f: [manifests.pod_endpoint(cluster.pod("n1", 2), f, **conditions)] for f in ("IPv4", "IPv6")}
    slices = [manifests.endpoint_slice("web", e, [("http", "TCP", web.POD_PORT)]) for e in endpoints.values()]
    return [*(manifests.node(cluster.node(node)) for node in NODES), service, *slices]


def apply(cluster, policy, **conditions):
    """Back when all agents have written the policy."""
    cluster.apply("web.json", objects(cluster, policy, **conditions))
    for node, agent in cluster.agents.items():
        wait_for(lambda a=agent: {row["external_policy"].lower() for row in a.json("service", "list")} == {policy.lower()},
                 f"external policy {policy} on {node}")


def health(cluster, node):
    """The status of the service's health check port; 000 if it is closed."""
    command = ["nsenter", f"--net=/run/netns/{cluster.name}-client", "curl", "-s", "-m", "5", "-o", "/dev/null",
               "-w", "%{http_code}", f"http://{cluster.node(node).ipv4}:{HEALTH_PORT}/"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def expect_health(cluster, n1, n2):
    for node, wanted in (("n1", n1), ("n2", n2)):
        wait_for(lambda n=node, w=wanted: health(cluster, n) == w, f"health check port of {node}: {wanted}")


def ask_node_port(cluster, place, node, timeout=3.0):
    """Over both families."""
    target = cluster.node(node)
    return [cluster.run(place, clients.ask, "TCP", address, NODE_PORT, 1, timeout)[0] for address in (target.ipv4, target.ipv6)]


def expect_client_seen(cluster, place, node, seen):
    backend = cluster.pod("n1", 2)
    outcomes = ask_node_port(cluster, place, node)
    web.expect_answers(outcomes, [backend], f"{place.name} to the node port of {node}")
    peers = {outcome.peer for outcome in outcomes}
    expect(peers == {seen.ipv4, seen.ipv6}, f"{place.name} to the node port of {node}: the pod sees {peers}, not {seen.name}")


def check_local(cluster):
    outside, n1, n2 = cluster.client(), cluster.node("n1"), cluster.node("n2")
    expect_client_seen(cluster, outside, "n1", outside)
    expect_client_seen(cluster, n2, "n1", n2)
    expect_client_seen(cluster, n1, "n1", n1)
    expect_client_seen(cluster, n2, "n2", n2)
    expect_client_seen(cluster, cluster.pod("n2", 2), "n2", cluster.pod("n2", 2))
    for place in (outside, n1):
        outcomes = ask_node_port(cluster, place, "n2", 1.0)
        expect(outcomes == [clients.LOST] * 2, f"{place.name} to the node port of n2, which has no endpoint: {outcomes}")


def check_cluster(cluster):
    outside, n1, n2 = cluster.client(), cluster.node("n1"), cluster.node("n2")
    expect_client_seen(cluster, outside, "n1", outside)
    expect_client_seen(cluster, outside, "n2", n2)
    expect_client_seen(cluster, n1, "n2", n2)
    expect_client_seen(cluster, n2, "n1", n2)


# Proves: K-21, K-22, K-23, K-24, K-95, K-96
def test():
    with Cluster(pods=1) as cluster:
        cluster.serve(cluster.pod("n1", 2), [web.POD_PORT])
        cluster.start_agents()
        apply(cluster, "Local")
        expect_health(cluster, "200", "503")
        check_local(cluster)
        apply(cluster, "Cluster")
        expect_health(cluster, "000", "000")
        check_cluster(cluster)
        apply(cluster, "Local")
        expect_health(cluster, "200", "503")
        check_local(cluster)
        apply(cluster, "Local", **TERMINATING)
        expect_health(cluster, "503", "503")
        check_local(cluster)
    return "health check node ports and node ports follow the external policy"


run_test(test)
