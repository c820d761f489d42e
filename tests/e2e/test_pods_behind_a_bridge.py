# SPDX-License-Identifier: Apache-2.0
"""Pods as the bridge plugin and Flannel connect them: their host-side links are ports of one bridge, so two pods of a
node talk on layer 2. Services work for them through TC and the sockets, with backends on the same bridge (the asking
pod itself included), on another node, and for clients outside."""

import subprocess

import clients
import web
from harness import Cluster, run_test

GATEWAY = ("10.244.1.1", "fd00:10:244:1::1")


def ip(cluster, place, *lines):
    words = ["ip", "-n", f"{cluster.name}-{place}", "-batch", "-"]
    subprocess.run(words, input="\n".join(lines), text=True, check=True)


def bridge_the_node(cluster):
    """Makes the links of n1's pods, which are Calico's, ports of a bridge with the gateway's addresses."""
    lines = [
        "route del blackhole 10.244.1.0/24",
        "route del blackhole fd00:10:244:1::/64",
        "link add cni0 type bridge forward_delay 0 mcast_snooping 0",
        f"address add {GATEWAY[0]}/24 dev cni0",
        f"address add {GATEWAY[1]}/64 dev cni0 nodad",
        "link set cni0 up",
    ]
    for k in range(2, cluster.pods + 2):
        lines += [
            f"link set calin1{k} down",
            f"link set calin1{k} address 02:00:00:00:01:{k:02x} name vethn1{k} master cni0",
            f"link set vethn1{k} up",
        ]
    ip(cluster, "n1", *lines)
    for k in range(2, cluster.pods + 2):
        ip(cluster, f"n1-p{k}", *pod_lines(cluster.pod("n1", k)))


def pod_lines(pod):
    return [
        "address flush dev eth0 scope global",
        "neighbour flush dev eth0 nud permanent",
        f"address add {pod.ipv4}/24 dev eth0",
        f"address add {pod.ipv6}/64 dev eth0 nodad",
        f"route replace default via {GATEWAY[0]}",
        f"route replace default via {GATEWAY[1]}",
    ]


def check_pod(cluster, place, backends, what):
    for protocol in web.PROTOCOLS:
        for address in (*web.CLUSTER_IPS, *web.LOAD_BALANCER_IPS):
            outcomes = cluster.run(place, clients.ask, protocol, address, web.PORT, 45)
            web.expect_all_used(outcomes, backends, f"{what}, {protocol} to {address}")


def test():
    with Cluster(pods=3) as cluster:
        bridge_the_node(cluster)
        backends = [cluster.pod("n1", 2), cluster.pod("n1", 3), cluster.pod("n2", 2)]
        web.start(cluster, backends, "--pod-interfaces=veth*,cali*")
        for k, name in ((4, "a pod on the bridge"), (2, "a pod that is a backend, too")):
            pod = cluster.pod("n1", k)
            check_pod(cluster, cluster.without_socket_hooks(pod), backends, f"{name}, through TC")
            check_pod(cluster, pod, backends, name)
        check_pod(cluster, cluster.node("n1"), backends, "the node itself")
        for protocol in web.PROTOCOLS:
            for address in web.LOAD_BALANCER_IPS:
                outcomes = cluster.run(cluster.client(), clients.ask, protocol, address, web.PORT, 45)
                web.expect_all_used(outcomes, backends, f"a client outside, {protocol} to {address}")
    return "services work for pods behind a bridge"


run_test(test)
