# SPDX-License-Identifier: Apache-2.0
"""A service without a usable endpoint refuses at once, everywhere: ECONNREFUSED for TCP and for a connected UDP socket.

Linux drops an ICMPv6 error for a TCP socket that is still inside connect(), which it is when client and node are one machine
(TcpExtLockDroppedIcmps; the kernel's own `reject with icmpv6` fares no better). The error after the first repeated SYN, a
second later, counts.
"""

import time

import clients
import manifests
import web
from harness import Cluster, expect, run_test


def ask_and_time(protocol, address):
    start = time.monotonic()
    outcome = clients.ask(protocol, address, web.PORT)[0]
    return outcome, time.monotonic() - start


FIRST_PACKET = 0.9  # s: before anything is repeated
SECOND_SYN = 2.5  # s: after the first repetition, before the second


def expect_refused(cluster, place, protocol, address, where, at_socket=False):
    outcome, seconds = cluster.run(place, ask_and_time, protocol, address)
    what = f"{protocol} to {address} from {where}"
    expect(outcome == clients.REFUSED, f"{what}: wanted connection refused, got {outcome}")
    by_icmpv6 = protocol == "TCP" and ":" in address and not at_socket
    limit = SECOND_SYN if by_icmpv6 else FIRST_PACKET
    expect(seconds < limit, f"{what}: refused only after {seconds:.1f} s")


# Proves: K-15
def test():
    with Cluster() as cluster:
        cluster.apply("web.json", [manifests.service("web", web.PORTS, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS)])
        cluster.start_agents()
        pod = cluster.pod("n1", 4)
        for cluster_ip, load_balancer_ip in zip(web.CLUSTER_IPS, web.LOAD_BALANCER_IPS):
            for protocol in web.PROTOCOLS:
                for address in (cluster_ip, load_balancer_ip):
                    expect_refused(cluster, pod, protocol, address, "a pod", at_socket=protocol == "TCP")
                    expect_refused(cluster, cluster.without_socket_hooks(pod), protocol, address, "a pod, through TC")
                    expect_refused(cluster, cluster.node("n1"), protocol, address, "the node", at_socket=True)
                expect_refused(cluster, cluster.client(), protocol, load_balancer_ip, "outside")
    return "a service without endpoints refuses TCP and UDP from pods, nodes and outside"


run_test(test)
