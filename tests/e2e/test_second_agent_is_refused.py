# SPDX-License-Identifier: Apache-2.0
"""A second agent on the same tables is refused in words, and the first one goes on undisturbed."""

import subprocess

import clients
import web
from harness import Cluster, expect, run_test


def test():
    with Cluster() as cluster:
        backends = [cluster.pod("n2", 2)]
        web.start(cluster, backends)
        first = cluster.agents["n1"]
        second = subprocess.run(first.command(), capture_output=True, text=True, timeout=20, check=False)
        expect(second.returncode == 1, f"the second agent should answer 1, but answers {second.returncode}")
        words = second.stderr + second.stdout
        expect("agent" in words and f"{first.directory}/bpf" in words,
               f"the second agent should say that another one owns {first.directory}/bpf, but says: {words!r}")
        expect(first.process.poll() is None, "the first agent ended")
        expect(first.status().get("pid") == first.process.pid, "the second agent overwrote the first one's status")
        added = [*backends, cluster.pod("n2", 3)]
        cluster.serve(added[1], [web.POD_PORT])
        web.apply(cluster, added)
        outcomes = cluster.run(cluster.pod("n1", 4), clients.ask, "TCP", web.CLUSTER_IPS[0], web.PORT, 40)
        web.expect_all_used(outcomes, added, "after the second agent was refused")
    return "a second agent on the same tables is refused"


run_test(test)
