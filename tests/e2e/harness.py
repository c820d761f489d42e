# SPDX-License-Identifier: Apache-2.0
"""The cluster of network namespaces (scripts/cluster.sh) with Waggle's agents, for one test.

    with Cluster() as cluster:
        cluster.start_agents()
        cluster.serve(pod("n1", 2), ...)
        cluster.apply("web.json", [...])
        cluster.wait_for_backends(...)
        outcomes = cluster.run("client", clients.ask, "TCP", address, port, 100)

Every process the test makes runs in the cluster's cgroup, so that taking the cluster down ends all of them. A test fails
if the nodes' firewalls dropped a packet for its connection's invalid state.
"""

import json
import os
import subprocess
import sys
import time

import manifests
import servers
from agent import Agent, AgentFailed
from tasks import Task, TaskFailed

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER_SCRIPT = os.path.join(REPOSITORY, "scripts", "cluster.sh")
NODES = ("n1", "n2")


class TestFailed(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise TestFailed(message)


def wait_for(condition, what, timeout=10.0, interval=0.02):
    """Answers the first true value of condition(); fails in words after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TestFailed(f"{what}: not within {timeout} s")
        time.sleep(interval)


class Place:
    """Where a process can run: a node, a pod, the client."""

    def __init__(self, cluster, name, cgroup, node=None, ipv4=None, ipv6=None):
        self.name = name
        self.netns = f"/run/netns/{cluster.name}-{name}"
        self.cgroup = cgroup
        self.node = node
        self.ipv4 = ipv4
        self.ipv6 = ipv6

    def outside_cgroup(self, cgroup):
        """The same network, but sockets that the agents' socket hooks do not see."""
        other = Place.__new__(Place)
        other.__dict__.update(self.__dict__, cgroup=cgroup)
        return other


class Guardian:
    """Runs a command if this process ends without release(): killed, for instance, as ctest does with a test that takes
    too long.

    It waits in a process of its own, which nobody takes for a child of the test, for the end of a pipe whose other end only the
    test and its tasks hold.
    """

    def __init__(self, command):
        reading, self.writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(self.writing)
            self._watch(command, reading)
        os.close(reading)
        os.waitpid(child, 0)

    @staticmethod
    def _watch(command, reading):
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
        released = os.read(reading, 1)
        if not released:
            os.execv(command[0], command)
        os._exit(0)

    def release(self):
        os.write(self.writing, b"r")
        os.close(self.writing)


class Cluster:
    def __init__(self, pods=4, lb_node="n1", fabric="routed", masquerade=False):
        if os.geteuid() != 0:
            raise SystemExit("FAILED: this test makes network namespaces and needs root")
        self.waggle = os.environ.get("WAGGLE_BIN") or sys.exit("FAILED: set WAGGLE_BIN to the waggle program")
        self.name = f"wt{os.getpid()}"
        self.pods = pods
        self.options = ["--pods", str(pods), "--lb-node", lb_node, "--fabric", fabric]
        self.options += ["--masquerade"] if masquerade else []
        self.agents = {}
        self.tasks = []

    def __enter__(self):
        self.guardian = Guardian([CLUSTER_SCRIPT, "down", "--name", self.name])
        self._script("up", *self.options)
        self._read_environment()
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            for agent in self.agents.values():
                print(agent.last_words(), file=sys.stderr)
            print(f"--- packets dropped by firewalls: {self.packets_dropped_by_firewalls()}", file=sys.stderr)
        for task in self.tasks:
            task.kill()
        for agent in self.agents.values():
            agent.kill()
        dropped = {} if error is not None else self.packets_dropped_by_firewalls()
        self._script("down")
        self.guardian.release()
        expect(not dropped, f"netfilter took packets for parts of no valid connection and dropped them: {dropped}")

    def _script(self, command, *options):
        subprocess.run([CLUSTER_SCRIPT, command, "--name", self.name, *options], check=True)

    def _read_environment(self):
        with open(f"/run/waggle-cluster/{self.name}/environment", encoding="utf-8") as file:
            settings = dict(line.rstrip("\n").split("=", 1) for line in file)
        self.state = settings["STATE"]
        self.cgroup = settings["CGROUP"]
        self.devices = settings["DEVICES"]
        self.manifests = f"{self.state}/manifests"
        self.scratch = f"{self.state}/scratch"
        os.mkdir(self.scratch)

    def packets_dropped_by_firewalls(self):
        """What the nodes' firewalls, which drop packets of connections in an invalid state, have counted."""
        dropped = {}
        for node in NODES:
            command = ["nsenter", f"--net=/run/netns/{self.name}-{node}", "nft", "--json", "list", "counters"]
            said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            counters = [item["counter"] for item in said["nftables"] if "counter" in item]
            dropped |= {f"{node} {c['name']}": c["packets"] for c in counters if c["packets"]}
        return dropped

    # --- places ---

    def client(self):
        return Place(self, "client", f"{self.cgroup}/client", ipv4="172.18.0.100", ipv6="fd00:172:18::100")

    def node(self, node):
        n = node[1]
        return Place(self, node, f"{self.cgroup}/{node}/host", node, f"172.18.0.1{n}", f"fd00:172:18::1{n}")

    def pod(self, node, k):
        """Pod number k (2 and up) of a node."""
        n = node[1]
        cgroup = f"{self.cgroup}/{node}/p{k}"
        return Place(self, f"{node}-p{k}", cgroup, node, f"10.244.{n}.{k}", f"fd00:10:244:{n}::{k}")

    def without_socket_hooks(self, place):
        return place.outside_cgroup(f"{self.cgroup}/client")

    # --- processes ---

    def start(self, place, function, *arguments):
        task = Task(place, function, arguments)
        self.tasks.append(task)
        return task

    def run(self, place, function, *arguments, timeout=60.0):
        return self.start(place, function, *arguments).result(timeout)

    def serve(self, place, ports=(8080,), udp=True):
        """A server in a pod, or on a node's own addresses, that answers with its place's name; back when it listens."""
        addresses = (place.ipv4, place.ipv6) if place.name == place.node else ("0.0.0.0", "::")
        task = self.start(place, servers.serve, place.name, list(ports), udp, addresses)
        task.receive(20.0)
        return task

    # --- agents ---

    def start_agents(self, *options):
        for node in NODES:
            self.start_agent(node, *options)
        for node in NODES:
            self.agents[node].wait_until_ready()

    def start_agent(self, node, *options):
        agent = Agent(self, node, options)
        self.agents[node] = agent
        agent.start()
        return agent

    # --- objects ---

    def apply(self, file_name, objects):
        manifests.write_atomically(self.manifests, file_name, objects, self.scratch)

    def apply_text(self, file_name, text):
        manifests.write_text_atomically(self.manifests, file_name, text, self.scratch)

    def delete(self, file_name):
        os.unlink(os.path.join(self.manifests, file_name))

    def wait_for_backends(self, service, addresses, nodes=NODES, timeout=10.0):
        """Until every node sends new flows of `service` (namespace/name:port name) to exactly these address:port."""
        for node in nodes:
            self.agents[node].wait_for_backends(service, addresses, timeout)


def run_test(function):
    """Runs a test file's function; the exit status and the last line say what came of it."""
    start = time.monotonic()
    try:
        message = function()
    except (TestFailed, TaskFailed, AgentFailed) as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"ok {message or function.__name__} ({time.monotonic() - start:.1f} s)")
