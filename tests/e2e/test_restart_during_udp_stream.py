# SPDX-License-Identifier: Apache-2.0
"""The agent is killed, and later told to end, in the middle of UDP streams: every datagram is answered, by the same
pod."""

import signal
import time

import downloads
import web
from harness import Cluster, expect, run_test

INTERVAL = 0.005  # s between two datagrams of a stream


def expect_whole(name, result):
    expect(result["sent"] > 200, f"{name}: only {result['sent']} datagrams were sent")
    expect(not result["errors"], f"{name}: errors {result['errors'][:3]}")
    expect(not result["lost"], f"{name}: {len(result['lost'])} of {result['sent']} lost: numbers {result['lost'][:10]}")
    pods = {pod for _, pod in result["answers"]}
    expect(len(pods) == 1, f"{name}: one flow was answered by several pods: {pods}")


# Proves: O-74
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        places = {
            "a pod": (cluster.pod("n1", 4), web.CLUSTER_IPS),
            "the node": (cluster.node("n1"), web.CLUSTER_IPS),
            "an outside client": (cluster.client(), web.LOAD_BALANCER_IPS),
        }
        tasks = {f"{name} to {address}": cluster.start(place, downloads.udp_stream, address, web.PORT, INTERVAL)
                 for name, (place, addresses) in places.items() for address in addresses}
        for task in tasks.values():
            task.receive(20)
        agent = cluster.agents["n1"]
        for how in (signal.SIGKILL, signal.SIGTERM):
            agent.stop(how)
            time.sleep(0.3)  # traffic while no agent runs
            agent.start()
            agent.wait_until_ready()
            time.sleep(0.3)
        for name, task in tasks.items():
            expect_whole(name, task.finish(20))
    return "agent killed and restarted during UDP streams, no datagram lost"


run_test(test)
