# SPDX-License-Identifier: Apache-2.0
"""A UDP client that keeps its socket and source port follows when its backend is replaced: from the next datagram on."""

import time

import downloads
import web
from harness import Cluster, expect, run_test

INTERVAL = 0.01  # s between two datagrams
GRACE = 0.2  # s from the agent's write to the first answer of the new backend


def expect_follows(name, result, swapped, old, new):
    late = [pod for when, pod in result["answers"] if when > swapped + GRACE and pod == old.name]
    expect(not late, f"{name}: {len(late)} answers still came from {old.name}")
    after = [pod for when, pod in result["answers"] if when > swapped + GRACE and pod == new.name]
    expect(len(after) > 20, f"{name}: only {len(after)} answers from {new.name} in the second after the swap")
    missing = len(result["lost"])
    expect(missing <= 2, f"{name}: {missing} datagrams lost, where the old backend served until it was replaced")


# Proves: K-123, K-128, X-170
# Proves: K-129
def test():
    with Cluster() as cluster:
        old, new = cluster.pod("n2", 2), cluster.pod("n2", 3)
        cluster.serve(new, [web.POD_PORT])
        web.start(cluster, [old])
        places = {
            "a pod": (cluster.pod("n1", 4), web.CLUSTER_IPS),
            "an outside client": (cluster.client(), web.LOAD_BALANCER_IPS),
        }
        tasks = {f"{name} to {address}":
                 cluster.start(place, downloads.udp_stream, address, web.PORT, INTERVAL, 40000 + len(address))
                 for name, (place, addresses) in places.items() for address in addresses}
        for name, task in tasks.items():
            task.receive(20)
        web.apply(cluster, [new])
        swapped = time.monotonic()
        time.sleep(1.0)
        for name, task in tasks.items():
            expect_follows(name, task.finish(20), swapped, old, new)
    return "UDP clients with a fixed source port follow their backend's replacement"


run_test(test)
