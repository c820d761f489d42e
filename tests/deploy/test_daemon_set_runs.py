# SPDX-License-Identifier: Apache-2.0
"""A pod as deploy/waggle.yaml describes it serves: its init container prepares the node, its agent works with what it
is granted and with a root and a /proc/sys that it cannot write; services go on while one pod ends and the next one
starts."""

import json
import os
import subprocess

from deployment import DEPLOY, container, objects, plain, text_of
from pod import Pod

import clients  # of tests/e2e, whose place pod.py has named
import web
from harness import Cluster, expect, run_test, wait_for


def check_service(cluster, backends, when):
    outcomes = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 20)
    web.expect_answers(outcomes, backends, f"client outside, {when}")
    for place in (cluster.pod("n1", 3), cluster.node("n1")):
        outcomes = cluster.run(place, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 20)
        web.expect_answers(outcomes, backends, f"{place.name}, {when}")


def check_prepared(pod):
    link = f"{pod.directory}/run/cgroup-root"
    expect(os.readlink(link) == "/host/sys/fs/cgroup", f"the agent's cgroup root is {os.readlink(link)}")
    words = ["nsenter", f"--net=/run/netns/{pod.cluster.name}-n1", "sysctl", "-n", "net.ipv4.ip_local_reserved_ports"]
    ports = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    expect("61440-65535" in ports, f"the SNAT ports are not reserved: {ports}")


def check_running(pod):
    with open(f"/proc/{pod.process.pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    wanted = 1 << 12 | 1 << 38 | 1 << 39  # NET_ADMIN, PERFMON, BPF
    expect(int(status["CapEff"], 16) == wanted, f"the agent has the capabilities {status['CapEff']}")
    said = pod.status()
    expect(not said["problems"] and not said["pending"], f"the agent has problems: {said['problems']} {said['pending']}")
    links = {link["role"] for link in said["links"]}
    expect(links == {"uplink", "pod"}, f"the agent serves links of the roles {links}")


def check_probes(pod):
    """As the kubelet asks: at the node's address, since the pod has the host's network."""
    agent = container(plain(), "agent")
    ports = {port["name"]: port["containerPort"] for port in agent["ports"]}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = agent[name]["httpGet"]
        url = f"http://{pod.cluster.node('n1').ipv4}:{ports[asked['port']]}{asked['path']}"
        words = ["nsenter", f"--net=/run/netns/{pod.cluster.name}-n1", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url]
        wait_for(lambda: subprocess.run(words, capture_output=True, check=False).stdout == b"200", f"{name}: 200 from {url}")


def new_pod(cluster):
    pod = Pod(cluster, "n1", plain(), os.environ["WAGGLE_BUILD"])
    cluster.agents["n1"] = pod
    pod.start()
    pod.wait_until_ready()
    return pod


def check_exec(pod):
    """As docs/install.md has it: kubectl exec daemonset/waggle -c agent -- waggle status."""
    said = json.loads(pod.inside("agent", "waggle", "status", "-o", "json"))
    expect(said["agent_running"] and said["synced"], f"waggle status inside the pod says: {said}")


def check_cleanup(pod):
    pod.stop()
    pod.inside("cleanup", objects=objects(text_of(DEPLOY, "cleanup.yaml")))
    expect(not os.path.exists(f"{pod.directory}/bpf/waggle"), "deploy/cleanup.yaml leaves tables")


def test():
    with Cluster(pods=2) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        cluster.agents["n1"].stop()
        cluster.agents["n1"].waggle("cleanup")
        pod = new_pod(cluster)
        check_prepared(pod)
        check_running(pod)
        check_probes(pod)
        check_service(cluster, backends, "first pod")
        expect(pod.stop() == 0, "SIGTERM does not end the agent in order")
        check_service(cluster, backends, "between two pods")
        pod = new_pod(cluster)
        check_running(pod)
        check_service(cluster, backends, "second pod")
        check_exec(pod)
        check_cleanup(pod)
    return "a pod of the DaemonSet serves, and hands over to the next"


run_test(test)
