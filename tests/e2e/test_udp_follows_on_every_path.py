# SPDX-License-Identifier: Apache-2.0
"""A UDP client with one source port follows its service on every path: from no endpoint to the first, to a replacement, to
another target port. It keeps its socket, or makes a new one for each datagram, as `nc -u -p PORT` in a loop does."""

import errno
import socket
import time

import clients
import manifests
import tasks
import web
from harness import Cluster, expect, run_test

INTERVAL = 0.03  # s between two datagrams
GRACE = 0.3  # s from the agents' write to the first datagram that must have followed
STEP = 1.0  # s that a set of endpoints stays
OTHER_PORT = 9090
NODE_PORTS = {"far": 30081, "near": 30082}
ADDRESSES = {  # service: its ClusterIPs, LoadBalancer addresses, external IPs
    "far": (("10.96.0.81", "fd00:10:96::81"), ("192.0.2.81", "2001:db8:2::81"), ("198.51.100.81", "2001:db8:51::81")),
    "near": (("10.96.0.82", "fd00:10:96::82"), ("192.0.2.82", "2001:db8:2::82"), ("198.51.100.82", "2001:db8:51::82")),
}


def udp_socket(address, port, local_port):
    result = socket.socket(clients.family_of(address), socket.SOCK_DGRAM)
    result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    result.settimeout(0.3)
    result.bind(("", local_port))
    result.connect((address, port))
    return result


def ask_steadily(address, port, local_port, keep_socket):
    """[(monotonic time, "pod:port" or what went wrong)] until finish(). A kept socket is made anew only when the kernel has
    ended it."""
    outcomes, asker = [], None
    while not tasks.stop_asked():
        start = time.monotonic()
        try:
            asker = asker or udp_socket(address, port, local_port)
            answer = clients.who_udp(asker, str(len(outcomes)))
            outcome = f"{answer.pod}:{answer.port}"
        except OSError as error:
            outcome = clients.outcome_of(error)
            if keep_socket and asker and error.errno not in (None, errno.ECONNREFUSED):
                asker = asker.close()
        if asker and not keep_socket:
            asker = asker.close()
        outcomes.append((start, outcome))
        time.sleep(INTERVAL)
    return outcomes


def paths(cluster):
    """name -> place, service, address, port, keeps its socket."""
    pod, host, outside = cluster.without_socket_hooks(cluster.pod("n1", 5)), cluster.node("n1"), cluster.client()
    result = {}
    for family in (0, 1):
        node = (host.ipv4, host.ipv6)[family]
        cluster_ip, load_balancer_ip, external_ip = (addresses[family] for addresses in ADDRESSES["far"])
        for name, place, address, port in (
            ("pod -> ClusterIP", pod, cluster_ip, web.PORT),
            ("pod -> node port", pod, node, NODE_PORTS["far"]),
            ("host -> ClusterIP", host, cluster_ip, web.PORT),
            ("host -> node port", host, node, NODE_PORTS["far"]),
            ("outside -> LoadBalancer", outside, load_balancer_ip, web.PORT),
            ("outside -> external IP", outside, external_ip, web.PORT),
            ("outside -> node port", outside, node, NODE_PORTS["far"]),
        ):
            for keep in (True, False):
                how = "one socket" if keep else "new sockets"
                result[f"{name} {address} with {how}"] = (place, "far", address, port, keep)
        result[f"pod -> ClusterIP {ADDRESSES['near'][0][family]}, policy Local"] = (
            pod, "near", ADDRESSES["near"][0][family], web.PORT, True)
    return result


def objects(pods, pod_port):
    """pods: service -> its only ready pod, or None."""
    result = [manifests.node(node) for node in pods["nodes"]]
    for service, (cluster_ips, load_balancer_ips, external_ips) in ADDRESSES.items():
        ports = [("query", "UDP", web.PORT, NODE_PORTS[service])]
        result.append(manifests.service(
            service, ports, cluster_ips, load_balancer_ips, externalIPs=external_ips,
            internalTrafficPolicy="Local" if service == "near" else "Cluster",
        ))
        ready = [pods[service]] if pods[service] else []
        result += manifests.slices_of_pods(service, ready, [("query", "UDP", pod_port)])
    return result


def step(cluster, pods, pod_port):
    """Makes these the endpoints; answers when all agents had written it."""
    nodes = [cluster.node("n1"), cluster.node("n2")]
    cluster.apply("web.json", objects({**pods, "nodes": nodes}, pod_port))
    for service, pod in pods.items():
        cluster.wait_for_backends(f"default/{service}:query", web.addresses([pod] if pod else [], pod_port))
    written = time.monotonic()
    time.sleep(STEP)
    return written


def not_followed(name, outcomes, written, wanted):
    """A complaint, unless every datagram of a second was answered by `wanted`."""
    seen = [outcome for when, outcome in outcomes if GRACE <= when - written < STEP]
    wrong = [outcome for outcome in seen if outcome != wanted]
    if seen and not wrong:
        return []
    return [f"{name}: {len(wrong)} of {len(seen)} datagrams not answered by {wanted}: {wrong[:3]}"]


# Proves: K-128, K-129
def test():
    with Cluster(pods=4) as cluster:
        first = {"far": cluster.pod("n2", 2), "near": cluster.pod("n1", 2)}
        second = {"far": cluster.pod("n2", 3), "near": cluster.pod("n1", 3)}
        for pod in (*first.values(), *second.values()):
            cluster.serve(pod, [web.POD_PORT, OTHER_PORT])
        nobody = {"far": None, "near": None}
        cluster.apply("web.json", objects({**nobody, "nodes": [cluster.node("n1"), cluster.node("n2")]}, web.POD_PORT))
        cluster.start_agents()
        asked = paths(cluster)
        streams = {
            name: cluster.start(place, ask_steadily, address, port, 41000 + number, keep)
            for number, (name, (place, _, address, port, keep)) in enumerate(asked.items())
        }
        steps = [(pods, port, step(cluster, pods, port)) for pods, port in (
            (nobody, web.POD_PORT), (first, web.POD_PORT), (second, web.POD_PORT), (second, OTHER_PORT))]
        outcomes = {name: task.finish(30) for name, task in streams.items()}
        complaints = []
        for pods, port, written in steps[1:]:
            for name, (_, service, *_) in asked.items():
                complaints += not_followed(name, outcomes[name], written, f"{pods[service].name}:{port}")
        expect(not complaints, "\n".join(complaints))
    return f"UDP clients follow on {len(asked)} paths"


run_test(test)
