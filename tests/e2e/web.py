# SPDX-License-Identifier: Apache-2.0
"""The service most tests talk to: default/web, port 80 over TCP (port name http) and UDP (port name query), dual-stack,
with a ClusterIP and a LoadBalancer address of each family. Its pods listen on POD_PORT."""

import clients
import manifests
from harness import NODES, expect

CLUSTER_IPS = ("10.96.0.80", "fd00:10:96::80")
LOAD_BALANCER_IPS = ("192.0.2.80", "2001:db8:2::80")
PORT = 80
POD_PORT = 8080
PROTOCOLS = ("TCP", "UDP")
PORTS = [("http", "TCP", PORT), ("query", "UDP", PORT)]
POD_PORTS = [("http", "TCP", POD_PORT), ("query", "UDP", POD_PORT)]


def objects(pods):
    """The service with these pods as its ready backends."""
    service = manifests.service("web", PORTS, CLUSTER_IPS, LOAD_BALANCER_IPS)
    return [service, *manifests.slices_of_pods("web", pods, POD_PORTS)]


def addresses(pods, port=POD_PORT):
    return {f"{pod.ipv4}:{port}" for pod in pods} | {f"[{pod.ipv6}]:{port}" for pod in pods}


def apply(cluster, pods, nodes=NODES):
    """Makes these pods the backends; back when all agents have written it."""
    cluster.apply("web.json", objects(pods))
    wait(cluster, pods, nodes)


def wait(cluster, pods, nodes=NODES):
    for port in ("http", "query"):
        cluster.wait_for_backends(f"default/web:{port}", addresses(pods), nodes)


def start(cluster, pods, *agent_options):
    """Servers in these pods, agents on both nodes, the service applied."""
    for pod in pods:
        cluster.serve(pod, [POD_PORT])
    cluster.apply("web.json", objects(pods))
    cluster.start_agents(*agent_options)
    wait(cluster, pods)


def expect_answers(outcomes, pods, what, port=POD_PORT):
    """Every question was answered by one of these pods, on the port the service leads to."""
    names = {pod.name for pod in pods}
    counts = clients.pods_of(outcomes)
    wrong = [o for o in outcomes if not isinstance(o, clients.Answer) or o.pod not in names or o.port != port]
    expect(not wrong, f"{what}: {len(wrong)} of {len(outcomes)} lost or misdirected; answers: {dict(counts)}; first: {wrong[:1]}")


def expect_all_used(outcomes, pods, what):
    """As expect_answers, and each pod answered at least once (ask 15 times the number of pods or more)."""
    expect_answers(outcomes, pods, what)
    unused = {pod.name for pod in pods} - set(clients.pods_of(outcomes))
    expect(not unused, f"{what}: {sorted(unused)} never answered in {len(outcomes)} questions")
