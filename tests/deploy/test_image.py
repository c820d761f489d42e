# SPDX-License-Identifier: Apache-2.0
"""What the Containerfile does, as far as it can be done without an image registry: its build context holds what it
copies, its install step makes the files that the pods call, and the packages it finds for the binary are those with its
libraries."""

import fnmatch
import os
import re
import subprocess
import tempfile

from deployment import DEPLOY, REPOSITORY, command, container, expect, plain, run_test, text_of, waggle


def lines_of_containerfile():
    text = re.sub(r"\\\n", " ", text_of(DEPLOY, "Containerfile"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def check_stages(lines):
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    expect(len(bases) == 2 and all(re.fullmatch(r"debian:[a-z]+-slim", base) for base in bases), f"bases are {bases}")
    user = [line.split()[1] for line in lines if line.startswith("USER ")]
    expect(user and not user[-1].startswith(("0", "root")), f"the image runs as {user}")


def check_context(lines):
    """.containerignore lets through what is copied from the context, and what CMake reads."""
    allowed = {line[1:] for line in text_of(REPOSITORY, ".containerignore").splitlines() if line.startswith("!")}
    missing = [name for name in allowed if not os.path.exists(os.path.join(REPOSITORY, name))]
    expect(not missing, f".containerignore names {missing}, which are not there")
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    for name in copied:
        expect(name == "." or name.split("/")[0] in allowed, f"{name} is copied and not in the build context")
    cmake = text_of(REPOSITORY, "CMakeLists.txt").split("if(BUILD_TESTING)")
    outside = cmake[0] + cmake[1].split("endif()", 1)[1]
    for directory in re.findall(r"add_subdirectory\((\w+)\)", outside):
        expect(directory in allowed, f"CMake reads {directory}, which is not in the build context")


def check_install():
    """The files the pods call are where they call them."""
    called = {container(plain(), name)["command"][0] for name in ("prepare", "agent")}
    with tempfile.TemporaryDirectory() as directory:
        command("cmake", "--install", os.environ["WAGGLE_BUILD"], "--prefix", f"{directory}/usr", "--strip")
        for path in called:
            expect(os.access(directory + path, os.X_OK), f"{path} is called, and not installed")
        version = command(f"{directory}/usr/bin/waggle", "version")
        expect(re.match(r"waggle:? +\d", version), f"the installed program says {version}")
        expect(os.path.exists(f"{directory}/usr/share/doc/waggle/LICENSE"), "the licence is not installed")


def check_packages():
    said = command(os.path.join(DEPLOY, "runtime_packages.sh"), waggle()).split()
    expect("libbpf1" in said and "libc6" in said, f"packages are {said}")
    wrong = [name for name in said if fnmatch.fnmatch(name, "*-dev") or not re.fullmatch(r"[a-z0-9.+-]+", name)]
    expect(not wrong, f"{wrong} are no packages of shared libraries")
    done = subprocess.run([os.path.join(DEPLOY, "runtime_packages.sh"), "/nonexistent"], capture_output=True, check=False)
    expect(not done.stdout, "packages of a program that is not there")


def test():
    lines = lines_of_containerfile()
    check_stages(lines)
    check_context(lines)
    check_install()
    check_packages()
    return "the image's steps work"


run_test(test)
