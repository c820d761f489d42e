# SPDX-License-Identifier: Apache-2.0
"""Node ports are served on the addresses that nodePortAddresses mean, and follow the node's addresses while the agent runs:
one that comes serves, one that goes does not; a restart of the agent loses none."""

import subprocess

import clients
import web
from harness import Cluster, expect, run_test, wait_for

NODE_PORT = 30080
COMES, OUTSIDE = "172.18.0.77", "172.18.0.177"
LISTED = ("--nodeport-addresses=172.18.0.64/26,fd00:172:18::/64",)


def address(cluster, action, *addresses):
    for one in addresses:
        subprocess.run(["nsenter", f"--net=/run/netns/{cluster.name}-n1", "ip", "address", action, f"{one}/16", "dev",
                        "eth0"], check=True)


def objects(pods):
    service, *slices = web.objects(pods)
    service["spec"]["type"] = "NodePort"
    service["spec"]["ports"][0]["nodePort"] = NODE_PORT
    return [service, *slices]


def is_served(cluster, client, where):
    outcomes = cluster.run(client, clients.ask, "TCP", where, NODE_PORT, 1)
    return isinstance(outcomes[0], clients.Answer)


# Proves: K-42, K-43, K-45
def check_listed(cluster, client):
    expect(not is_served(cluster, client, "172.18.0.11"), "a node port is served on an address outside of the list")
    expect(is_served(cluster, client, "fd00:172:18::11"), "the listed IPv6 address does not serve")
    address(cluster, "add", COMES, OUTSIDE)
    wait_for(lambda: is_served(cluster, client, COMES), "an address that comes serves")
    expect(not is_served(cluster, client, OUTSIDE), "an address that comes outside of the list serves")


def check_restart(cluster, client):
    cluster.agents["n1"].stop()
    expect(is_served(cluster, client, COMES), "without an agent the node port is not served")
    cluster.start_agent("n1", *LISTED).wait_until_ready()
    expect(is_served(cluster, client, COMES), "after a restart the node port is not served")
    address(cluster, "delete", COMES)
    address(cluster, "add", COMES)
    wait_for(lambda: is_served(cluster, client, COMES), "an address that went and came serves")


def test():
    with Cluster(pods=2) as cluster:
        pods = [cluster.pod("n1", 2)]
        web.start(cluster, pods, *LISTED)
        cluster.apply("web.json", objects(pods))
        client = cluster.client()
        wait_for(lambda: is_served(cluster, client, "fd00:172:18::11"), "the node port is served")
        check_listed(cluster, client)
        check_restart(cluster, client)
    return "node ports follow the node's addresses"


run_test(test)
