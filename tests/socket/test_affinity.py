# SPDX-License-Identifier: Apache-2.0
"""sessionAffinity ClientIP at the socket: a place stays with the endpoint that it had, by whichever address of the service it
comes; without it, its sockets spread."""

import socket

from case import Cluster, expect, flows_of, manifests, run_test, socket_to, wait_for, web, clients

ASKED = 12  # of two endpoints by chance always the same: 1 in 2048


def objects(pods, affinity):
    service = manifests.service("web", web.PORTS, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS,
                                sessionAffinity="ClientIP" if affinity else "None")
    return [service, *manifests.slices_of_pods("web", pods, web.POD_PORTS)]


def pods_by_call(addresses, port, count):
    """Who answers, over fresh sockets: {call: set of pods}."""
    found = {"connect TCP": set(), "connect UDP": set(), "sendto UDP": set()}
    for address in addresses * count:
        for call, kind in (("connect TCP", socket.SOCK_STREAM), ("connect UDP", socket.SOCK_DGRAM)):
            with socket_to(address, kind) as asker:
                asker.connect((address, port))
                answer = clients.who(asker) if kind == socket.SOCK_STREAM else clients.who_udp(asker)
                found[call].add(answer.pod)
        with socket_to(address, socket.SOCK_DGRAM) as asker:
            asker.sendto(b"-", (address, port))
            found["sendto UDP"].add(clients.json.loads(asker.recv(65536))["pod"])
    return found


def check(cluster, place, sticks):
    for family, addresses in enumerate(zip(web.CLUSTER_IPS, web.LOAD_BALANCER_IPS)):
        found = cluster.run(place, pods_by_call, list(addresses), web.PORT, ASKED)
        what = f"{place.name}, IPv{(4, 6)[family]}"
        # TCP and UDP are two service ports, each with affinities of its own.
        udp = found["connect UDP"] | found["sendto UDP"]
        for protocol, pods in (("TCP", found["connect TCP"]), ("UDP", udp)):
            expect((len(pods) == 1) == sticks, f"{what}, {protocol}, affinity {sticks}: {pods} answered")


# Proves: K-62, K-63, K-66
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        for pod in backends:
            cluster.serve(pod, [web.POD_PORT])
        places = (cluster.pod("n1", 4), cluster.node("n1"))
        cluster.apply("web.json", objects(backends, True))
        cluster.start_agents("--socket-lb-udp=all")
        web.wait(cluster, backends)
        for place in places:
            check(cluster, place, True)
        cluster.apply("web.json", objects(backends, False))
        rows = lambda: cluster.agents["n1"].json("service", "get", "default/web:http")  # noqa: E731
        wait_for(lambda: "10800" not in str(rows()), "the affinity is still there")
        for place in places:
            check(cluster, place, False)
            for protocol in web.PROTOCOLS:
                expect(flows_of(cluster, place, protocol) == 0, f"{protocol} from {place.name} went through TC")
    return "affinity at the socket"


run_test(test)
