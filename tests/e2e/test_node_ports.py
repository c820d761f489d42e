# SPDX-License-Identifier: Apache-2.0
"""Node ports: on which addresses of a node, for whom, also on an address that comes while the agent runs. An external IP that is a
node's own address takes its port and nothing else."""

import subprocess

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test, wait_for

NODE_PORT = 30080
CIDRS = "172.18.0.0/24,fd00:172:18::/64"
SECOND = ("172.18.0.21", "fd00:172:18::21")  # of n1, beside its primary addresses
NEW = ("172.18.0.31", "fd00:172:18::31")
LOCAL_NODE_PORTS = {"externalTrafficPolicy": 30081, "internalTrafficPolicy": 30082}  # of services with that policy Local
OWN_SERVICE_PORT = 8443  # of the service whose external IPs are n1's own addresses
POD_PORTS = [("http", "TCP", web.POD_PORT), ("query", "UDP", web.POD_PORT)]


def objects(cluster, pods):
    node = cluster.node("n1")
    ports = [("http", "TCP", web.PORT, NODE_PORT), ("query", "UDP", web.PORT, NODE_PORT)]
    own = [("http", "TCP", OWN_SERVICE_PORT), ("query", "UDP", OWN_SERVICE_PORT)]
    return [
        *(manifests.node(cluster.node(name)) for name in NODES),
        manifests.service("web", ports, web.CLUSTER_IPS, type="NodePort"),
        *manifests.slices_of_pods("web", pods, POD_PORTS),
        *(manifests.service(f"local-{number}", [("http", "TCP", web.PORT, number), ("query", "UDP", web.PORT, number)],
                            (f"10.96.1.{number % 100}", f"fd00:10:96::{number % 100}"), type="NodePort", **{policy: "Local"})
          for policy, number in LOCAL_NODE_PORTS.items()),
        *(each for number in LOCAL_NODE_PORTS.values() for each in manifests.slices_of_pods(f"local-{number}", pods, POD_PORTS)),
        manifests.service("own", own, ("10.96.0.90", "fd00:10:96::90"), externalIPs=[node.ipv4, node.ipv6]),
        *manifests.slices_of_pods("own", pods, POD_PORTS),
    ]


def ip(cluster, place, *words):
    subprocess.run(["ip", "-n", f"{cluster.name}-{place}", *words], check=True)


def expect_served(cluster, place, address, pods, port=NODE_PORT):
    for protocol in web.PROTOCOLS:
        outcomes = cluster.run(place, clients.ask, protocol, address, port, 24)
        web.expect_all_used(outcomes, pods, f"{protocol} from {place.name} to {address}, port {port}")


def expect_not_served(cluster, place, address, port=NODE_PORT):
    """Nobody listens there: the node itself refuses TCP. It sends only so many ICMP errors for UDP."""
    outcome = cluster.run(place, clients.ask, "TCP", address, port)[0]
    expect(outcome == clients.REFUSED, f"TCP from {place.name} to {address}, port {port}: {outcome}")
    outcome = cluster.run(place, clients.ask, "UDP", address, port, 1, 0.3)[0]
    expect(not isinstance(outcome, clients.Answer), f"UDP from {place.name} to {address}, port {port}: {outcome}")


def places(cluster):
    pod = cluster.pod("n1", 3)
    return [cluster.client(), cluster.node("n1"), cluster.node("n2"), pod, cluster.without_socket_hooks(pod), cluster.pod("n2", 3)]


def check_primary(cluster, pods):
    node = cluster.node("n1")
    for place in places(cluster):
        for primary, second in zip((node.ipv4, node.ipv6), SECOND):
            expect_served(cluster, place, primary, pods)
            expect_not_served(cluster, place, second)
    check_loopback(cluster, node, pods)


def check_loopback(cluster, node, pods):
    """From loopback to loopback, with and without the socket hooks, whatever the policies; beside it the same ports are served."""
    for port in (NODE_PORT, *LOCAL_NODE_PORTS.values()):
        outcome = cluster.run(node, clients.ask, "TCP", node.ipv4, port)[0]
        expect(isinstance(outcome, clients.Answer), f"node port {port} is not served at all: {outcome}")
        for place in (node, cluster.without_socket_hooks(node)):
            for loopback in ("127.0.0.1", "::1"):
                expect_not_served(cluster, place, loopback, port)


def check_own_address(cluster, pods):
    """K-08: the port is taken, from a server of the node itself; the next one is not."""
    node = cluster.node("n1")
    cluster.serve(node, [OWN_SERVICE_PORT, OWN_SERVICE_PORT + 1])
    for place in places(cluster):
        for address in (node.ipv4, node.ipv6):
            expect_served(cluster, place, address, pods, OWN_SERVICE_PORT)
            outcomes = cluster.run(place, clients.ask, "TCP", address, OWN_SERVICE_PORT + 1, 3)
            web.expect_answers(outcomes, [node], f"{place.name} to the node's own server", OWN_SERVICE_PORT + 1)


def check_live_addresses(cluster, pods):
    outside = cluster.client()
    for address in SECOND:
        expect_served(cluster, outside, address, pods)
    for address, length in zip(NEW, (24, 64)):
        ip(cluster, "n1", "address", "add", f"{address}/{length}", "dev", "eth0", *(["nodad"] if ":" in address else []))
        wait_for(lambda a=address: is_served(cluster, a), f"node port on {address}, which is new")
        expect_served(cluster, outside, address, pods)
        expect_served(cluster, cluster.node("n1"), address, pods)
        ip(cluster, "n1", "address", "del", f"{address}/{length}", "dev", "eth0")


def is_served(cluster, address):
    outcome = cluster.run(cluster.client(), clients.ask, "UDP", address, NODE_PORT, 1, 0.2)[0]
    return isinstance(outcome, clients.Answer)


def expect_no_listener(cluster):
    """A node port is no socket."""
    command = ["nsenter", f"--net=/run/netns/{cluster.name}-n1", "ss", "-Hlntu"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    expect(f":{NODE_PORT}" not in said, f"somebody listens on the node port: {said}")


# Proves: K-03, K-08, K-40, K-42, K-43, K-44, K-45, K-47, K-48, X-135
def test():
    with Cluster(pods=2) as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        for pod in pods:
            cluster.serve(pod, [web.POD_PORT])
        cluster.apply("web.json", objects(cluster, pods))
        cluster.start_agents()
        cluster.wait_for_backends("default/web:http", web.addresses(pods))
        check_primary(cluster, pods)
        check_own_address(cluster, pods)
        expect_no_listener(cluster)
        cluster.agents["n1"].options = [f"--nodeport-addresses={CIDRS}"]
        cluster.agents["n1"].restart()
        check_live_addresses(cluster, pods)
    return "node ports are served on the addresses of the node that count"


run_test(test)
