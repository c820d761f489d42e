# SPDX-License-Identifier: Apache-2.0
"""deploy/prepare_node.sh finds the host's cgroup2 root on unified and on hybrid machines, says in words when there is
none, and goes on with the agent's own set-up in any case."""

import os
import subprocess
import sys
import tempfile

from deployment import DEPLOY, expect, run_test

SCRIPT = os.path.join(DEPLOY, "prepare_node.sh")


def prepare(directory, mount):
    """Runs the script beside a `waggle` that repeats its arguments, in a mount namespace of its own where `mount` (shell) has
    set up what it sees of the host; what it says, and where the link leads."""
    host, link = f"{directory}/cgroup", f"{directory}/link"
    environment = dict(os.environ, WAGGLE_HOST_CGROUP=host, WAGGLE_CGROUP_LINK=link, PATH=f"{directory}:{os.environ['PATH']}")
    words = ["unshare", "--mount", "--propagation=private", "sh", "-ec", f'{mount}\nexec "$@"', "sh", SCRIPT, "--config=/a b"]
    done = subprocess.run(words, env=environment, cwd=directory, capture_output=True, text=True, check=False, timeout=30)
    expect(done.returncode == 0, f"prepare-node answers {done.returncode}: {done.stderr}")
    expect(done.stdout == "agent|--config=/a b|--init-only|\n", f"waggle is run with {done.stdout}")
    return done.stderr, os.readlink(link) if os.path.islink(link) else None


def make_stub(directory):
    path = os.path.join(directory, "waggle")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nprintf '%s|' \"$@\"\necho\n")
    os.chmod(path, 0o755)
    os.makedirs(os.path.join(directory, "cgroup", "unified"))


def test():
    if os.geteuid() != 0:
        sys.exit("FAILED: this test mounts file systems and needs root")
    with tempfile.TemporaryDirectory() as directory:
        make_stub(directory)
        root = f"{directory}/cgroup"
        _, link = prepare(directory, "mount -t cgroup2 cgroup2 cgroup")
        expect(link == root, f"unified: the link leads to {link}")
        hybrid = "mount -t tmpfs tmpfs cgroup\nmkdir cgroup/unified\nmount -t cgroup2 cgroup2 cgroup/unified"
        _, link = prepare(directory, hybrid)
        expect(link == f"{root}/unified", f"hybrid: the link leads to {link}")
        said, link = prepare(directory, "mount -t tmpfs tmpfs cgroup")
        expect(link is None, f"without cgroup2 a link of an earlier start stays: {link}")
        expect("no cgroup2" in said and "socketLB" in said, f"without cgroup2 it says: {said}")
    return "unified, hybrid and none"


run_test(test)
