# SPDX-License-Identifier: Apache-2.0
"""After a kill -9, `waggle status` says of the next agent that it is starting until that one has written its own status."""

import signal

import web
from harness import Cluster, expect, run_test, wait_for


def check(status, pid):
    """One answer while the agent with that pid starts: nothing in it is the dead agent's."""
    if not status["agent_running"]:
        return
    expect(status["agent_pid"] == pid, f"the pid of the running agent is {pid}, not {status['agent_pid']}")
    if status["agent_starting"]:
        expect(status["synced"] is False and status["services"] is None, f"a starting agent has no work to tell: {status}")


def test():
    with Cluster() as cluster:
        web.start(cluster, [cluster.pod("n1", 2)])
        agent = cluster.agents["n1"]
        names = {row["interface"] for row in agent.json("map", "dump", "control") if row["item"] == "link"}
        expect({"eth0", "calin12"} <= names, f"`waggle map dump control` on the node does not name its links: {names}")
        agent.stop(signal.SIGKILL)
        agent.start()
        starting = []

        def is_synced():
            status = agent.json("status")
            check(status, agent.process.pid)
            expect(agent.status() or not status["synced"], f"it is said to be synced before it said so itself: {status}")
            starting.append(status["agent_starting"])
            return status["synced"]

        wait_for(is_synced, "the new agent is synced")
        expect(any(starting), "nobody said that it was starting")
    return "a starting agent is not shown with the status of the dead one"


run_test(test)
