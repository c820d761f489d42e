# SPDX-License-Identifier: Apache-2.0
"""What the tests of deploy/ share: rendering its three forms with the real programs, and finding things in them."""

import os
import subprocess
import sys
import time

import yaml

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(REPOSITORY, "deploy")
CHART = os.path.join(DEPLOY, "helm", "waggle")
BASE = os.path.join(DEPLOY, "kustomize", "base")
COMPONENTS = os.path.join(DEPLOY, "kustomize", "components")
# As tests/deploy/CMakeLists.txt has it: the machine reaches no npm registry, which scripts/test.sh says.
SKIPPED = 77
# What the plain manifest has in place of an API server's address.
PLACEHOLDER = "api-server.invalid"


class TestFailed(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise TestFailed(message)


def run_test(function):
    """Runs a test file's function; the exit status and the last line say what came of it."""
    start = time.monotonic()
    try:
        message = function()
    except TestFailed as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"ok {message or function.__name__} ({time.monotonic() - start:.1f} s)")


def text_of(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def waggle():
    return os.environ.get("WAGGLE_BIN") or sys.exit("FAILED: set WAGGLE_BIN to the waggle program")


# --- rendering ---


def tool(name):
    """helm or kubectl, of the version that the tests were written with."""
    installer = os.path.join(REPOSITORY, "scripts", "install_deploy_tools.sh")
    directory = subprocess.run([installer, "--where"], capture_output=True, text=True, check=True).stdout.strip()
    path = os.path.join(directory, name)
    if not os.access(path, os.X_OK) and os.environ.get("WAGGLE_NO_DEPLOY_TOOLS"):
        print(f"skipped: {path} could not be installed on this machine")
        sys.exit(SKIPPED)
    if not os.access(path, os.X_OK):
        sys.exit(f"FAILED: {path} is missing: run scripts/install_deploy_tools.sh")
    return path


def command(*words):
    """A command that has to work; its standard output."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    expect(done.returncode == 0, f"{' '.join(words)} answers {done.returncode}: {done.stderr}")
    return done.stdout


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document is not None]


def plain():
    return objects(text_of(DEPLOY, "waggle.yaml"))


def kustomized(directory=BASE):
    return objects(command(tool("kubectl"), "kustomize", directory))


def helm(values, *options):
    """helm template with these values; the finished process. The namespace is the plain manifest's."""
    words = [tool("helm"), "template", "waggle", CHART, "--namespace", "kube-system", "--values", "-", *options]
    return subprocess.run(words, input=yaml.safe_dump(values), capture_output=True, text=True, check=False, timeout=120)


def rendered(values=None):
    given = {"apiServer": {"host": PLACEHOLDER}, **(values or {})}
    done = helm(given)
    expect(done.returncode == 0, f"helm template with {given} answers {done.returncode}: {done.stderr}")
    return objects(done.stdout)


def every_form():
    return {"waggle.yaml": plain(), "kustomize": kustomized(), "the chart": rendered()}


# --- finding ---


def the_one(all_objects, kind):
    found = [one for one in all_objects if one["kind"] == kind]
    expect(len(found) == 1, f"there should be one {kind}, and there are {len(found)}")
    return found[0]


def pod_of(all_objects):
    return the_one(all_objects, "DaemonSet")["spec"]["template"]


def container(all_objects, name):
    pod = pod_of(all_objects)["spec"]
    found = [one for one in pod["initContainers"] + pod["containers"] if one["name"] == name]
    expect(len(found) == 1, f"there should be one container {name}, and there are {len(found)}")
    return found[0]


def configuration(all_objects, key="config.conf"):
    return the_one(all_objects, "ConfigMap")["data"][key]
