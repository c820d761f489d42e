# SPDX-License-Identifier: Apache-2.0
"""Backends come and go under load: no connection is lost or misdirected, at the socket, at TC and from outside."""

import time

import clients
import web
from harness import Cluster, expect, run_test

ROUNDS = 10
SETTLED = 0.05  # s; a connection may have chosen its backend just before the removal was written


def expect_nothing_lost(name, history, allowed_names):
    counts = clients.pods_of(outcome for _, outcome in history)
    wrong = {key: n for key, n in counts.items() if key not in allowed_names}
    expect(not wrong, f"{name}: of {len(history)} connections, lost or misdirected: {wrong}")
    expect(len(history) > 100, f"{name}: only {len(history)} connections: the load was no load")


def expect_follows(name, history, pod, absent, present):
    """absent, present: [(begin, end)] in monotonic seconds, when the pod was surely no backend, or surely one."""
    late = [start for start, o in history if isinstance(o, clients.Answer) and o.pod == pod.name
            and any(begin < start < end for begin, end in absent)]
    expect(not late, f"{name}: {len(late)} new connections went to {pod.name} after it was removed")
    used = [start for start, o in history if isinstance(o, clients.Answer) and o.pod == pod.name
            and any(begin < start < end for begin, end in present)]
    expect(used, f"{name}: {pod.name} never got a connection while it was a backend")


def test():
    with Cluster() as cluster:
        constant = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        extra = cluster.pod("n2", 3)
        cluster.serve(extra, [web.POD_PORT])
        web.start(cluster, constant)
        pod = cluster.pod("n1", 4)
        loads = {
            "TCP of a pod (socket)": (pod, "TCP", web.CLUSTER_IPS[0]),
            "TCP of a pod (TC)": (cluster.without_socket_hooks(pod), "TCP", web.CLUSTER_IPS[1]),
            "UDP of a pod (TC)": (pod, "UDP", web.CLUSTER_IPS[0]),
            "TCP from outside": (cluster.client(), "TCP", web.LOAD_BALANCER_IPS[0]),
            "UDP from outside": (cluster.client(), "UDP", web.LOAD_BALANCER_IPS[1]),
        }
        tasks = {name: cluster.start(place, clients.ask_until_stopped, protocol, address, web.PORT, 3.0, 0.002)
                 for name, (place, protocol, address) in loads.items()}
        absent, present = [], []
        for _ in range(ROUNDS):
            web.apply(cluster, [*constant, extra])
            begin = time.monotonic()
            time.sleep(0.2)
            present.append((begin, time.monotonic()))
            web.apply(cluster, constant)
            begin = time.monotonic() + SETTLED
            time.sleep(0.2)
            absent.append((begin, time.monotonic()))
        for name, task in tasks.items():
            history = task.finish(20)
            expect_nothing_lost(name, history, {p.name for p in [*constant, extra]})
            expect_follows(name, history, extra, absent, present)
    return f"{ROUNDS} backends added and removed under load, nothing lost"


run_test(test)
