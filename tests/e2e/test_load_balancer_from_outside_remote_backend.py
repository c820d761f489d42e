# SPDX-License-Identifier: Apache-2.0
"""An outside client reaches a backend on another node: the node it came to stands in as the source, and the answers
come back through it. Small questions and a download, through XDP and without it."""

import clients
import downloads
import web
from harness import Cluster, expect, run_test

SIZE = 20_000_000  # bytes; enough for many full-sized packets both ways


def check(cluster, backends, mode):
    client = cluster.client()
    node = cluster.node("n1")
    for address, own in zip(web.LOAD_BALANCER_IPS, (node.ipv4, node.ipv6)):
        for protocol in web.PROTOCOLS:
            what = f"{mode}: {protocol} to {address}"
            outcomes = cluster.run(client, clients.ask, protocol, address, web.PORT, 40)
            web.expect_all_used(outcomes, backends, what)
            peers = {outcome.peer for outcome in outcomes}
            expect(peers == {own}, f"{what}: the pods should see node n1 as the client ({own}), but see {peers}")
        result = cluster.run(client, downloads.download, address, web.PORT, SIZE, 10 * SIZE)
        expect(result == {"wrong": 0, "missing": 0}, f"{mode}: download from {address}: {result}")


# Proves: K-02, K-55
def test():
    for mode, options in (("XDP", []), ("without XDP", ["--xdp=off"])):
        with Cluster() as cluster:
            backends = [cluster.pod("n2", 2), cluster.pod("n2", 3)]
            web.start(cluster, backends, *options)
            check(cluster, backends, mode)
            sent = cluster.agents["n1"].packets_sent_by_xdp()
            if mode == "XDP":
                expect(sent > 10000, f"XDP of n1 sent only {sent} packets, the rest went through TC")
            else:
                expect(sent == 0, f"XDP is off but sent {sent} packets")
    return "outside clients reach remote backends, with and without XDP"


run_test(test)
