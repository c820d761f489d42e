# SPDX-License-Identifier: Apache-2.0
"""An agent with nothing but a configuration file and --hostname-override, as kubeadm's DaemonSet starts it: it finds its
uplink, serves, ends when the file changes and goes on with the new one while traffic flows; --write-config-to, --init-only
and --cleanup do what they say."""

import os
import subprocess

import clients
import web
from agent import Agent
from harness import Cluster, expect, run_test

FILE = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: {mode}
conntrack: {{maxPerCore: null, min: null}}
futureField: 1
---
apiVersion: waggle.dev/v1alpha1
kind: WaggleConfiguration
manifests: {state}/manifests
cgroupRoot: {cgroup}/n1
bpfRoot: {directory}/bpf
runDir: {directory}/run
"""


class ConfiguredAgent(Agent):
    """An agent that is told everything by the file."""

    def __init__(self, cluster, node):
        super().__init__(cluster, node)
        self.file = f"{self.directory}/config.yaml"
        self.options = [f"--config={self.file}", f"--hostname-override={node.upper()}"]

    def configure(self, mode):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(FILE.format(mode=mode, state=self.cluster.state, cgroup=self.cluster.cgroup, directory=self.directory))

    def command(self, prefix=()):
        netns = f"/run/netns/{self.cluster.name}-{self.node}"
        return ["nsenter", f"--net={netns}", *prefix, self.cluster.waggle, "agent", *self.options]

    def once(self, option):
        """Runs it with an option that makes it end; what it says."""
        done = subprocess.run([*self.command(), option], capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, f"agent {option}: answers {done.returncode} and says: {done.stderr}")
        return done.stdout + done.stderr


def configured(cluster):
    """The agent of n1 started anew from a file."""
    cluster.agents["n1"].stop()
    agent = ConfiguredAgent(cluster, "n1")
    agent.configure("nftables")
    cluster.agents["n1"] = agent
    agent.start()
    agent.wait_until_ready()
    return agent


def check_links(agent):
    roles = {link["interface"]: link["role"] for link in agent.status()["links"]}
    expect(roles.pop("eth0", None) == "uplink", f"eth0 is not taken for an uplink beside {roles}")
    expect(roles and set(roles.values()) == {"pod"}, f"links beside eth0 should be pods': {roles}")
    expect("futureField" in agent.last_words(), "the log does not name the field that is not known")


def check_change(cluster, agent, ask):
    agent.configure("iptables")
    status = agent.process.wait(10)
    expect(status == 1 and "config.yaml changed" in agent.last_words(), f"after a change the agent answers {status}")
    ask("after the agent ended")
    agent.start()
    agent.wait_until_ready()
    ask("with the new file")


def check_actions(agent):
    written = f"{agent.directory}/effective.yaml"
    agent.once(f"--write-config-to={written}")
    with open(written, encoding="utf-8") as file:
        text = file.read()
    for line in ('mode: "iptables"', 'nodeName: "n1"', 'healthzBindAddress: "0.0.0.0:10256"'):
        expect(line in text.splitlines(), f"--write-config-to does not write {line}: {text}")
    agent.stop()
    agent.once("--cleanup")
    expect(not os.path.exists(f"{agent.directory}/bpf/waggle"), "--cleanup leaves tables")
    agent.once("--init-only")
    expect("frontends4" in agent.waggle("map", "list"), "--init-only makes no tables")
    agent.once("--cleanup")
    agent.once("--cleanup")  # nothing there is no failure


# Proves: O-01, O-15, O-71
def test():
    with Cluster(pods=2) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        agent = configured(cluster)

        def ask(when):
            outcomes = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 30)
            web.expect_answers(outcomes, backends, when)

        ask("with a file alone")
        check_links(agent)
        check_change(cluster, agent, ask)
        check_actions(agent)
    return "configured by a file alone, and by another one"


run_test(test)
