# SPDX-License-Identifier: Apache-2.0
"""One node's `waggle agent`: started in the node's network namespace, with its own cgroup root, bpffs and run
directory."""

import json
import os
import signal
import subprocess
import time


class AgentFailed(Exception):
    pass


class Agent:
    def __init__(self, cluster, node, options=()):
        self.cluster = cluster
        self.node = node
        self.options = list(options)
        self.directory = f"{cluster.state}/{node}"
        self.log = f"{self.directory}/agent.log"
        self.process = None

    def command(self, prefix=()):
        """The agent's command line; an option given to the constructor takes the place of the usual one."""
        usual = [
            f"--manifests={self.cluster.manifests}",
            f"--node-name={self.node}",
            f"--devices={self.cluster.devices}",
            "--pod-interfaces=cali*",
            f"--cgroup-root={self.cluster.cgroup}/{self.node}",
            f"--bpf-root={self.directory}/bpf",
            f"--run-dir={self.directory}/run",
        ]
        given = {option.split("=")[0] for option in self.options}
        if "--kubeconfig" in given:
            given.add("--manifests")
        usual = [option for option in usual if option.split("=")[0] not in given]
        netns = f"/run/netns/{self.cluster.name}-{self.node}"
        return ["nsenter", f"--net={netns}", *prefix, self.cluster.waggle, "agent", *usual, *self.options]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self._join_cgroup
            )

    def _join_cgroup(self):
        with open(f"{self.cluster.cgroup}/{self.node}/host/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write("0")

    def wait_until_ready(self, timeout=60.0):
        self._wait(lambda: self.status().get("synced"), "it has not read the manifests and written the tables", timeout)

    def stop(self, how=signal.SIGTERM, timeout=10.0):
        """Ends the agent and answers its exit status."""
        self.process.send_signal(how)
        return self.process.wait(timeout)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()
        self.wait_until_ready()

    # --- what it says ---

    def status(self):
        """What this very process has written of itself; empty until it has."""
        try:
            with open(f"{self.directory}/run/status.json", encoding="utf-8") as file:
                said = json.load(file)
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return said if said.get("pid") == self.process.pid else {}

    def waggle(self, *arguments, check=True):
        """A command of the CLI on this node's tables; its standard output."""
        environment = dict(os.environ, WAGGLE_BPF_ROOT=f"{self.directory}/bpf", WAGGLE_RUN_DIR=f"{self.directory}/run")
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.cluster.name}-{self.node}", self.cluster.waggle, *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=30,
        )
        if check and done.returncode != 0:
            raise AgentFailed(f"waggle {' '.join(arguments)} on {self.node} failed ({done.returncode}): {done.stderr}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.waggle(*arguments, "-o", "json"))

    def backends(self, service):
        """address:port of the backends that new flows of namespace/name:port go to; None if there is no such service."""
        said = self.waggle("backend", "list", "--service", service, "-o", "json", check=False)
        return {_address_port(row) for row in json.loads(said) if row["in_use"]} if said else None

    def wait_for_backends(self, service, addresses, timeout=10.0):
        wanted = set(addresses)
        complaint = f"new flows of {service} go elsewhere than to {sorted(wanted)}"
        self._wait(lambda: self.backends(service) == wanted, complaint, timeout)

    def packets_sent_by_xdp(self):
        """Packets that XDP sent on its own, as the kernel counts them on the node's uplink."""
        command = ["nsenter", f"--net=/run/netns/{self.cluster.name}-{self.node}", "ethtool", "-S", "eth0"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        counters = [line.split(":") for line in lines if "_xdp_tx:" in line or "_xdp_redirect:" in line]
        return sum(int(value) for _, value in counters)

    def _wait(self, condition, complaint, timeout):
        deadline = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None:
                raise AgentFailed(f"the agent of {self.node} ended with status {self.process.returncode}")
            if time.monotonic() > deadline:
                raise AgentFailed(f"the agent of {self.node}: {complaint} after {timeout} s")
            time.sleep(0.02)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return f"--- agent of {self.node}, last lines of its log\n" + "".join(log.readlines()[-30:])


def _address_port(row):
    address = f"[{row['address']}]" if ":" in row["address"] else row["address"]
    return f"{address}:{row['port']}"
