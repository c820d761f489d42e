# SPDX-License-Identifier: Apache-2.0
"""yamllint finds nothing in deploy/ (but the chart's templates, which are no YAML until helm has rendered them) nor in
what the chart renders to."""

import os
import subprocess

from deployment import CHART, DEPLOY, PLACEHOLDER, expect, helm, run_test

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "yamllint.yaml")


def yaml_files():
    for directory, _, names in os.walk(DEPLOY):
        if directory != os.path.join(CHART, "templates"):
            yield from (os.path.join(directory, name) for name in names if name.endswith((".yaml", ".conf")))


def lint(config, *files, text=None):
    words = ["yamllint", "--strict", "-f", "parsable", "-d", config, *files]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"yamllint says:\n{done.stdout}{done.stderr}")


def test():
    files = sorted(yaml_files())
    lint(f"extends: {CONFIG}", *files)
    # What helm's toYaml writes does not indent sequences.
    text = helm({"apiServer": {"host": PLACEHOLDER}}).stdout
    lint(f"{{extends: {CONFIG}, rules: {{indentation: disable}}}}", "-", text=text)
    return f"{len(files)} files and the rendered chart are tidy"


run_test(test)
