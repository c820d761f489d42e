# SPDX-License-Identifier: Apache-2.0
"""TCP connections that were opened through kube-proxy's rules go on with their backends when Waggle takes over and removes the
rules; new ones are Waggle's."""

import subprocess

import clients
import web
from harness import Cluster, expect, run_test, wait_for

CONNECTIONS = 12  # of each client to each address: that all of them meet their backends again by chance is out of question

# As kube-proxy's nftables mode does it, but for what is not about translating.
RULES = """
table {family} kube-proxy {{
  {endpoints}
  chain service {{ numgen random mod {count} vmap {{ {choices} }}; }}
  chain external {{ meta mark set meta mark or 0x4000; jump service; }}
  chain services {{
    {family} daddr {cluster_ip} tcp dport 80 jump service
    {family} daddr {load_balancer_ip} tcp dport 80 jump external
  }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain nat-postrouting {{
    type nat hook postrouting priority srcnat
    meta mark and 0x4000 != 0 meta mark set meta mark xor 0x4000 masquerade fully-random
  }}
}}
"""


def start_kube_proxy(cluster, node, pods):
    for number, family in enumerate(("ip", "ip6")):
        places = [f"[{pod.ipv6}]:{web.POD_PORT}" if number else f"{pod.ipv4}:{web.POD_PORT}" for pod in pods]
        rules = RULES.format(
            family=family, count=len(pods), cluster_ip=web.CLUSTER_IPS[number], load_balancer_ip=web.LOAD_BALANCER_IPS[number],
            endpoints="\n  ".join(f"chain endpoint{i} {{ meta l4proto tcp dnat to {place}; }}" for i, place in enumerate(places)),
            choices=", ".join(f"{i} : goto endpoint{i}" for i in range(len(pods))),
        )
        command = ["nsenter", f"--net=/run/netns/{cluster.name}-{node}", "nft", "-f", "-"]
        subprocess.run(command, input=rules.encode(), check=True)


def rules_of(cluster, node):
    command = ["nsenter", f"--net=/run/netns/{cluster.name}-{node}", "nft", "list", "ruleset"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def keep_asking(addresses, report):
    """Opens connections and reports who answers on each, again and again."""
    opened = [clients.tcp_connection(address, web.PORT) for address in addresses for _ in range(CONNECTIONS)]
    while not clients.tasks.stop_asked():
        report([clients.who(connection).pod for connection in opened])
        clients.time.sleep(0.05)


def next_round(task):
    """A round of answers that began after now."""
    while task.pipe.poll(0):
        task.receive(5)
    task.receive(20)
    return task.receive(20)


def expect_kept(tasks, before, when):
    for name, task in tasks.items():
        now = next_round(task)
        moved = [(was, is_now) for was, is_now in zip(before[name], now) if was != is_now]
        expect(not moved, f"{name}, {when}: connections met other backends (from, to): {moved}")


def flows(cluster):
    return cluster.agents["n1"].json("flow", "list", "--protocol", "tcp")


def test():
    with Cluster(pods=3) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2), cluster.pod("n2", 3)]
        for pod in backends:
            cluster.serve(pod, [web.POD_PORT])
        start_kube_proxy(cluster, "n1", backends)
        everywhere = (*web.CLUSTER_IPS, *web.LOAD_BALANCER_IPS)
        tasks = {
            "pod": cluster.start(cluster.pod("n1", 3), keep_asking, everywhere),
            "outside": cluster.start(cluster.client(), keep_asking, web.LOAD_BALANCER_IPS),
            "process of the node": cluster.start(cluster.node("n1"), keep_asking, everywhere),
        }
        before = {name: task.receive(20) for name, task in tasks.items()}
        used = {pod for pods in before.values() for pod in pods}
        expect(used == {pod.name for pod in backends}, f"kube-proxy's rules should lead to all backends, not {used}")
        cluster.apply("web.json", web.objects(backends))
        cluster.start_agents()
        web.wait(cluster, backends)
        wait_for(lambda: "jump services" not in rules_of(cluster, "n1"), "Waggle removes kube-proxy's rules")
        expect_kept(tasks, before, "after the takeover")
        expect(not flows(cluster), f"Waggle has taken connections that netfilter had: {flows(cluster)}")
        new = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 60)
        web.expect_all_used(new, backends, "new connections")
        expect(flows(cluster), "new connections are not Waggle's")
        expect_kept(tasks, before, "beside new ones")
        cluster.agents["n1"].restart()
        expect_kept(tasks, before, "after a restart")
        for task in tasks.values():
            task.kill()
    return f"{sum(map(len, before.values()))} connections outlived the takeover"


# Proves: K-13
run_test(test)
