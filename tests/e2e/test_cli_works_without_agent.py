# SPDX-License-Identifier: Apache-2.0
"""Every command that shows something works from the pinned tables when the agent is dead, and says that it is."""

import signal
import subprocess

import clients
import web
from harness import Cluster, expect, run_test

OPERATORS_PORTS = "9100"
COMMANDS = (
    ["status"],
    ["service", "list"],
    ["service", "get", "default/web"],
    ["backend", "list"],
    ["flow", "list"],
    ["map", "list"],
    ["map", "dump", "frontends4"],
    ["map", "dump", "backends"],
    ["version"],
)


def reserved_ports(cluster):
    command = ["nsenter", f"--net=/run/netns/{cluster.name}-n1", "cat", "/proc/sys/net/ipv4/ip_local_reserved_ports"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def check_cleanup(cluster, agent):
    """It takes back the ports that the agent reserved, and leaves those of others."""
    expect(reserved_ports(cluster) == f"{OPERATORS_PORTS},61440-65535", f"reserved are {reserved_ports(cluster)}")
    said = agent.json("cleanup")
    expect(said["links_removed"] > 0 and said["tables_removed"] > 0, f"`waggle cleanup` removed {said}")
    expect(said["reserved_ports_released"] == "61440-65535", f"`waggle cleanup` gave back {said['reserved_ports_released']}")
    expect(reserved_ports(cluster) == OPERATORS_PORTS, f"reserved are {reserved_ports(cluster)} after the cleanup")


def test():
    with Cluster() as cluster:
        reserve = ["sysctl", "-q", "-w", f"net.ipv4.ip_local_reserved_ports={OPERATORS_PORTS}"]
        subprocess.run(["nsenter", f"--net=/run/netns/{cluster.name}-n1", *reserve], check=True)
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        client = cluster.pod("n1", 4)
        cluster.run(client, clients.ask, "UDP", web.CLUSTER_IPS[0], web.PORT, 10)
        agent = cluster.agents["n1"]
        agent.stop(signal.SIGKILL)
        for command in COMMANDS:
            for output in ("table", "wide", "json", "yaml"):
                said = agent.waggle(*command, "-o", output)
                expect(said.strip(), f"waggle {' '.join(command)} -o {output} says nothing")
        listed = {(row["namespace"], row["name"], row["port_name"]) for row in agent.json("service", "list")}
        expect(listed == {("default", "web", "http"), ("default", "web", "query")}, f"`waggle service list` shows {listed}")
        got = agent.backends("default/web:http")
        expect(got == web.addresses(backends), f"`waggle backend list` shows {got}")
        flows = agent.json("flow", "list", "--client", client.ipv4)
        expect(len(flows) == 10, f"`waggle flow list` shows {len(flows)} flows of 10")
        words = agent.waggle("status").lower()
        check_cleanup(cluster, agent)
        expect("not running" in words, f"`waggle status` does not say that the agent is not running: {words}")
    return "the CLI works with the agent dead"


run_test(test)
