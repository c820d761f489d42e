# SPDX-License-Identifier: Apache-2.0
"""What the tests of the test API server share: a server with the recorded objects, and curl to ask it."""

import atexit
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/support/api_server"))
from api_server_client import ApiServer, CommandFailed  # noqa: E402,F401 (the tests import them from here)

FIXTURES = pathlib.Path(os.environ.get("WAGGLE_FIXTURES", SOURCE / "../shared/fixtures/kube-apiserver-1.36"))
PROTOBUF = "application/vnd.kubernetes.protobuf"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
SERVICES = "/api/v1/services"
SELECTOR = "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name"
LISTS = ("services", "endpointslices", "nodes", "servicecidrs")


def fixture(name):
    path = FIXTURES / name
    if not path.exists():
        sys.exit(f"{path} is missing; set WAGGLE_FIXTURES to the directory of the recorded lists")
    return path.read_bytes()


def recorded_server():
    fixture("services.list.json")
    return ApiServer(*(word for name in LISTS for word in ("--load", str(FIXTURES / f"{name}.list.json"))))


def scratch(name):
    """A path for a file that is gone when the test ends."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"waggle-api-test-{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / name


class Answer:
    """What curl got. `error` is curl's exit status (0: fine)."""

    def __init__(self, error, words, output):
        self.error, self.words = error, words
        head, _, self.body = output.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.protocol, _, code = (lines[0].strip() + " 000").partition(" ")
        self.code = int(code.split()[0])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """The events of a JSON watch."""
        return [json.loads(line) for line in self.body.splitlines()]


def ask(server, path, accept="application/json", auth="token", options=(), http="--http2", timeout=10):
    return finish(begin(server, path, accept, auth, options, http, timeout))


def begin(server, path, accept="application/json", auth="token", options=(), http="--http2", timeout=10):
    """Starts curl; finish() waits for it."""
    words = ["curl", "-sS", "-i", "--no-buffer", http, "--max-time", str(timeout), "-H", f"Accept: {accept}",
             "--cacert", server.ca_file, *_credentials(server, auth), *options, server.url + path]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    output, words = process.communicate()
    return Answer(process.returncode, words.decode(), output)


def _credentials(server, auth):
    if auth == "token":
        with open(server.token_file, encoding="ascii") as file:
            return ["-H", f"Authorization: Bearer {file.read()}"]
    if auth == "certificate":
        return ["--cert", server.client_certificate, "--key", server.client_key]
    return ["-H", f"Authorization: Bearer {auth}"] if auth else []


def watch(server, path, change, **more):
    """A watch during which `change` is called once the server has it. It ends by a clean end from the server."""
    process = begin(server, path, **more)
    server.command("wait", watches=1)
    change()
    server.command("end_watches")
    return finish(process)


def service(name, namespace="shop", labels=None, cluster_ip="10.96.7.7"):
    return {"kind": "Service", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace,
                                                                "labels": labels or {}},
            "spec": {"clusterIP": cluster_ip, "type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP",
                                                                              "targetPort": 8080}]}}


def expect(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r:.600}, wanted {wanted!r:.600}")


def run(tests):
    """Runs the functions test_* of a module, one after another; the first failure ends the program."""
    for name, function in list(tests.items()):
        if name.startswith("test_"):
            print(name, flush=True)
            function()
