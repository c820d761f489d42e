# SPDX-License-Identifier: Apache-2.0
"""An outside client reaches a backend on the node it came to, and the backend sees the client's own address."""

import clients
import web
from harness import Cluster, expect, run_test


# Proves: K-02
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n1", 3)]
        web.start(cluster, backends)
        client = cluster.client()
        for protocol in web.PROTOCOLS:
            for address, own in zip(web.LOAD_BALANCER_IPS, (client.ipv4, client.ipv6)):
                what = f"{protocol} to {address}"
                outcomes = cluster.run(client, clients.ask, protocol, address, web.PORT, 40)
                web.expect_all_used(outcomes, backends, what)
                peers = {outcome.peer for outcome in outcomes}
                expect(peers == {own}, f"{what}: the pods should see the client {own}, but see {peers}")
    return "outside clients reach local backends with their own address"


run_test(test)
