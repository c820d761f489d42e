# SPDX-License-Identifier: Apache-2.0
"""loadBalancerSourceRanges: who may open connections to a LoadBalancer address, for clients outside, pods and the node, live;
connections that are open go on, and the service's other addresses let everybody in."""

import clients
import downloads
import manifests
import web
from harness import NODES, Cluster, expect, run_test, wait_for

NODE_PORT = 30080
EXTERNAL_IPS = ("198.51.100.80", "2001:db8:51::80")
OUTSIDE = ["172.18.0.100/32", "fd00:172:18::100/128"]
PODS = ["10.244.0.0/16", "fd00:10:244::/48"]
NODES_OF_CLUSTER = ["172.18.0.8/29", "fd00:172:18::10/124"]
NOBODY = ["203.0.113.7/32", "2001:db8:113::7/128"]
HALVES = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]
SILENCE = 1.0  # s


def objects(cluster, pods, ranges):
    ports = [("http", "TCP", web.PORT, NODE_PORT), ("query", "UDP", web.PORT, NODE_PORT)]
    service = manifests.service(
        "web", ports, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS, externalIPs=EXTERNAL_IPS, loadBalancerSourceRanges=ranges)
    nodes = [manifests.node(cluster.node(node)) for node in NODES]
    return [*nodes, service, *manifests.slices_of_pods("web", pods, web.POD_PORTS)]


class Ranges:
    def __init__(self, cluster, pods):
        self.cluster = cluster
        self.pods = pods
        pod = cluster.pod("n1", 3)
        self.places = {"outside": cluster.client(), "pod": pod, "pod-tc": cluster.without_socket_hooks(pod),
                       "host": cluster.node("n1")}

    def allows(self, place):
        outcome = self.cluster.run(self.places[place], clients.ask, "UDP", web.LOAD_BALANCER_IPS[1], web.PORT, 1, 0.3)[0]
        return isinstance(outcome, clients.Answer)

    def set(self, ranges, allowed):
        self.cluster.apply("web.json", objects(self.cluster, self.pods, ranges))
        for place in self.places:
            wait_for(lambda p=place: self.allows(p) == (p in allowed), f"{ranges}: {place} allowed: {place in allowed}")
        for place in self.places:
            self.check(place, place in allowed, ranges)

    def check(self, place, allowed, ranges):
        questions = [(p, a, web.PORT, 1, 3.0 if allowed else SILENCE) for p in web.PROTOCOLS for a in web.LOAD_BALANCER_IPS]
        for question, outcomes in zip(questions, self.ask(place, questions)):
            what = f"{place}, ranges {ranges}, {question[0]} to {question[1]}"
            if allowed:
                web.expect_answers(outcomes, self.pods, what)
            else:
                # The node is told by its socket; to others it is silence.
                silent = outcomes == [clients.LOST] or place == "host" and not isinstance(outcomes[0], clients.Answer)
                expect(silent, f"{what}: should be silence, but: {outcomes}")

    def ask(self, place, questions):
        return self.cluster.run(self.places[place], clients.ask_all, questions)

    def check_other_addresses(self):
        """Which no range restricts."""
        node = self.cluster.node("n1")
        targets = [(a, web.PORT) for a in (*web.CLUSTER_IPS, *EXTERNAL_IPS)] + [(a, NODE_PORT) for a in (node.ipv4, node.ipv6)]
        questions = [(protocol, *target) for protocol in web.PROTOCOLS for target in targets]
        for place in self.places:
            for question, outcomes in zip(questions, self.ask(place, questions)):
                web.expect_answers(outcomes, self.pods, f"{place} to {question}, which no range restricts")


# Proves: K-75, K-76, K-78, K-80, K-81, K-82
def test():
    with Cluster(pods=2) as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        for pod in pods:
            cluster.serve(pod, [web.POD_PORT])
        everybody = {"outside", "pod", "pod-tc", "host"}
        cluster.apply("web.json", objects(cluster, pods, []))
        cluster.start_agents()
        ranges = Ranges(cluster, pods)
        ranges.set(OUTSIDE, {"outside"})
        size = 600_000
        task = cluster.start(cluster.client(), downloads.download, web.LOAD_BALANCER_IPS[0], web.PORT, size, 150_000)
        task.receive(20)
        ranges.set(NOBODY, set())
        ranges.check_other_addresses()
        result = task.result(30)
        expect(result == {"wrong": 0, "missing": 0}, f"a connection that was open when the range was taken away: {result}")
        ranges.set(PODS, {"pod", "pod-tc"})
        ranges.set(NODES_OF_CLUSTER, {"host"})
        ranges.set(HALVES, everybody)
        ranges.set(["0.0.0.0/0", "::/0"], everybody)
    return "source ranges let in whom they name"


run_test(test)
