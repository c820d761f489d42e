# SPDX-License-Identifier: Apache-2.0
"""Broken manifests are named in the status and change nothing; what is valid keeps serving and keeps being followed."""

import clients
import web
from harness import Cluster, expect, run_test, wait_for

SERVICE = """apiVersion: v1
kind: Service
metadata: {name: %s, namespace: default}
spec:
  clusterIP: %s
  clusterIPs: [%s]
  ipFamilies: [IPv4]
  ports:
  - {name: http, protocol: TCP, port: %s}
"""
BAD = {
    "not-yaml.yaml": "{ this: is: not [yaml",
    "unknown-kind.yaml": "apiVersion: v1\nkind: Teapot\nmetadata: {name: short}\n",
    "bad-address.yaml": SERVICE % ("bad-address", "10.96.0.999", "10.96.0.999", "80"),
    "bad-port.yaml": SERVICE % ("bad-port", "10.96.0.70", "10.96.0.70", "99999"),
    "duplicate.yaml": SERVICE % ("web", "10.96.0.71", "10.96.0.71", "80"),
}


def problems_of(agent):
    return "\n".join(str(problem) for problem in agent.json("status").get("problems", []))


def test():
    with Cluster() as cluster:
        first = [cluster.pod("n1", 2)]
        both = [*first, cluster.pod("n2", 2)]
        cluster.serve(both[1], [web.POD_PORT])
        web.start(cluster, first)
        client = cluster.pod("n1", 4)
        agent = cluster.agents["n1"]
        for name, text in BAD.items():
            cluster.apply_text(name, text)
            wait_for(lambda n=name: n in problems_of(agent), f"{name} is named among the problems of `waggle status`")
            outcomes = cluster.run(client, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 10)
            web.expect_answers(outcomes, first, f"with {name} beside it")
        web.apply(cluster, both)
        outcomes = cluster.run(client, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 40)
        web.expect_all_used(outcomes, both, "a change of a valid file beside bad ones")
        cluster.apply_text("web.json", "{ broken")
        wait_for(lambda: "web.json" in problems_of(agent), "web.json is named among the problems of `waggle status`")
        outcomes = cluster.run(client, clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 40)
        web.expect_all_used(outcomes, both, "after its own file became unreadable")
        for name in BAD:
            cluster.delete(name)
        web.apply(cluster, first)
        wait_for(lambda: not problems_of(agent), "no problem is left after the files were repaired")
        expect(agent.process.poll() is None, "the agent ended")
    return "bad manifests are reported and everything valid keeps serving"


run_test(test)
