# SPDX-License-Identifier: Apache-2.0
"""The agent is killed, and later told to end, in the middle of downloads: no byte is lost, and new connections work all
along."""

import signal

import clients
import downloads
import web
from harness import Cluster, expect, run_test

SIZE = 12_000_000  # bytes
RATE = 2_000_000  # bytes/s: the downloads outlast both restarts


def expect_new_connections_work(cluster, places, backends, when):
    for name, (place, address) in places.items():
        outcomes = cluster.run(place, clients.ask, "TCP", address, web.PORT, 30)
        web.expect_answers(outcomes, backends, f"{when}, new connections of {name}")


# Proves: O-74
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        pod = cluster.pod("n1", 4)
        places = {
            "a pod (socket)": (pod, web.CLUSTER_IPS[0]),
            "a pod (TC)": (cluster.without_socket_hooks(pod), web.CLUSTER_IPS[1]),
            "an outside client": (cluster.client(), web.LOAD_BALANCER_IPS[0]),
        }
        tasks = {(name, i): cluster.start(place, downloads.download, address, web.PORT, SIZE, RATE)
                 for name, (place, address) in places.items() for i in range(4)}
        for task in tasks.values():
            task.receive(20)
        agent = cluster.agents["n1"]
        for how in (signal.SIGKILL, signal.SIGTERM):
            status = agent.stop(how)
            if how == signal.SIGTERM:
                expect(status == 0, f"the agent told to end should answer 0, but answers {status}")
            expect_new_connections_work(cluster, places, backends, f"agent ended by {how.name}")
            agent.start()
            agent.wait_until_ready()
            expect_new_connections_work(cluster, places, backends, f"agent started again after {how.name}")
        still = sum(task.pipe.poll(0) is False for task in tasks.values())
        expect(still == len(tasks), "the downloads ended before the restarts did: raise SIZE")
        for (name, _), task in tasks.items():
            result = task.result(60)
            expect(result == {"wrong": 0, "missing": 0}, f"download of {name} over the restarts: {result}")
    return "agent killed and restarted during downloads, no byte lost"


run_test(test)
