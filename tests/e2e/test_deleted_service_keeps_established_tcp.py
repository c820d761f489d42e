# SPDX-License-Identifier: Apache-2.0
"""When a service is deleted its open TCP connections go on to their end, and new ones find no service any more."""

import clients
import downloads
import web
from harness import Cluster, expect, run_test, wait_for

SIZE = 6_000_000
RATE = 2_000_000  # bytes/s


# Proves: K-13
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        pod = cluster.without_socket_hooks(cluster.pod("n1", 4))
        clients_of = {
            "a pod": (pod, web.CLUSTER_IPS),
            "an outside client": (cluster.client(), web.LOAD_BALANCER_IPS),
        }
        tasks = {f"{name} to {address} ({i})": cluster.start(place, downloads.download, address, web.PORT, SIZE, RATE)
                 for name, (place, addresses) in clients_of.items() for address in addresses for i in range(3)}
        for task in tasks.values():
            task.receive(20)
        cluster.delete("web.json")
        for agent in cluster.agents.values():
            wait_for(lambda a=agent: not a.backends("default/web:http"), "the service has no backends any more")
        for name, (place, addresses) in clients_of.items():
            for address in addresses:
                outcome = cluster.run(place, clients.ask, "TCP", address, web.PORT, 1, 0.5)[0]
                expect(not isinstance(outcome, clients.Answer), f"{name}: the deleted service still answers: {outcome}")
        ended = [name for name, task in tasks.items() if task.pipe.poll(0)]
        expect(not ended, f"these downloads ended before the service was gone, raise SIZE: {ended}")
        for name, task in tasks.items():
            result = task.result(30)
            expect(result == {"wrong": 0, "missing": 0}, f"{name}: the connection broke with its service: {result}")
    return "connections outlive their service"


run_test(test)
