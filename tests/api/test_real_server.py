# SPDX-License-Identifier: Apache-2.0
"""The control protocol before a real kube-apiserver: the writer of objects against the test server, and all of it against
the real one where there is one.
"""

import os
import subprocess

import case
from case import SERVICES, ApiServer, ask, expect, service
from real_objects import Objects, RequestFailed


def test_objects_are_written_over_https():
    with ApiServer() as server:
        server.command("rights", everything_allowed=True)
        with open(server.token_file, encoding="ascii") as file:
            objects = Objects(server.host, server.port, server.ca_file, file.read())
        value = service("web")
        value["metadata"].update(uid="given", resourceVersion="77")
        written = objects.put(value)
        expect((written["spec"]["clusterIP"], written["metadata"]["uid"] == "given"), ("10.96.7.7", False), "created")
        value["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}
        objects.put(value)
        expect(objects.get("services", "shop", "web")["status"], value["status"], "the status")
        expect([item["metadata"]["name"] for item in objects.list("services")["items"]], ["web"], "the list")
        objects.delete("services", "shop", "web")
        expect(objects.get("services", "shop", "web"), None, "deleted")
        try:
            objects.delete("services", "shop", "web")
        except RequestFailed as error:
            expect(str(error).endswith('404 services "web" not found'), True, str(error))
        else:
            raise AssertionError("an object was deleted twice")


def test_without_a_real_server_it_says_so():
    words = ["/usr/bin/python3", "-B", str(case.SOURCE / "tests/support/api_server"), "--real"]
    for assets, wanted in ((None, "KUBEBUILDER_ASSETS is not set"), ("/dev", "/dev/kube-apiserver is no program there")):
        environment = {name: value for name, value in os.environ.items() if name != "KUBEBUILDER_ASSETS"}
        if assets:
            environment["KUBEBUILDER_ASSETS"] = assets
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False)
        expect((done.returncode, wanted in done.stderr), (1, True), done.stderr)


def test_the_real_server():
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        print("KUBEBUILDER_ASSETS is not set: no real kube-apiserver was asked")
        return
    with ApiServer("--real") as server:
        server.command("put", object=service("a", cluster_ip="10.96.7.7"))
        names = [item["metadata"]["name"] for item in ask(server, SERVICES).json()["items"]]
        expect("a" in names, True, "the list as kube-proxy's user")
        expect(ask(server, "/api/v1/namespaces/shop/services/a").code, 403, "what that user may not")
        server.command("restart", other_port=True)
        expect(server.command("get", resource="services", namespace="shop", name="a")["object"]["spec"]["clusterIP"],
               "10.96.7.7", "the object after a restart")
        server.command("delete", resource="services", namespace="shop", name="a")


case.run(globals())
