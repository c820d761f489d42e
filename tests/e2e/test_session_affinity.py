# SPDX-License-Identifier: Apache-2.0
"""sessionAffinity ClientIP: a client stays with its backend, by whichever address it comes, over a restart of the agent, until
it has been away for longer than the timeout; switched off, the next connections spread."""

import time

import clients
import manifests
import web
from harness import NODES, Cluster, expect, run_test, wait_for

NODE_PORT = 30080
EXTERNAL_IPS = ("198.51.100.80", "2001:db8:51::80")
LONG, SHORT = 600, 2  # s
IDLE = 0.5  # s over the short timeout: whole seconds count
ROUNDS = 12  # after each a client that has been away long enough may choose another backend: 1 of 3^11 clients never does


def objects(cluster, pods, timeout=None):
    ports = [("http", "TCP", web.PORT, NODE_PORT), ("query", "UDP", web.PORT, NODE_PORT)]
    affinity = {} if timeout is None else {
        "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": timeout}}}
    service = manifests.service("web", ports, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS, externalIPs=EXTERNAL_IPS, **affinity)
    nodes = [manifests.node(cluster.node(node)) for node in NODES]
    return [*nodes, service, *manifests.slices_of_pods("web", pods, web.POD_PORTS)]


def targets(cluster, cluster_ips):
    node = cluster.node("n1")
    external = [*((a, web.PORT) for a in (*web.LOAD_BALANCER_IPS, *EXTERNAL_IPS)), (node.ipv4, NODE_PORT), (node.ipv6, NODE_PORT)]
    return external + ([(a, web.PORT) for a in web.CLUSTER_IPS] if cluster_ips else [])


def answering(cluster, place, questions, what, pods):
    """(protocol, family) -> the pods that answered."""
    seen = {}
    for question, outcomes in zip(questions, cluster.run(place, clients.ask_all, questions, 1)):
        web.expect_answers(outcomes, pods, f"{what} to {question}")
        key = question[0], ":" in question[1]
        seen.setdefault(key, set()).update(outcome.pod for outcome in outcomes)
    return seen


class Checks:
    def __init__(self, cluster, pods):
        self.cluster = cluster
        self.pods = pods
        pod = cluster.pod("n1", 4)
        # A pod's TCP is recognized at its socket and, without hooks, by its address: two kinds of memory, so two pods.
        self.places = {
            "outside": (cluster.client(), targets(cluster, False)),
            "pod": (cluster.pod("n1", 5), targets(cluster, True)),
            "pod-tc": (cluster.without_socket_hooks(pod), targets(cluster, True)),
            "host": (cluster.node("n1"), targets(cluster, True)),
        }

    def ask(self, name, protocols=web.PROTOCOLS, count=5):
        place, addresses = self.places[name]
        questions = [(protocol, *target, count) for protocol in protocols for target in addresses]
        return answering(self.cluster, place, questions, name, self.pods)

    def expect_stuck(self, when):
        """Each client has one pod for each protocol and family; answers which."""
        result = {}
        for name in self.places:
            result[name] = self.ask(name)
            many = {key: pods for key, pods in result[name].items() if len(pods) > 1}
            expect(not many, f"{when}: {name} was answered by several pods: {many}")
        return result

    def expect_spread(self, when):
        for name in self.places:
            one = {key: pods for key, pods in self.ask(name, count=10).items() if len(pods) == 1}
            expect(not one, f"{when}: {name} was answered by one pod only: {one}")

    def expect_expires(self):
        """Away for longer than the timeout, clients choose anew; while they keep coming, they stay."""
        seen = {name: set() for name in self.places}
        for _ in range(ROUNDS):
            for name in self.places:
                pods = self.ask(name, ("UDP",), 1)["UDP", False]
                expect(len(pods) == 1, f"{name} was answered by several pods within the timeout: {pods}")
                seen[name] |= pods
            if all(len(pods) > 1 for pods in seen.values()):
                return
            time.sleep(SHORT + IDLE)
        expect(False, f"after {ROUNDS} times away some clients never got another pod: {seen}")


# Proves: K-62, K-63, K-65, K-66, K-67, K-70
def test():
    with Cluster(pods=4) as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2), cluster.pod("n2", 3)]
        for pod in pods:
            cluster.serve(pod, [web.POD_PORT])
        cluster.apply("web.json", objects(cluster, pods, LONG))
        cluster.start_agents()
        cluster.wait_for_backends("default/web:query", web.addresses(pods))
        checks = Checks(cluster, pods)
        before = checks.expect_stuck("with affinity")
        cluster.agents["n1"].restart()
        after = checks.expect_stuck("after a restart of the agent")
        expect(before == after, f"a restart of the agent moved clients: {before} became {after}")
        switch(cluster, pods, None)
        checks.expect_spread("with affinity switched off")
        switch(cluster, pods, SHORT)
        checks.expect_expires()
    return "clients stay with their backend as long as they should"


def switch(cluster, pods, timeout):
    """Back when n1's agent has written it."""
    cluster.apply("web.json", objects(cluster, pods, timeout))
    agent = cluster.agents["n1"]
    wait_for(lambda: all(row["affinity_s"] == timeout for row in agent.json("service", "list")), f"affinity {timeout} on n1")


run_test(test)
