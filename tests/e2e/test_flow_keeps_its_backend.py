# SPDX-License-Identifier: Apache-2.0
"""A connection keeps its backend while backends come and go; so does a UDP client while its backend serves."""

import clients
import web
from harness import Cluster, expect, run_test

CONNECTIONS = 20


def ask_when_told(address, port, report):
    """Opens connections and UDP sockets, then asks all of them once for each SIGTERM-free round the parent waits for."""
    tcp = [clients.tcp_connection(address, port) for _ in range(CONNECTIONS)]
    udp = [clients.udp_socket(address, port) for _ in range(CONNECTIONS)]
    while not clients.tasks.stop_asked():
        report(([clients.who(c).pod for c in tcp], [clients.who_udp(s).pod for s in udp]))
        clients.time.sleep(0.05)


def next_round(task):
    """A round of answers that began after now: what is in the pipe already and the round under way are skipped."""
    while task.pipe.poll(0):
        task.receive(5)
    task.receive(10)
    return task.receive(10)


def expect_same(before, after, backends, when):
    names = {pod.name for pod in backends}
    moved = [(b, a) for b, a in zip(before[0], after[0]) if b != a]
    expect(not moved, f"{when}: TCP connections changed their backend (from, to): {moved}")
    moved = [(b, a) for b, a in zip(before[1], after[1]) if b != a and b in names]
    expect(not moved, f"{when}: UDP flows left a backend that still serves (from, to): {moved}")


# Proves: K-13
def test():
    with Cluster() as cluster:
        first = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        added = [cluster.pod("n1", 3), cluster.pod("n2", 3)]
        for pod in added:
            cluster.serve(pod, [web.POD_PORT])
        web.start(cluster, first)
        client = cluster.without_socket_hooks(cluster.pod("n1", 4))
        for address in web.CLUSTER_IPS:
            web.apply(cluster, first)
            task = cluster.start(client, ask_when_told, address, web.PORT)
            before = task.receive(10)
            expect(len(set(before[0])) == 2, f"{address}: {CONNECTIONS} connections all went to {set(before[0])}")
            web.apply(cluster, first + added)
            expect_same(before, next_round(task), first + added, f"{address}, after adding backends")
            web.apply(cluster, [first[0], *added])
            expect_same(before, next_round(task), [first[0]], f"{address}, after removing {first[1].name}")
            task.kill()
    return "flows keep their backend while others come and go"


run_test(test)
