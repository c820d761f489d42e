# SPDX-License-Identifier: Apache-2.0
"""Traffic that is no service's passes as if Waggle were not there: between pods, nodes and outside, also straight to a
backend's own port, also pings, fragments, and ports of a node that happen to be a service's."""

import socket

import clients
import icmp
import web
from harness import Cluster, expect, run_test

FRAGMENTED = 6000  # bytes of a datagram, several fragments


def big_datagram(address, port):
    """True if a datagram of several fragments came back."""
    with clients.udp_socket(address, port) as asker:
        token = "x" * FRAGMENTED
        asker.send(token.encode())
        try:
            return clients.json.loads(asker.recv(65536))["token"] == token
        except TimeoutError:
            return False


def same_port_direct_and_through_service(pod_address, service_address):
    """One local port talks to the service and straight to its backend; answers who each connection believes to talk to."""
    with clients.tcp_connection(service_address, web.PORT, local_port=45678) as service:
        with clients.tcp_connection(pod_address, web.POD_PORT, local_port=45679) as direct:
            return clients.who(service).seen_as[0], clients.who(direct).seen_as[0]


def udp_source_of_answer(address, port):
    """Whom an unconnected socket hears from."""
    with socket.socket(clients.family_of(address), socket.SOCK_DGRAM) as asker:
        asker.settimeout(3)
        asker.sendto(b"hello", (address, port))
        return asker.recvfrom(65536)[1][0]


def check_direct(cluster, place, target, web_port_server):
    for address in (target.ipv4, target.ipv6):
        for protocol in web.PROTOCOLS:
            what = f"{protocol} from {place.name} straight to {target.name} ({address})"
            outcomes = cluster.run(place, clients.ask, protocol, address, web.POD_PORT, 10)
            web.expect_answers(outcomes, [target], what)
            own = place.ipv6 if ":" in address else place.ipv4
            expect({o.peer for o in outcomes} == {own}, f"{what}: the source was changed to {outcomes[0].peer}")
        heard = cluster.run(place, udp_source_of_answer, address, web.POD_PORT)
        expect(heard == address, f"the UDP answer of {address} to {place.name} came from {heard}")
        expect(cluster.run(place, icmp.ping, address), f"{place.name} cannot ping {address}")
        expect(cluster.run(place, icmp.ping, address, 4000), f"{place.name} cannot ping {address} with fragments")
        expect(cluster.run(place, big_datagram, address, web.POD_PORT), f"fragments from {place.name} to {address} are lost")
    outcomes = cluster.run(place, clients.ask, "TCP", web_port_server.ipv4, web.PORT, 3)
    web.expect_answers(outcomes, [web_port_server], f"port {web.PORT} of a node, from {place.name}", web.PORT)


# Proves: K-09, K-45, K-60
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        node2 = cluster.node("n2")
        cluster.serve(node2, [web.PORT])
        pod = cluster.pod("n1", 4)
        for place in (pod, cluster.without_socket_hooks(pod), cluster.node("n1"), cluster.client()):
            for target in backends:
                check_direct(cluster, place, target, node2)
        through_tc = cluster.without_socket_hooks(pod)
        web.apply(cluster, backends[1:])
        seen = cluster.run(through_tc, same_port_direct_and_through_service, backends[1].ipv4, web.CLUSTER_IPS[0])
        expect(seen == (web.CLUSTER_IPS[0], backends[1].ipv4), f"service and direct connection were mixed up: {seen}")
        outcome = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT + 1, 1, 1.0)
        expect(not isinstance(outcome[0], clients.Answer), f"a port that is no service's was answered: {outcome}")
    return "traffic that is no service's is left alone"


run_test(test)
