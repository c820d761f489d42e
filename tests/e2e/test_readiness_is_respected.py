# SPDX-License-Identifier: Apache-2.0
"""New flows go to ready backends only; if there is none, to those that terminate but still serve."""

import itertools

import clients
import manifests
import web
from harness import Cluster, expect, run_test


def apply(cluster, conditions, wanted):
    """conditions: {pod: conditions of its endpoint}; wanted: the pods that should get new flows."""
    endpoints = [manifests.pod_endpoint(pod, "IPv4", **values) for pod, values in conditions.items()]
    service = manifests.service("web", web.PORTS, web.CLUSTER_IPS[:1])
    cluster.apply("web.json", [service, manifests.endpoint_slice("web", endpoints, web.POD_PORTS)])
    for port in ("http", "query"):
        cluster.wait_for_backends(f"default/web:{port}", {f"{pod.ipv4}:{web.POD_PORT}" for pod in wanted})


# Proves: I-84, K-32
def test():
    ready = {"ready": True}
    unready = {"ready": False, "serving": False}
    leaving = {"ready": False, "serving": True, "terminating": True}
    steps = [
        ("one of two is ready", (ready, unready), (True, False)),
        ("both are ready", (ready, ready), (True, True)),
        ("one is terminating", (leaving, ready), (False, True)),
        ("only a terminating one serves", (leaving, unready), (True, False)),
        ("none serves", (unready, unready), (False, False)),
    ]
    ports = itertools.count(20000, 40)  # below the ephemeral ones
    with Cluster() as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        for pod in pods:
            cluster.serve(pod, [web.POD_PORT])
        cluster.start_agents()
        pod_client = cluster.pod("n2", 4)
        for what, conditions, used in steps:
            wanted = [pod for pod, is_used in zip(pods, used) if is_used]
            apply(cluster, dict(zip(pods, conditions)), wanted)
            for client in (pod_client, cluster.without_socket_hooks(pod_client)):
                for protocol in web.PROTOCOLS:
                    if protocol == "TCP":
                        outcomes = cluster.run(client, clients.ask, protocol, web.CLUSTER_IPS[0], web.PORT, 40)
                    else:
                        outcomes = cluster.run(client, clients.ask_udp_from, web.CLUSTER_IPS[0], web.PORT, next(ports), 40)
                    if wanted:
                        web.expect_all_used(outcomes, wanted, f"{what}, {protocol}")
                    else:
                        counts = dict(clients.pods_of(outcomes))
                        expect(counts == {clients.REFUSED: 40}, f"{what}, {protocol}: should be refused, but: {counts}")
    return "only ready backends get new flows, or terminating ones if no other serves"


run_test(test)
