# SPDX-License-Identifier: Apache-2.0
"""An agent that cannot work ends at once with one sentence that names what is wrong; a device that is missing is named, and
everything else works."""

import subprocess

import clients
import web
from agent import Agent
from harness import Cluster, expect, run_test, wait_for

# option, words that the complaint must have, exit status
REFUSED = (
    ("--cgroup-root={state}/manifests", ("--cgroup-root", "{state}/manifests", "cgroup2"), 1),
    ("--cgroup-root={state}/no-such", ("--cgroup-root", "{state}/no-such", "/sys/fs/cgroup"), 1),
    ("--bpf-root={state}", ("{state}", "BPF file system"), 1),
    ("--manifests={state}/no-such", ("--manifests", "{state}/no-such"), 1),
    ("--manifests={state}/environment", ("--manifests", "{state}/environment", "directory"), 1),
    ("--socket-lb-udp=maybe", ("--socket-lb-udp", "maybe", "host"), 2),
    ("--snat-ports=61440-61450", ("--snat-ports", "power of two"), 2),
    ("--no-such-option", ("no-such-option",), 2),
)


def refusal(cluster, option, prefix=()):
    """Exit status and the last line of an agent that should not start."""
    agent = Agent(cluster, "n1", [option] if option else [])
    done = subprocess.run(agent.command(prefix), capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def check_refusals(cluster):
    for option, words, wanted_status in REFUSED:
        option = option.format(state=cluster.state)
        status, said = refusal(cluster, option)
        expect(status == wanted_status, f"agent {option}: answers {status}, wanted {wanted_status}: {said}")
        missing = [word for word in words if word.format(state=cluster.state) not in said]
        expect(not missing, f"agent {option}: does not mention {missing}, says: {said}")
    status, said = refusal(cluster, None, ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"))
    expect(status == 1 and "CAP_BPF" in said, f"agent without CAP_BPF: answers {status} and says: {said}")


def check_missing_device(cluster):
    backends = [cluster.pod("n1", 2)]
    web.start(cluster, backends, "--devices=eth0,nosuch0")
    agent = cluster.agents["n1"]
    wait_for(lambda: "nosuch0" in agent.waggle("status"), "`waggle status` names the device that does not exist")
    outcomes = cluster.run(cluster.client(), clients.ask, "TCP", web.LOAD_BALANCER_IPS[0], web.PORT, 10)
    web.expect_answers(outcomes, backends, "beside a device that does not exist")


def test():
    with Cluster(pods=2) as cluster:
        check_refusals(cluster)
        check_missing_device(cluster)
    return "what cannot work is refused in one sentence"


run_test(test)
