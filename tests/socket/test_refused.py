# SPDX-License-Identifier: Apache-2.0
"""Without a usable endpoint the socket call itself says `connection refused`; no packet leaves."""

from case import KINDS, Cluster, expect, manifests, run_test, try_calls, web


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
