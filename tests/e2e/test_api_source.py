# SPDX-License-Identifier: Apache-2.0
"""Agents that read a Kubernetes API server: services are served, changes are followed, and while the server restarts,
hangs, forgets its history and changes its tokens no packet is lost; what it offers afterwards is taken up."""

import os
import sys

import clients
import web
from harness import NODES, REPOSITORY, Cluster, expect, run_test, wait_for

sys.path.insert(0, os.path.join(REPOSITORY, "tests/support/api_server"))
from api_server_client import ApiServer  # noqa: E402

WATCHES = 4 * len(NODES)
NODE_ADDRESSES = {"n1": "172.18.0.11", "n2": "172.18.0.12"}


def node_object(name):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE_ADDRESSES[name]}]},
    }


def put(server, pods):
    for each in web.objects(pods):
        server.command("put", object=each)


def expect_followed(cluster, server, client, pods, when):
    put(server, pods)
    # After failures in a row the agents ask less often (at most every 30 s).
    for port in ("http", "query"):
        cluster.wait_for_backends(f"default/web:{port}", web.addresses(pods), timeout=45)
    outcomes = cluster.run(client, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 15 * len(pods))
    web.expect_all_used(outcomes, pods, when)


def come_back(server):
    """All watch again, from versions that the restored server has not reached; its next bookmark tells them so."""
    last = server.command("stats", requests=False)["last"]
    server.command("drop", how="close")
    server.command("wait", verb="watch", since=last, count=WATCHES, timeout=45)
    server.command("wait", watches=WATCHES, timeout=45)
    server.command("bookmark")


def troubles(server):
    """What an API server goes through in its life: (what it is, how it begins, how it ends)."""
    return (
        ("a restart of the API server", lambda: server.command("stop", how="reset"), lambda: server.command("start")),
        ("an API server that hangs", lambda: server.command("freeze"), lambda: server.command("thaw")),
        ("history that is gone", lambda: server.command("compact"), lambda: server.command("end_watches")),
        ("a server restored from a backup", lambda: server.command("forget_versions"), lambda: come_back(server)),
        ("a new token", lambda: server.command("token"), lambda: server.command("drop", how="reset")),
        ("a new certificate", lambda: server.command("certificate"), lambda: server.command("drop", how="close")),
    )


def troubles_of_a_real_server(server):
    """Those that a real kube-apiserver can be brought into from outside."""
    return (
        ("a restart of the API server", lambda: server.command("stop"), lambda: server.command("start")),
        ("an API server that hangs", lambda: server.command("freeze"), lambda: server.command("thaw")),
        ("history that is gone", lambda: server.command("compact"), lambda: server.command("restart")),
    )


def follow(cluster, server, troubles_of, kubeconfig):
    """The agents through these troubles while a pod keeps asking."""
    first, second, third = pods = cluster.pod("n1", 2), cluster.pod("n2", 2), cluster.pod("n2", 3)
    for pod in pods:
        cluster.serve(pod, [web.POD_PORT])
    put(server, [first, second])
    cluster.start_agents(f"--kubeconfig={kubeconfig}")
    web.wait(cluster, [first, second])
    client = cluster.pod("n1", 4)
    expect_followed(cluster, server, client, [first, third], "after the first change")
    asking = cluster.start(client, clients.ask_until_stopped, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 3.0, 0.002)
    backends = [first, second]
    for what, begin, end in troubles_of(server):
        begin()
        outcomes = cluster.run(client, clients.ask, "UDP", web.CLUSTER_IPS[0], web.PORT, 20)
        web.expect_answers(outcomes, pods, f"during {what}")
        end()
        expect_followed(cluster, server, client, backends, f"after {what}")
        backends = [first, third] if backends[1] is second else [first, second]
    all_the_while = [outcome for _, outcome in asking.finish(20)]
    web.expect_answers(all_the_while, pods, "all the while")
    for node in NODES:
        agent = cluster.agents[node]
        wait_for(lambda a=agent: not a.json("status").get("problems"), f"{node} has no problem left", 30)
        expect(agent.process.poll() is None, f"the agent of {node} ended")


def expect_no_writes_but_events(server):
    asked = {(one["verb"], one["resource"]) for one in server.command("stats")["requests"]}
    writes = {each for each in asked if each[0] not in ("get", "list", "watch")}
    expect(writes == {("create", "events")}, f"the agents asked the API server for {sorted(asked)}")
    expect(not [each for each in asked if each[1] == "leases"], "the agents ask for leases")


# Proves: O-76, O-77, I-07, K-130
def test():
    with Cluster() as cluster:
        client = cluster.client()
        with ApiServer("--address", client.ipv4, prefix=("nsenter", f"--net={client.netns}")) as server:
            for node in NODES:
                server.command("put", object=node_object(node))
            kubeconfig = server.command("kubeconfig", name="agents", auth="token_file")["kubeconfig"]
            follow(cluster, server, troubles, kubeconfig)
            starting = [e for e in server.command("events")["objects"] if e.get("reason") == "Starting"]
            expect(len(starting) == len(NODES), f"the agents' Starting events: {starting}")
            expect_no_writes_but_events(server)
            server.command("deny", resource="endpointslices", verbs=["list", "watch"])
            server.command("drop", how="close")
            agent = cluster.agents["n1"]
            wait_for(lambda: "endpointslices" in str(agent.json("status").get("problems")), "the missing permission is named", 30)
    return "services of an API server, through its troubles, without a lost packet"


def test_a_real_server():
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        return "KUBEBUILDER_ASSETS is not set: no real kube-apiserver was asked"
    with Cluster() as cluster:
        client = cluster.client()
        with ApiServer("--real", "--address", client.ipv4, prefix=("nsenter", f"--net={client.netns}")) as server:
            for node in NODES:
                server.command("put", object=node_object(node))
            follow(cluster, server, troubles_of_a_real_server, server.kubeconfig)
    return "the same with a real kube-apiserver"


run_test(test)
run_test(test_a_real_server)
