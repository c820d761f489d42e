# SPDX-License-Identifier: Apache-2.0
"""Services that come and go are in the log: a line for each time, not for each service; and nothing is an alarm at the start
that is solved a moment later."""

import web
from harness import Cluster, expect, run_test, wait_for

SERVICE = """apiVersion: v1
kind: Service
metadata: {name: %s}
spec: {clusterIP: %s, sessionAffinity: ClientIP, ports: [{port: 80}]}
---
"""
HIDDEN = '{name: s1, labels: {service.kubernetes.io/service-proxy-name: other}}'
NODE = """apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 172.18.0.12}]}
"""
FALSE_ALARMS = ("no address of this node", "no longer: ")


def check_news(cluster, agent):
    services = [(f"s{i}", f"10.96.1.{i}") for i in range(1, 9)]
    cluster.apply_text("more.yaml", "".join(SERVICE % service for service in services))
    wait_for(lambda: "services: 8 added (default/s1, " in agent.log_text(), "the log says that 8 services were added")
    hidden = "".join(SERVICE % service for service in services).replace("{name: s1}", HIDDEN)
    cluster.apply_text("more.yaml", hidden)
    wait_for(lambda: "services: 1 left to another proxy (default/s1)" in agent.log_text(), "the log says whose it is now")
    cluster.apply_text("more.yaml", "".join(SERVICE % service for service in services))
    wait_for(lambda: "1 taken back from another proxy (default/s1)" in agent.log_text(), "the log says that it is back")
    cluster.apply_text("more.yaml", "")
    wait_for(lambda: "services: 8 removed (default/s1, " in agent.log_text(), "the log says that they are gone")
    lines = [line for line in agent.log_text().splitlines() if "default/s1" in line]
    expect(len(lines) == 4, f"there should be a line for each of the four changes: {lines}")
    expect(not agent.json("status")["notices"], "something is told of services that are all right")


def check_start(cluster):
    """Without an uplink, the address of the node is known when the Node object is read, after the links."""
    agent = cluster.agents["n2"]
    agent.stop()
    cluster.apply_text("node.yaml", NODE)
    before = len(agent.log_text())
    agent = cluster.start_agent("n2", "--devices=nosuch*")
    agent.wait_until_ready()
    said = agent.log_text()[before:]
    alarms = [line for line in said.splitlines() if any(words in line for words in FALSE_ALARMS)]
    expect(not alarms, f"an alarm at the start that is solved a moment later: {alarms}")


# Proves: O-77
def check_version(agent):
    first = agent.log_text().splitlines()[0]
    version = agent.json("version")["version"]
    expect(f"waggle {version} for node n1" in first, f"the log does not begin with the version: {first}")


def test():
    with Cluster(pods=2) as cluster:
        web.start(cluster, [cluster.pod("n1", 2)])
        check_version(cluster.agents["n1"])
        check_news(cluster, cluster.agents["n1"])
        check_start(cluster)
    return "the log tells of services that come and go, in a line each time"


run_test(test)
