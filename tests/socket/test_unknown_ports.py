# SPDX-License-Identifier: Apache-2.0
"""What no service has: calls to another port of a ClusterIP are refused at once; addresses of the services' range that no
service has, and other ports of a LoadBalancer address, are nothing to the calls: what they send is a matter of packets."""

from case import KINDS, Cluster, clients, expect, manifests, run_test, try_calls, wait_for, web

OTHER_PORT = 81
UNALLOCATED = ("10.96.7.7", "fd00:10:96::7777")
SERVICE_CIDR = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
                "spec": {"cidrs": ["10.96.0.0/16", "fd00:10:96::/112"]}}


def expect_calls(cluster, place, address, port, wanted, what):
    said = cluster.run(place, try_calls, address, port)
    expect(said == wanted, f"{what} from {place.name}: {said}, wanted {wanted}")


def calls(tcp, connect_udp, sendto):
    return {"connect TCP": tcp, "connect UDP": connect_udp, "sendto UDP": sendto}


# Proves: K-85
def check_doubtful(cluster, place, backends):
    """With the address of a host as ClusterIP, the host stays in reach."""
    host = cluster.pod("n2", 3)
    cluster.serve(host, [OTHER_PORT])
    cluster.apply("doubtful.json", [
        manifests.service("doubtful", [("http", "TCP", web.PORT)], [host.ipv4]),
        *manifests.slices_of_pods("doubtful", backends, [("http", "TCP", web.POD_PORT)], ["IPv4"]),
        manifests.endpoint_slice("other", [manifests.pod_endpoint(host)], [("http", "TCP", OTHER_PORT)])])
    cluster.wait_for_backends("default/doubtful:http", {f"{pod.ipv4}:{web.POD_PORT}" for pod in backends})
    for client in (place, cluster.without_socket_hooks(place)):
        for port, wanted in ((OTHER_PORT, [host]), (web.PORT, backends)):
            outcomes = cluster.run(client, clients.ask, "TCP", host.ipv4, port)
            web.expect_answers(outcomes, wanted, f"port {port} of {host.name}, whose address is a ClusterIP",
                               OTHER_PORT if port == OTHER_PORT else web.POD_PORT)
    wait_for(lambda: "Service default/doubtful: its ClusterIP" in str(cluster.agents["n1"].status().get("problems")),
             "the doubtful ClusterIP is named in the status")


# Proves: K-85, K-87
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n1", 2)]
        web.start(cluster, backends, "--socket-lb-udp=all")
        refused = calls(*["ECONNREFUSED"] * 3)
        for place in (cluster.pod("n1", 4), cluster.node("n1")):
            for what, address, _ in KINDS:
                expect_calls(cluster, place, address, OTHER_PORT, refused, f"another port, {what}")
        check_doubtful(cluster, cluster.pod("n1", 4), backends)
        cluster.apply("cidr.json", [SERVICE_CIDR])
        pod = cluster.pod("n1", 4)
        for address in UNALLOCATED:  # TCP waits for an answer, UDP for none
            expect_calls(cluster, pod, address, web.PORT, calls("timed out", "nothing", "nothing"), address)
        for address in web.LOAD_BALANCER_IPS:
            said = cluster.run(pod, try_calls, address, OTHER_PORT)
            expect((said["connect UDP"], said["sendto UDP"]) == ("nothing", "nothing"), f"{address}:{OTHER_PORT}: {said}")
    return "what no service has, at the socket"


run_test(test)
