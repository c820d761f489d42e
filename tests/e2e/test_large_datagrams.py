# SPDX-License-Identifier: Apache-2.0
"""Requests and answers over UDP that no packet can hold: their fragments find the service's backend and the way back, on
every path, on the routed fabric and through an overlay with a smaller MTU."""

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test

NODE_PORT = 30080
SIZES = (2000, 30000)  # bytes: 2 and 21 fragments
TRIES = 3
QUESTIONS = 6  # so that a backend on either node answers: each alone is missed in one of 32 runs, never both


def exchange(address, port, size):
    """What became of a datagram of `size` bytes, whose answer repeats it. The first ones may only teach the ends the MTU of the
    path: nobody on the way fragments IPv6, or what must not be fragmented."""
    for _ in range(TRIES):
        outcome = exchange_once(address, port, size)
        if isinstance(outcome, clients.Answer):
            break
    return outcome


def exchange_once(address, port, size):
    token = "".join(chr(33 + i % 90) for i in range(size))
    try:
        with clients.udp_socket(address, port, timeout=1.0) as asker:
            return clients.who_udp(asker, token)
    except OSError as error:
        return clients.outcome_of(error)


def exchanges(questions):
    return [[exchange(*question) for _ in range(QUESTIONS)] for question in questions]


def objects(cluster, pods):
    ports = [("query", "UDP", web.PORT, NODE_PORT)]
    service = manifests.service("web", ports, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS)
    nodes = [manifests.node(cluster.node(node)) for node in NODES]
    return [*nodes, service, *manifests.slices_of_pods("web", pods, [("query", "UDP", web.POD_PORT)])]


def check(cluster, place, targets, pods):
    questions = [(address, port, size) for address, port in targets for size in SIZES]
    answers = cluster.run(place, exchanges, questions)
    for question, outcomes in zip(questions, answers):
        web.expect_answers(outcomes, pods, f"{place.name}: {question[2]} bytes to {question[0]}, port {question[1]}")
    used = {outcome.pod for outcomes in answers for outcome in outcomes}
    expect(len(used) == len(pods), f"{place.name}: only {used} answered")


# Proves: K-14
def test():
    for fabric in ("routed", "vxlan"):
        with Cluster(pods=2, fabric=fabric) as cluster:
            pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
            for pod in pods:
                cluster.serve(pod, [web.POD_PORT])
            cluster.apply("web.json", objects(cluster, pods))
            cluster.start_agents()
            cluster.wait_for_backends("default/web:query", web.addresses(pods))
            node, pod = cluster.node("n1"), cluster.pod("n1", 3)
            cluster_ips = [(address, web.PORT) for address in web.CLUSTER_IPS]
            load_balancer_ips = [(address, web.PORT) for address in web.LOAD_BALANCER_IPS]
            node_ports = [(address, NODE_PORT) for address in (node.ipv4, node.ipv6)]
            check(cluster, cluster.without_socket_hooks(pod), cluster_ips + load_balancer_ips + node_ports, pods)
            check(cluster, node, cluster_ips + load_balancer_ips + node_ports, pods)
            check(cluster, cluster.client(), load_balancer_ips + node_ports, pods)
    return f"datagrams of {SIZES} bytes get through services and back"


run_test(test)
