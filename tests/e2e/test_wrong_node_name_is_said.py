# SPDX-License-Identifier: Apache-2.0
"""A --node-name that no Node object has, and tables that were made for another node, are standing problems of the status;
under the right name there is none."""

import web
from harness import Cluster, expect, run_test

NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\n---\n"


def problems_of_new_agent(cluster, *options):
    cluster.agents["n1"].stop()
    agent = cluster.start_agent("n1", *options)
    agent.wait_until_ready()
    return "\n".join(agent.json("status")["problems"])


def test():
    with Cluster(pods=2) as cluster:
        cluster.apply_text("nodes.yaml", NODE % "n1" + NODE % "n2")
        web.start(cluster, [cluster.pod("n1", 2)])
        problems = problems_of_new_agent(cluster)
        expect(not problems, f"under the right name there is a problem: {problems}")
        problems = problems_of_new_agent(cluster, "--node-name=n7")
        expect("no Node object has the name of this node, 'n7': there are n1, n2" in problems, problems)
        expect("the pinned tables were made for node 'n1', and this agent is started for 'n7'" in problems, problems)
        problems = problems_of_new_agent(cluster)
        expect(not problems, f"after the right name is given again there is a problem: {problems}")
    return "a wrong node name is said"


run_test(test)
