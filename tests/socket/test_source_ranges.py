# SPDX-License-Identifier: Apache-2.0
"""loadBalancerSourceRanges at the socket: a process of the node is let in or told so by the call itself; a pod's packet, not its
call, says who it is, so TC decides. The ClusterIP lets everybody in."""

from case import Cluster, clients, expect, flows_of, manifests, run_test, try_calls, wait_for, web

NODES = ["172.18.0.8/29", "fd00:172:18::10/124"]
PODS = ["10.244.0.0/16", "fd00:10:244::/48"]
SILENCE = 1.0  # s


def apply(cluster, pods, ranges):
    service = manifests.service("web", web.PORTS, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS, loadBalancerSourceRanges=ranges)
    nodes = [manifests.node(cluster.node(node)) for node in ("n1", "n2")]
    cluster.apply("web.json", [*nodes, service, *manifests.slices_of_pods("web", pods, web.POD_PORTS)])


def answers(cluster, place, address, protocol):
    return cluster.run(place, clients.ask, protocol, address, web.PORT, 1, SILENCE)[0]


def check_node(cluster, pods, allowed):
    node = cluster.node("n1")
    wanted = "nothing" if allowed else "EPERM"

    def calls(address):
        return cluster.run(node, try_calls, address, web.PORT)

    wait_for(lambda: set(calls(web.LOAD_BALANCER_IPS[0]).values()) == {wanted}, f"the node's calls say {wanted}")
    for address in web.LOAD_BALANCER_IPS:
        said = calls(address)
        expect(set(said.values()) == {wanted}, f"the node's calls to {address}: {said}, wanted {wanted}")
    for address in web.CLUSTER_IPS:
        for protocol in web.PROTOCOLS:
            web.expect_answers([answers(cluster, node, address, protocol)], pods, f"{protocol} to {address}")


def check_pod(cluster, pods, pod, allowed):
    for address in web.LOAD_BALANCER_IPS:
        for protocol in web.PROTOCOLS:
            before = flows_of(cluster, pod, protocol)
            said = answers(cluster, pod, address, protocol)
            if allowed:
                web.expect_answers([said], pods, f"{protocol} of a pod to {address}")
            else:
                expect(said == clients.LOST, f"{protocol} of a pod to {address}: {said}, wanted silence")
            opened = flows_of(cluster, pod, protocol) - before
            expect(opened == (1 if allowed else 0), f"{protocol} of a pod to {address}: TC opened {opened} flows")


# Proves: K-75, K-78
def test():
    with Cluster() as cluster:
        pods = [cluster.pod("n2", 2)]
        cluster.serve(pods[0], [web.POD_PORT])
        apply(cluster, pods, PODS)
        cluster.start_agents("--socket-lb-udp=all")
        web.wait(cluster, pods)
        check_node(cluster, pods, False)
        check_pod(cluster, pods, cluster.pod("n1", 4), True)
        apply(cluster, pods, NODES)
        check_node(cluster, pods, True)
        check_pod(cluster, pods, cluster.pod("n1", 4), False)
    return "source ranges at the socket"


run_test(test)
