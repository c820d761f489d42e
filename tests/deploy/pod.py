# SPDX-License-Identifier: Apache-2.0
"""A pod of the DaemonSet on a node of the e2e tests' cluster, without a container runtime: each container gets what its
entry in deploy/waggle.yaml asks for (mounts, capabilities, read-only root, arguments) and what a runtime adds
(/proc/sys and /sys read-only unless it is privileged). Its image is this machine's root, with Waggle installed over it,
thrown away afterwards.

The host's cgroup2 root is the node's part of the cluster's, so that no socket of the machine itself meets Waggle.
"""

import os
import shlex
import subprocess
import sys

from deployment import REPOSITORY, configuration, container

sys.path.insert(0, os.path.join(REPOSITORY, "tests", "e2e"))
from agent import Agent, AgentFailed  # noqa: E402 pylint: disable=wrong-import-position

# Runs in a mount namespace of its own, as the process that becomes the container's; $1 is an empty directory.
MAKE_ROOT = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mkdir -p host/sys/fs/cgroup run/waggle etc/waggle manifests
mount --rbind /proc proc
mount --rbind /dev dev
mount -t sysfs sysfs sys
"""
READ_ONLY = """
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -o remount,bind,ro sys
"""


class Pod(Agent):
    """The agent's container of a pod, with its init container before each start."""

    def __init__(self, cluster, node, objects, build):
        super().__init__(cluster, node)
        self.objects = objects
        self.build = build
        self.root = f"{self.directory}/root"
        os.makedirs(self.root, exist_ok=True)
        self.write_configuration(configuration(objects))

    def write_configuration(self, text):
        os.makedirs(f"{self.directory}/config", exist_ok=True)
        with open(f"{self.directory}/config/config.conf", "w", encoding="utf-8") as file:
            file.write(text)

    def command(self, prefix=()):
        return self._command("agent")

    def start(self):
        with open(self.log, "ab") as log:
            subprocess.run(self._command("prepare"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=60)
        super().start()

    def inside(self, name, *words, objects=None):
        """What a command says that is run as `kubectl exec` would, or as another pod's container does (words: none)."""
        found = self._command(name, words, objects or self.objects)
        done = subprocess.run(found, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise AgentFailed(f"{words} in container {name} answers {done.returncode}: {done.stderr}")
        return done.stdout

    def _command(self, name, words=(), objects=None):
        entry = container(objects or self.objects, name)
        netns = f"/run/netns/{self.cluster.name}-{self.node}"
        script = MAKE_ROOT + self._install() + self._mounts(entry) + self._enter(entry, words)
        return ["nsenter", f"--net={netns}", "unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", self.root]

    def _install(self):
        return f"cmake --install {shlex.quote(self.build)} --prefix usr >/dev/null\n"

    def _mounts(self, entry):
        sources = {
            "config": f"{self.directory}/config",
            "bpf": f"{self.directory}/bpf",
            "cgroup": f"{self.cluster.cgroup}/{self.node}",
            "run": f"{self.directory}/run",
        }
        lines = [f"mount --bind {self.cluster.manifests} manifests"]
        if not entry["securityContext"].get("privileged"):
            lines.append(READ_ONLY)
        for mount in entry["volumeMounts"]:
            place = mount["mountPath"].lstrip("/")
            lines.append(f"mount --bind {sources[mount['name']]} {place}")
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro {place}")
        return "\n".join(lines) + "\n"

    def _enter(self, entry, command):
        context = entry["securityContext"]
        words = ["chroot", "."]
        if context["readOnlyRootFilesystem"]:
            words = ["mount -o remount,bind,ro . && exec chroot ."]
        if not context.get("privileged"):
            kept = "".join(f",+{capability.lower()}" for capability in context["capabilities"]["add"])
            words += ["setpriv", "--no-new-privs", f"--bounding-set=-all{kept}", "--inh-caps=-all"]
        words += [shlex.quote(word) for word in command or self._own_command(entry)]
        return " ".join(words) + "\n"

    def _own_command(self, entry):
        arguments = [argument.replace("$(NODE_NAME)", self.node) for argument in entry["args"]]
        manifests = ["--manifests=/manifests"] if entry["name"] in ("prepare", "agent") else []
        return [*entry["command"], *arguments, *manifests]
