# SPDX-License-Identifier: Apache-2.0
"""Services that change what they are: hidden by label and shown again, of another type, with other ports, one of two that
share their endpoints deleted. The next questions find what the objects say, and only that."""

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test, wait_for

NODE_PORT = 30080
PROXY_LABEL = "service.kubernetes.io/service-proxy-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"
EXTERNAL_IPS = ("198.51.100.80", "2001:db8:51::80")
SILENCE = 0.5  # s


def service(name="web", cluster_ips=web.CLUSTER_IPS, node_port=None, port=web.PORT, load_balancer_ips=(), labels=None, **spec):
    ports = [(n, p, port, *([node_port] if node_port else [])) for n, p in (("http", "TCP"), ("query", "UDP"))]
    result = manifests.service(name, ports, cluster_ips, load_balancer_ips, **spec)
    result["metadata"]["labels"] = labels or {}
    return result


class Checks:
    def __init__(self, cluster, pods):
        self.cluster = cluster
        self.pods = pods
        self.pod_tc = cluster.without_socket_hooks(cluster.pod("n1", 3))
        self.places = [cluster.pod("n1", 3), self.pod_tc, cluster.node("n1")]

    def apply(self, *services, slice_labels=None):
        slices = [s for item in services for s in manifests.slices_of_pods(item["metadata"]["name"], self.pods, web.POD_PORTS)]
        for item in slices:
            item["metadata"]["labels"].update(slice_labels or {})
        nodes = [manifests.node(self.cluster.node(node)) for node in NODES]
        self.cluster.apply("web.json", [*nodes, *services, *slices])

    def answers(self, place, address, port):
        outcomes = self.cluster.run(place, clients.ask, "UDP", address, port, 1, SILENCE)
        return isinstance(outcomes[0], clients.Answer)

    def expect_served(self, what, addresses, port=web.PORT, outside=False):
        places = [*self.places, *([self.cluster.client()] if outside else [])]
        for address in addresses:
            wait_for(lambda a=address: self.answers(self.pod_tc, a, port), f"{what}: an answer from {address}, port {port}")
            for place in places:
                for protocol in web.PROTOCOLS:
                    outcomes = self.cluster.run(place, clients.ask, protocol, address, port, 3)
                    web.expect_answers(outcomes, self.pods, f"{what}: {protocol} from {place.name} to {address}, port {port}")

    def expect_closed(self, what, addresses, port=web.PORT):
        for address in addresses:
            wait_for(lambda a=address: not self.answers(self.pod_tc, a, port), f"{what}: no answer from {address}, port {port}")
        questions = [(protocol, address, port, 1, SILENCE) for protocol in web.PROTOCOLS for address in addresses]
        for place in self.places:
            for question, outcomes in zip(questions, self.cluster.run(place, clients.ask_all, questions)):
                served = isinstance(outcomes[0], clients.Answer)
                expect(not served, f"{what}: {place.name} to {question}: {outcomes}")


def check_labels(checks):
    checks.apply(service())
    checks.expect_served("a plain service", web.CLUSTER_IPS)
    checks.apply(service(labels={PROXY_LABEL: "another"}))
    checks.expect_closed("a service of another proxy", web.CLUSTER_IPS)
    checks.apply(service())
    checks.expect_served("taken back from the other proxy", web.CLUSTER_IPS)
    checks.apply(service(), slice_labels={HEADLESS_LABEL: ""})
    checks.expect_closed("slices with the headless label", web.CLUSTER_IPS)
    checks.apply(service())
    checks.expect_served("slices without the label again", web.CLUSTER_IPS)


def check_types(checks):
    node = checks.cluster.node("n1")
    node_addresses = (node.ipv4, node.ipv6)
    checks.apply(service(type="NodePort", node_port=NODE_PORT))
    checks.expect_served("made a NodePort", node_addresses, NODE_PORT, outside=True)
    checks.apply(service(node_port=NODE_PORT, load_balancer_ips=web.LOAD_BALANCER_IPS))
    checks.expect_served("made a LoadBalancer", web.LOAD_BALANCER_IPS, outside=True)
    checks.apply(service(node_port=NODE_PORT + 1, port=web.PORT + 1, load_balancer_ips=web.LOAD_BALANCER_IPS))
    checks.expect_served("with other ports", web.LOAD_BALANCER_IPS, web.PORT + 1, outside=True)
    checks.expect_served("with another node port", node_addresses, NODE_PORT + 1, outside=True)
    checks.expect_closed("with other ports", web.LOAD_BALANCER_IPS)
    checks.expect_closed("with another node port", node_addresses, NODE_PORT)
    checks.apply(service(externalIPs=EXTERNAL_IPS))
    checks.expect_served("a ClusterIP again, with external IPs", web.CLUSTER_IPS)
    checks.expect_served("with external IPs", EXTERNAL_IPS, outside=True)
    checks.expect_closed("a ClusterIP again", node_addresses, NODE_PORT + 1)
    checks.expect_closed("a ClusterIP again", web.LOAD_BALANCER_IPS, web.PORT + 1)
    external_name = service(type="ExternalName", externalName="example.org")
    checks.apply(external_name)
    checks.expect_closed("made an ExternalName", web.CLUSTER_IPS)
    checks.expect_closed("made an ExternalName", EXTERNAL_IPS)
    checks.apply(service(type="NodePort", node_port=NODE_PORT))
    checks.expect_served("from ExternalName to NodePort", node_addresses, NODE_PORT, outside=True)


def check_shared_endpoints(checks, cluster):
    """Also for an endpoint that reaches itself, whose packets need the node's address whichever service they came by."""
    other_ips = ("10.96.0.90", "fd00:10:96::90")
    endpoint = cluster.without_socket_hooks(checks.pods[0])
    checks.apply(service(), service("other", other_ips))
    for addresses in (web.CLUSTER_IPS, other_ips):
        checks.expect_served("two services with the same endpoints", addresses)
    checks.apply(service("other", other_ips))
    checks.expect_closed("deleted, where another has the same endpoints", web.CLUSTER_IPS)
    checks.expect_served("the one that stays", other_ips)
    for address in other_ips:
        for protocol in web.PROTOCOLS:
            outcomes = cluster.run(endpoint, clients.ask, protocol, address, web.PORT, 24)
            web.expect_all_used(outcomes, checks.pods, f"{protocol} from an endpoint to the service that stays")


# Proves: I-07, I-20, K-11, K-58, X-119
def test():
    with Cluster(pods=2) as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        for pod in pods:
            cluster.serve(pod, [web.POD_PORT])
        cluster.start_agents()
        checks = Checks(cluster, pods)
        check_labels(checks)
        check_types(checks)
        check_shared_endpoints(checks, cluster)
    return "services that change are served as what they are"


run_test(test)
