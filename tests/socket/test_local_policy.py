# SPDX-License-Identifier: Apache-2.0
"""externalTrafficPolicy Local at the socket, where all endpoints are on the other node: the node itself and local pods are
served from all endpoints, others get nothing. Where only a packet tells who is a local pod, pods' calls are left to TC, so that
a connection does what a datagram does; where every pod's link is one of a local pod, the call is decided at once."""

from case import Cluster, clients, expect, flows_of, manifests, run_test, web

SILENCE = 1.0  # s
PODS = "10.244.0.0/16,fd00:10:244::/48"
NOT_PODS = "10.9.0.0/16,fd00:9::/48"
# what is told to the agent -> (a pod is a local one, its TCP leaves flows in TC's table)
DETECTORS = {
    "by default": ((), True, False),
    "by the prefix of their links": (("--detect-local-mode=InterfaceNamePrefix", "--pod-interface-name-prefix=cali"), True, True),
    "by another prefix": (("--detect-local-mode=InterfaceNamePrefix", "--pod-interface-name-prefix=veth"), False, True),
    "by a bridge that is not there": (("--detect-local-mode=BridgeInterface", "--pod-bridge-interface=br9"), False, True),
    "by their addresses": (("--detect-local-mode=ClusterCIDR", f"--cluster-cidr={PODS}"), True, True),
    "by other addresses": (("--detect-local-mode=ClusterCIDR", f"--cluster-cidr={NOT_PODS}"), False, True),
    "not at all": (("--detect-local-mode=ClusterCIDR",), False, True),
}
UNRECOGNISED = {"by another prefix", "by a bridge that is not there"}


def objects(pods):
    service = manifests.service("web", web.PORTS, web.CLUSTER_IPS, web.LOAD_BALANCER_IPS, externalTrafficPolicy="Local")
    return [service, *manifests.slices_of_pods("web", pods, web.POD_PORTS)]


def ask(cluster, place):
    questions = [(p, a, web.PORT, 1, SILENCE) for p in web.PROTOCOLS for a in web.LOAD_BALANCER_IPS]
    return [(f"{q[0]} of {place.name} to {q[1]}", said[0]) for q, said in zip(questions, cluster.run(place, clients.ask_all, questions))]


def check(cluster, backends, detector, is_local, by_tc):
    pod = cluster.pod("n1", 4)
    flows = flows_of(cluster, pod, "TCP")
    for place, served in ((cluster.node("n1"), True), (pod, is_local), (cluster.without_socket_hooks(pod), is_local)):
        for what, said in ask(cluster, place):
            if served:
                web.expect_answers([said], backends, f"pods told {detector}: {what}")
            else:
                expect(said == clients.LOST, f"pods told {detector}: {what}: {said}, wanted silence")
    # Half of the flows are those of the sockets without hooks.
    opened = flows_of(cluster, pod, "TCP") - flows
    wanted = (4 if by_tc else 2) if is_local else 0
    expect(opened == wanted, f"pods told {detector}: {opened} TCP flows at TC, wanted {wanted}")
    problems = [p for p in cluster.agents["n1"].status()["problems"] if "pods of this node are not recognised" in p]
    expect(bool(problems) == (detector in UNRECOGNISED), f"pods told {detector}: {problems}")


# Proves: K-21, K-22, K-23, K-24, K-25, K-26, K-61
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n2", 2)]
        cluster.serve(backends[0], [web.POD_PORT])
        cluster.apply("web.json", objects(backends))
        cluster.start_agents()
        for detector, (options, is_local, by_tc) in DETECTORS.items():
            cluster.agents["n1"].stop()
            cluster.start_agent("n1", *options)
            cluster.agents["n1"].wait_until_ready()
            web.wait(cluster, backends)
            check(cluster, backends, detector, is_local, by_tc)
    return "externalTrafficPolicy Local at the socket"


run_test(test)
