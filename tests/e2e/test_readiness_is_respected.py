# SPDX-License-Identifier: Apache-2.0
"""New flows go to ready backends only; if there is none, to those that terminate but still serve."""

import itertools
import time

import clients
import downloads
import manifests
import web
from harness import Cluster, expect, run_test


def apply(cluster, conditions, wanted):
    """conditions: {pod: conditions of its endpoint}; wanted: the pods that should get new flows."""
    endpoints = [manifests.pod_endpoint(pod, "IPv4", **values) for pod, values in conditions.items()]
    service = manifests.service("web", web.PORTS, web.CLUSTER_IPS[:1], web.LOAD_BALANCER_IPS[:1])
    cluster.apply("web.json", [service, manifests.endpoint_slice("web", endpoints, web.POD_PORTS)])
    for port in ("http", "query"):
        cluster.wait_for_backends(f"default/web:{port}", {f"{pod.ipv4}:{web.POD_PORT}" for pod in wanted})


def check_who_says_nothing_of_serving(cluster, pods):
    """Not ready, and `serving` is left out, which counts as true: no new flows, but UDP that is there stays, connected sockets of
    the node itself included, which the agent otherwise ends within a second."""
    first, second = pods
    apply(cluster, {first: {"ready": True}}, [first])
    places = (cluster.node("n1"), cluster.without_socket_hooks(cluster.pod("n1", 4)), cluster.client())
    addresses = (web.CLUSTER_IPS[0], web.CLUSTER_IPS[0], web.LOAD_BALANCER_IPS[0])
    streams = [cluster.start(place, downloads.udp_stream, address, web.PORT, 0.01, 42000 + number)
               for number, (place, address) in enumerate(zip(places, addresses))]
    for stream in streams:
        stream.receive(20)
    endpoints = [manifests.pod_endpoint(first, ready=False), manifests.pod_endpoint(second)]
    endpoints[0]["conditions"]["serving"] = None
    cluster.apply("web.json", [manifests.service("web", web.PORTS, web.CLUSTER_IPS[:1], web.LOAD_BALANCER_IPS[:1]),
                               manifests.endpoint_slice("web", endpoints, web.POD_PORTS)])
    cluster.wait_for_backends("default/web:query", {f"{second.ipv4}:{web.POD_PORT}"})
    changed = time.monotonic()
    outcomes = cluster.run(cluster.pod("n2", 4), clients.ask_udp_from, web.CLUSTER_IPS[0], web.PORT, 43000, 40)
    web.expect_all_used(outcomes, [second], "new flows, when one is not ready and says nothing of serving")
    time.sleep(2.0)  # twice what the agent takes to end sockets
    for place, stream in zip(places, streams):
        result = stream.finish(20)
        after = {pod for when, pod in result["answers"] if when > changed}
        expect(after == {first.name}, f"UDP from {place.name}: answers of {sorted(after)} since its backend is not ready")
        expect(len(result["lost"]) <= 2, f"UDP from {place.name}: {len(result['lost'])} datagrams lost")


# Proves: I-84, K-32, X-056
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
        check_who_says_nothing_of_serving(cluster, pods)
    return "only ready backends get new flows, or terminating ones if no other serves"


run_test(test)
