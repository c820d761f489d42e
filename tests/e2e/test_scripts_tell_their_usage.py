# SPDX-License-Identifier: Apache-2.0
"""The scripts answer --help on stdout with 0, and a wrong line in words on stderr with 2; nothing is begun by either."""

import os
import subprocess

from harness import Cluster, expect, run_test

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
WRONG = {
    ("demo.sh", "--name"): "demo.sh: --name needs a value",
    ("demo.sh", "--bogus"): "demo.sh: there is no option --bogus",
    ("cluster.sh",): "cluster.sh: no command given",
    ("cluster.sh", "bogus"): "cluster.sh: there is no command bogus",
    ("cluster.sh", "up", "--bogus"): "cluster.sh: there is no option --bogus",
    ("cluster.sh", "up", "--name"): "cluster.sh: --name needs a value",
    ("cluster.sh", "down", "n1"): "cluster.sh: down takes no n1",
    ("cluster.sh", "enter"): "cluster.sh: enter needs a place",
}


def said(script, *arguments):
    return subprocess.run([os.path.join(SCRIPTS, script), *arguments], capture_output=True, text=True, timeout=30)


def test():
    for line in (("demo.sh", "--help"), ("demo.sh", "-h"), ("cluster.sh", "--help"), ("cluster.sh", "up", "--help")):
        done = said(*line)
        expect(done.returncode == 0 and not done.stderr, f"{' '.join(line)} ended with {done}")
        expect(line[0] in done.stdout and "--name NAME" in done.stdout, f"{' '.join(line)} does not help: {done.stdout}")
        expect("#" not in done.stdout and "set -" not in done.stdout, f"{' '.join(line)} shows its source: {done.stdout}")
    for line, words in WRONG.items():
        done = said(*line)
        expect(done.returncode == 2 and not done.stdout, f"{' '.join(line)} ended with {done}")
        expect(done.stderr.startswith(words + "\n"), f"{' '.join(line)} says: {done.stderr}")
    with Cluster() as cluster:
        for place in ("n9", "n1-p77", "bogus", ""):
            done = said("cluster.sh", "enter", "--name", cluster.name, place, "true")
            expect(done.returncode == 1, f"cluster.sh enter '{place}' ended with {done}")
            expect(done.stderr.startswith(f"cluster.sh: cluster {cluster.name} has no place {place}"), done.stderr)
            expect("n1-p2" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr)
    return "help and wrong usage of the scripts are told apart and in words"


run_test(test)
