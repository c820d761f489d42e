# SPDX-License-Identifier: Apache-2.0
"""What deploy/ grants the agent is enough: with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON alone it starts, serves and is
taken over by the next one; each of them is missed in words. Kernels without tcx need CAP_SYS_ADMIN, too: that is said
at the first start."""

import subprocess

import clients
import web
from agent import Agent
from harness import Cluster, expect, run_test

ENOUGH = ("bpf", "net_admin", "perfmon")


class FewCapabilities(Agent):
    def __init__(self, cluster, node, capabilities, options=()):
        super().__init__(cluster, node, options)
        self.capabilities = capabilities

    def command(self, prefix=()):
        # A container runtime leaves nothing else in the bounding set; root's other capabilities go with it at exec.
        kept = "".join(f",+{capability}" for capability in self.capabilities)
        return super().command((*prefix, "setpriv", "--no-new-privs", f"--bounding-set=-all{kept}", "--inh-caps=-all"))


def check_refusal(cluster, capabilities, missing, options=()):
    agent = FewCapabilities(cluster, "n1", capabilities, options)
    done = subprocess.run(agent.command(), capture_output=True, text=True, timeout=20, check=False)
    said = (done.stderr.strip().splitlines() or [""])[-1]
    wanted = f"with {capabilities} {options} the agent should miss {missing}; it answers {done.returncode}: {said}"
    expect(done.returncode == 1 and missing in said, wanted)


def check_service(cluster, backends, when):
    outcomes = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 20)
    web.expect_answers(outcomes, backends, f"client outside, {when}")
    outcomes = cluster.run(cluster.pod("n1", 3), clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 20)
    web.expect_answers(outcomes, backends, f"pod, {when}")


def start(cluster):
    agent = FewCapabilities(cluster, "n1", ENOUGH)
    cluster.agents["n1"] = agent
    agent.start()
    agent.wait_until_ready()
    return agent


def check_enough(cluster, backends):
    agent = start(cluster)
    check_service(cluster, backends, "first agent")
    agent.stop()
    agent = start(cluster)
    check_service(cluster, backends, "agent that adopted")
    status = agent.status()
    expect(not status["problems"] and not status["pending"], f"the agent that adopted has problems: {status}")


def test():
    with Cluster(pods=2) as cluster:
        backends = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, backends)
        cluster.agents["n1"].stop()
        cluster.agents["n1"].waggle("cleanup")
        for capability in ENOUGH:
            check_refusal(cluster, [name for name in ENOUGH if name != capability], f"CAP_{capability.upper()}")
        check_refusal(cluster, ENOUGH, "CAP_SYS_ADMIN", ["--tc-attach=clsact"])
        cluster.agents["n1"].waggle("cleanup")
        check_enough(cluster, backends)
    return "three capabilities are enough, each is missed in words"


run_test(test)
