# SPDX-License-Identifier: Apache-2.0
"""Without a usable endpoint the socket call itself says `connection refused`; no packet leaves."""

import errno
import socket

from case import KINDS, Cluster, expect, manifests, run_test, socket_to, web


def try_calls(address, port):
    """Answers {call: name of its error} for what can start talking to a service."""
    result = {}
    for call, kind, function in (
        ("connect TCP", socket.SOCK_STREAM, lambda s: s.connect((address, port))),
        ("connect UDP", socket.SOCK_DGRAM, lambda s: s.connect((address, port))),
        ("sendto UDP", socket.SOCK_DGRAM, lambda s: s.sendto(b"-", (address, port))),
    ):
        with socket_to(address, kind) as asker:
            try:
                function(asker)
                result[call] = "nothing"
            except OSError as error:
                result[call] = errno.errorcode.get(error.errno, str(error))
    return result


# Proves: K-15
def test():
    with Cluster() as cluster:
        cluster.apply("web.json", [manifests.service("web", web.PORTS, web.CLUSTER_IPS)])
        cluster.start_agents("--socket-lb-udp=all")
        for place in (cluster.pod("n1", 4), cluster.node("n1")):
            for what, address, _ in KINDS:
                for call, error in cluster.run(place, try_calls, address, web.PORT).items():
                    expect(error == "ECONNREFUSED", f"{call} over {what} from {place.name}: got {error}, wanted ECONNREFUSED")
    return "socket calls are refused without endpoints"


run_test(test)
