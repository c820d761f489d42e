# SPDX-License-Identifier: Apache-2.0
"""All pods of a service are replaced one by one, each with readiness and a graceful end, while clients outside keep asking
through a LoadBalancer address and a pod through the ClusterIP: every question is answered, with either external policy."""

import clients
import manifests
import web
from harness import Cluster, expect, run_test

# Two services over the same pods, one for each external policy.
LOAD_BALANCERS = {"Cluster": ("192.0.2.81", "2001:db8:2::81"), "Local": ("192.0.2.82", "2001:db8:2::82")}
CLUSTER_IPS = {"Cluster": ("10.96.0.81", "fd00:10:96::81"), "Local": ("10.96.0.82", "fd00:10:96::82")}
PORTS = [("http", "TCP", web.PORT)]
POD_PORTS = [("http", "TCP", web.POD_PORT)]
PAUSE = 0.002  # s between two questions of one client
MANY = 400  # questions a client must have asked in all the time


def objects(conditions):
    """conditions: pod -> conditions of its endpoint."""
    result = []
    for policy in ("Cluster", "Local"):
        name = f"web-{policy.lower()}"
        result.append(manifests.service(
            name, PORTS, CLUSTER_IPS[policy], LOAD_BALANCERS[policy],
            externalTrafficPolicy=policy, healthCheckNodePort=32001 if policy == "Cluster" else 32002,
        ))
        for family in ("IPv4", "IPv6"):
            endpoints = [manifests.pod_endpoint(pod, family, **how) for pod, how in conditions.items()]
            result.append(manifests.endpoint_slice(name, endpoints, POD_PORTS))
    return result


READY = {}
TERMINATING = {"ready": False, "serving": True, "terminating": True}


class Deployment:
    def __init__(self, cluster, pods):
        self.cluster = cluster
        self.servers = {pod: cluster.serve(pod, [web.POD_PORT], False) for pod in pods}
        self.conditions = {pod: READY for pod in pods}
        self.apply()

    def apply(self):
        self.cluster.apply("web.json", objects(self.conditions))

    def wait(self):
        """Until all agents have written what is ready now."""
        ready = web.addresses([pod for pod, how in self.conditions.items() if how is READY])
        for policy in ("cluster", "local"):
            self.cluster.wait_for_backends(f"default/web-{policy}:http", ready)

    def replace(self, old, new):
        self.servers[new] = self.cluster.serve(new, [web.POD_PORT], False)
        self._set(new, READY)
        self._set(old, TERMINATING)
        self.servers.pop(old).finish(10)
        del self.conditions[old]
        self.apply()
        self.wait()

    def _set(self, pod, conditions):
        self.conditions[pod] = conditions
        self.apply()
        self.wait()


def start_clients(cluster):
    places = {}
    for policy in ("Cluster", "Local"):
        for address in LOAD_BALANCERS[policy]:
            places[f"client outside, policy {policy}, {address}"] = (cluster.client(), address)
        for address in CLUSTER_IPS[policy]:
            places[f"pod, policy {policy}, {address}"] = (cluster.without_socket_hooks(cluster.pod("n2", 6)), address)
    return {what: cluster.start(place, clients.ask_until_stopped, "TCP", address, web.PORT, 3.0, PAUSE)
            for what, (place, address) in places.items()}


# Proves: K-132
def test():
    with Cluster(pods=5) as cluster:
        old = [cluster.pod(node, k) for node in ("n1", "n2") for k in (2, 3)]
        new = [cluster.pod(node, k) for node in ("n1", "n2") for k in (4, 5)]
        deployment = Deployment(cluster, old)
        cluster.start_agents()
        deployment.wait()
        tasks = start_clients(cluster)
        for pod, successor in zip(old, new):
            deployment.replace(pod, successor)
        total = 0
        for what, task in tasks.items():
            outcomes = [outcome for _, outcome in task.finish(30)]
            web.expect_answers(outcomes, old + new, what)
            expect(len(outcomes) > MANY, f"{what}: only {len(outcomes)} questions in all the time")
            last = set(clients.pods_of(outcomes[-10:]))
            expect(last <= {pod.name for pod in new}, f"{what}: {last} answered after all pods were replaced")
            total += len(outcomes)
    return f"{total} of {total} questions answered while every pod was replaced"


run_test(test)
