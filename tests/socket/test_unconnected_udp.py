# SPDX-License-Identifier: Apache-2.0
"""sendto() to a service goes to a backend, and recvfrom() shows the service; one socket may talk to several services."""

import socket

from case import KINDS, Cluster, clients, expect, flows_of, manifests, run_test, socket_to, web

OTHER = "10.96.0.90"


def send_and_hear(addresses, port, rounds):
    """Sends to each address in turn from one socket; answers [(address, heard from, pod)]."""
    result = []
    with socket_to(addresses[0], socket.SOCK_DGRAM) as asker:
        for _ in range(rounds):
            for address in addresses:
                asker.sendto(b"-", (address, port))
                data, source = asker.recvfrom(65536)
                result.append((address, source[:2], clients.json.loads(data)["pod"]))
    return result


def expect_from_service(results, what, port):
    wrong = [(address, heard) for address, heard, _ in results if heard != (address, port)]
    expect(not wrong, f"{what}: recvfrom shows another source than was sent to (sent to, heard from): {wrong[:2]}")


def send_around_swap(address, port, report):
    """Two rounds of datagrams from one socket; between them the parent changes the backends and sends SIGTERM."""
    with socket_to(address, socket.SOCK_DGRAM) as asker:
        def round_of_answers():
            pods = set()
            for _ in range(10):
                asker.sendto(b"-", (address, port))
                pods.add(clients.json.loads(asker.recv(65536))["pod"])
            return pods
        before = round_of_answers()
        report(before)
        while not clients.tasks.stop_asked():
            clients.time.sleep(0.01)
        return before, round_of_answers()


def check_swap(cluster, place, backends):
    for what, address, _ in KINDS:
        web.apply(cluster, backends[:1])
        task = cluster.start(place, send_around_swap, address, web.PORT)
        task.receive(10)
        web.apply(cluster, backends[1:])
        before, after = task.finish(10)
        expect(before == {backends[0].name}, f"{what}: before the swap {before} answered")
        expect(after == {backends[1].name}, f"{what}: after the swap {after} answered")


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        other = cluster.pod("n2", 3)
        cluster.serve(other, [9000])
        cluster.apply("other.json", [
            manifests.service("other", [("query", "UDP", web.PORT)], [OTHER]),
            manifests.endpoint_slice("other", [manifests.pod_endpoint(other)], [("query", "UDP", 9000)]),
        ])
        web.start(cluster, backends, "--socket-lb-udp=all")
        cluster.wait_for_backends("default/other:query", {f"{other.ipv4}:9000"})
        for place in (cluster.pod("n1", 4), cluster.node("n1")):
            for what, address, _ in KINDS:
                what = f"{what} from {place.name}"
                results = cluster.run(place, send_and_hear, [address], web.PORT, 10)
                expect_from_service(results, what, web.PORT)
                pods = {pod for _, _, pod in results}
                expect(len(pods) == 1, f"{what}: one socket's datagrams went to several backends: {pods}")
            results = cluster.run(place, send_and_hear, [web.CLUSTER_IPS[0], OTHER], web.PORT, 10)
            expect_from_service(results, f"two services from one socket of {place.name}", web.PORT)
            pods = {pod for address, _, pod in results if address == OTHER}
            expect(pods == {other.name}, f"the other service was answered by {pods}")
            check_swap(cluster, place, backends)
            expect(flows_of(cluster, place, "UDP") == 0, f"UDP from {place.name} went through TC, not the socket hooks")
    return "sendto() and recvfrom() with services"


run_test(test)
