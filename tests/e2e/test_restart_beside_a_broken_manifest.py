# SPDX-License-Identifier: Apache-2.0
"""The agent restarts while a manifest is broken, then unreadable: what only that file names keeps serving, the status says
so, and mending or removing the file is followed."""

import os
import signal

import clients
import web
from harness import Cluster, run_test, wait_for


def problems_of(agent):
    return "\n".join(str(problem) for problem in agent.json("status").get("problems", []))


def restart(agent):
    agent.stop(signal.SIGKILL)
    agent.start()
    agent.wait_until_ready()


def test():
    with Cluster() as cluster:
        pods = [cluster.pod("n1", 2), cluster.pod("n2", 2)]
        web.start(cluster, pods)
        client = cluster.pod("n1", 4)
        agent = cluster.agents["n1"]
        path = os.path.join(cluster.manifests, "web.json")

        def ask(expected, when):
            outcomes = cluster.run(client, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 40)
            web.expect_all_used(outcomes, expected, when)

        cluster.apply_text("web.json", "{ broken")
        restart(agent)
        ask(pods, "after a restart beside its broken manifest")
        wait_for(lambda: "is kept as the previous run programmed it" in problems_of(agent), "the status says what is kept")

        web.apply(cluster, pods[:1])
        wait_for(lambda: not problems_of(agent), "no problem is left after the file was mended")
        ask(pods[:1], "after the file was mended")

        os.unlink(path)
        os.symlink("/nonexistent", path)
        restart(agent)
        ask(pods[:1], "after a restart beside its unreadable manifest")
        os.unlink(path)
        wait_for(lambda: not agent.backends("default/web:http"), "the service goes with its file")
    return "a restart beside a broken manifest takes nothing away"


run_test(test)
