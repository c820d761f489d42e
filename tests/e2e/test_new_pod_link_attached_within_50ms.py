# SPDX-License-Identifier: Apache-2.0
"""A pod link that appears while the agent runs has its programs within 50 ms, and they work."""

import socket
import subprocess
import time

import bpf_query
import clients
import web
from harness import Cluster, expect, run_test

LINKS = 9
LIMIT = 0.050  # s, for the middle one of LINKS: the machine may be busy with something else for one


def measure_attachment(links):
    """Makes pod links; answers for each the seconds from its appearance to both programs being attached."""
    return [_attachment_time(f"calix{i}") for i in range(links)]


def _attachment_time(name):
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", f"p{name}"], check=True)
    start = time.monotonic()
    index = socket.if_nametoindex(name)
    while time.monotonic() < start + 5:
        if all(bpf_query.tcx_programs(index, hook) for hook in (bpf_query.BPF_TCX_INGRESS, bpf_query.BPF_TCX_EGRESS)):
            return time.monotonic() - start
        time.sleep(0.001)
    return float("inf")


def add_pod(cluster, node, k):
    """A pod that comes after the agent; answers its place."""
    pod = cluster.pod(node, k)
    netns, link = f"{cluster.name}-{pod.name}", f"cali{node}{k}"
    gateway = "ee:ee:ee:ee:ee:ee"
    outside = f"""
        netns add {netns}
        link add {link} netns {cluster.name}-{node} address {gateway} type veth peer name eth0 netns {netns}
    """
    inside = f"""
        address add {pod.ipv4}/32 dev eth0
        link set eth0 up
        neighbour add 169.254.1.1 lladdr {gateway} dev eth0 nud permanent
        route add 169.254.1.1 dev eth0 scope link
        route add default via 169.254.1.1 dev eth0
    """
    on_node = f"""
        link set {link} up
        route add {pod.ipv4} dev {link} scope link
    """
    for commands, options in ((outside, []), (inside, ["-n", netns]), (on_node, ["-n", f"{cluster.name}-{node}"])):
        subprocess.run(["ip", *options, "-batch", "-"], input=commands, text=True, check=True)
    return pod


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n2", 2)]
        web.start(cluster, backends)
        seconds = sorted(cluster.run(cluster.node("n1"), measure_attachment, LINKS))
        print("attached after", " ".join(f"{1000 * s:.1f}" for s in seconds), "ms")
        expect(seconds[-1] != float("inf"), "a new pod link never got its programs")
        expect(seconds[LINKS // 2] <= LIMIT, f"a new pod link got its programs only after {1000 * seconds[LINKS // 2]:.0f} ms")
        pod = add_pod(cluster, "n1", 50)
        outcomes = cluster.run(cluster.without_socket_hooks(pod), clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 10)
        web.expect_answers(outcomes, backends, "a pod that came after the agent")
    return "new pod links are attached within 50 ms"


run_test(test)
