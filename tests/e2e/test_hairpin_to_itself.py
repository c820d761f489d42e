# SPDX-License-Identifier: Apache-2.0
"""A pod that is the only backend of a service reaches itself through it."""

import clients
import web
from harness import Cluster, expect, run_test


# Proves: K-58, X-118
def test():
    with Cluster() as cluster:
        pod = cluster.pod("n1", 2)
        web.start(cluster, [pod])
        through_tc = cluster.without_socket_hooks(pod)
        for protocol in web.PROTOCOLS:
            for address in (*web.CLUSTER_IPS, *web.LOAD_BALANCER_IPS):
                what = f"{protocol} to {address}"
                outcomes = cluster.run(through_tc, clients.ask, protocol, address, web.PORT, 10)
                web.expect_answers(outcomes, [pod], f"{what} through TC")
                peers = {outcome.peer for outcome in outcomes} & {pod.ipv4, pod.ipv6}
                expect(not peers, f"{what} through TC: the pod sees itself as the client: it would answer itself directly")
                web.expect_answers(cluster.run(pod, clients.ask, protocol, address, web.PORT, 10), [pod], what)
    return "a pod reaches itself through its service"


run_test(test)
