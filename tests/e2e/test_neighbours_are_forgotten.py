# SPDX-License-Identifier: Apache-2.0
"""The node forgets its neighbours, again and again, in the midst of connections of outside clients to backends on another node.
XDP sends on what it can, TC the rest, and no packet of theirs goes through the node's stack: netfilter would see a part of a
connection and call it invalid. The harness sees to it that none was."""

import json
import subprocess

import clients
import downloads
import web
from harness import Cluster, expect, run_test, wait_for

SIZE, RATE = 8_000_000, 2_000_000  # bytes, bytes/s of a download
INTERVAL = 0.002  # s between datagrams
TIMES = 20  # neighbours are forgotten

# What the stack forwards between an outside client and a pod, whichever way it goes.
WATCH = """table inet watch {
counter stack_forwarded {}
chain forward {
type filter hook forward priority -10
ip saddr 172.18.0.100 counter name stack_forwarded
ip daddr 172.18.0.100 counter name stack_forwarded
ip6 saddr fd00:172:18::100 ip6 daddr fd00:10:244::/48 counter name stack_forwarded
ip6 daddr fd00:172:18::100 ip6 saddr fd00:10:244::/48 counter name stack_forwarded
}
}
"""


def on_node(cluster, *command, **options):
    netns = f"/run/netns/{cluster.name}-n1"
    return subprocess.run(["nsenter", f"--net={netns}", *command], check=True, text=True, **options)


def stack_forwarded(cluster):
    said = on_node(cluster, "nft", "--json", "list", "counter", "inet", "watch", "stack_forwarded", capture_output=True)
    return next(item["counter"]["packets"] for item in json.loads(said.stdout)["nftables"] if "counter" in item)


def neighbours(cluster):
    """Addresses beyond the node's uplink whose MAC address it knows."""
    said = on_node(cluster, "ip", "-json", "neighbour", "show", "dev", "eth0", capture_output=True)
    return {row["dst"] for row in json.loads(said.stdout) if "lladdr" in row}


# Not those that are being asked for: with such a one the kernel throws away the packets that wait for its answer.
KNOWN = [word for state in ("reachable", "stale", "delay", "probe") for word in ("nud", state)]


def forget(cluster):
    for family in ("-4", "-6"):
        on_node(cluster, "ip", family, "neighbour", "flush", "dev", "eth0", *KNOWN, stderr=subprocess.DEVNULL)


def check_streams(cluster, backends):
    client = cluster.client()
    fetching = [cluster.start(client, downloads.download, a, web.PORT, SIZE, RATE) for a in web.LOAD_BALANCER_IPS]
    streams = [cluster.start(client, downloads.udp_stream, a, web.PORT, INTERVAL) for a in web.LOAD_BALANCER_IPS]
    for task in fetching + streams:
        task.receive(20)
    needed = {place for node in (client, cluster.node("n2")) for place in (node.ipv4, node.ipv6)}
    for _ in range(TIMES):
        forget(cluster)
        wait_for(lambda: neighbours(cluster) >= needed, f"node n1 finds its neighbours {sorted(needed)} again")
    still = sum(task.pipe.poll(0) is False for task in fetching)
    expect(still == len(fetching), "the downloads ended too early: raise SIZE")
    for task, address in zip(streams, web.LOAD_BALANCER_IPS):
        result = task.finish(20)
        expect(not result["lost"] and not result["errors"], f"datagrams to {address}: {len(result['lost'])} of {result['sent']} "
               f"lost, first {result['lost'][:3]}, errors {result['errors'][:3]}")
    for task, address in zip(fetching, web.LOAD_BALANCER_IPS):
        result = task.result(60)
        expect(result == {"wrong": 0, "missing": 0}, f"download from {address}: {result}")


def check_first_packets(cluster, backends):
    """Connections that begin where no neighbour is known."""
    for address in web.LOAD_BALANCER_IPS:
        for protocol in web.PROTOCOLS:
            for _ in range(5):
                forget(cluster)
                outcomes = cluster.run(cluster.client(), clients.ask, protocol, address, web.PORT, 2)
                web.expect_answers(outcomes, backends, f"{protocol} to {address} over forgotten neighbours")


# Proves: K-02, K-55
def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n2", 2), cluster.pod("n2", 3)]
        web.start(cluster, backends)
        on_node(cluster, "nft", "-f", "-", input=WATCH)
        check_first_packets(cluster, backends)
        check_streams(cluster, backends)
        sent = cluster.agents["n1"].packets_sent_by_xdp()
        expect(sent > 1000, f"XDP of n1 sent only {sent} packets on its own")
        forwarded = stack_forwarded(cluster)
        expect(forwarded == 0, f"{forwarded} packets of these connections went through the stack of node n1")
    return f"neighbours forgotten {TIMES} times in the midst of connections, none noticed"


run_test(test)
