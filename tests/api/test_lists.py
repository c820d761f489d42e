# SPDX-License-Identifier: Apache-2.0
"""Lists: pages, selectors, versions and the choice of the encoding."""

import itertools

import case
from case import PROTOBUF, SELECTOR, SERVICES, SLICES, ApiServer, ask, expect, service
import encoding


def names(answer):
    return [item["metadata"]["name"] for item in answer.json()["items"]]


def test_pages_show_one_version():
    with case.recorded_server() as server:
        whole = names(ask(server, SERVICES))
        found, token = [], ""
        for page in itertools.count():
            answer = ask(server, f"{SERVICES}?limit=5{token}")
            metadata = answer.json()["metadata"]
            found += names(answer)
            expect(metadata.get("remainingItemCount", 0), len(whole) - len(found), "items to come")
            if "continue" not in metadata:
                break
            token = f"&continue={metadata['continue']}"
            if page == 0:  # what changes now is not on the pages to come
                server.command("put", object=service("zzz"))
                server.command("delete", resource="services", namespace="shop", name=whole[-1])
        expect(found, whole, "the pages together")
        expect(metadata["resourceVersion"], "1067", "the version of the last page")


def test_pages_with_a_selector_do_not_count():
    with case.recorded_server() as server:
        metadata = ask(server, f"{SERVICES}?limit=5&{SELECTOR}").json()["metadata"]
        expect("continue" in metadata and "remainingItemCount" not in metadata, True, "continue without a count")


def test_version_0_ignores_the_limit():
    with case.recorded_server() as server:
        expect(len(names(ask(server, f"{SERVICES}?limit=5&resourceVersion=0"))) > 5, True, "more than the limit")


def test_compaction_between_pages():
    with case.recorded_server() as server:
        token = ask(server, f"{SERVICES}?limit=5").json()["metadata"]["continue"]
        server.command("put", object=service("later"))
        server.command("compact")
        answer = ask(server, f"{SERVICES}?limit=5&continue={token}")
        expect((answer.code, answer.json()["reason"]), (410, "Expired"), "the second page")
        rest = ask(server, f"{SERVICES}?continue={answer.json()['metadata']['continue']}")
        expect((rest.code, "later" in names(rest)), (200, True), "the inconsistent rest the 410 offers")


def test_exact_versions():
    with case.recorded_server() as server:
        server.command("put", object=service("later"))
        exact = ask(server, f"{SERVICES}?resourceVersion=1067&resourceVersionMatch=Exact")
        expect((exact.json()["metadata"]["resourceVersion"], "later" in names(exact)), ("1067", False), "an old version")
        server.command("compact")
        expect(ask(server, f"{SERVICES}?resourceVersion=1067&resourceVersionMatch=Exact").code, 410, "a compacted one")


def test_selectors():
    with ApiServer() as server:
        for name, labels, address in (("plain", {}, "10.96.0.1"), ("none", {}, "None"),
                                      ("other", {"service.kubernetes.io/service-proxy-name": ""}, "10.96.0.2"),
                                      ("blue", {"color": "blue", "weight": "7"}, "10.96.0.3")):
            server.command("put", object=service(name, labels=labels, cluster_ip=address))
        for query, wanted in (
                ("labelSelector=%21service.kubernetes.io%2Fservice-proxy-name", ["blue", "none", "plain"]),
                ("labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&fieldSelector=spec.clusterIP%21%3DNone",
                 ["blue", "plain"]),
                ("labelSelector=color", ["blue"]), ("labelSelector=color%3Dblue", ["blue"]),
                ("labelSelector=color%21%3Dblue", ["none", "other", "plain"]),
                ("labelSelector=color+in+%28red%2Cblue%29%2Cweight%3E6", ["blue"]),
                ("labelSelector=color+notin+%28blue%29", ["none", "other", "plain"]),
                ("fieldSelector=metadata.name%3Dplain", ["plain"]),
                ("fieldSelector=metadata.namespace%3D%3Dshop%2Cspec.type%3DClusterIP", ["blue", "none", "other", "plain"])):
            expect(names(ask(server, f"{SERVICES}?{query}")), wanted, query)
        expect(names(ask(server, "/api/v1/namespaces/nowhere/services")), [], "another namespace")
        expect(names(ask(server, "/api/v1/namespaces/shop/services?limit=1")), ["blue"], "this namespace")


def test_fields_that_cannot_be_selected():
    with ApiServer() as server:
        answer = ask(server, f"{SERVICES}?fieldSelector=spec.ports%3D1")
        expect((answer.code, answer.json()["message"]), (400, "field label not supported: spec.ports"), "services")
        answer = ask(server, f"{SLICES}?fieldSelector=addressType%3DIPv4")
        expect(answer.json()["message"], '"addressType" is not a known field selector: only "metadata.name", '
               '"metadata.namespace"', "endpoint slices")
        expect(ask(server, f"{SERVICES}?labelSelector=%3D%3D").code, 400, "nonsense")


def test_single_objects():
    with case.recorded_server() as server:
        expect(ask(server, "/api/v1/nodes/n1").body, case.fixture("node.n1.json").rstrip(b"\n"), "a node")
        kind = encoding.open_envelope(ask(server, "/api/v1/nodes/n1", PROTOBUF).body)[:2]
        expect(kind, ("v1", "Node"), "a node in protobuf")
        answer = ask(server, "/api/v1/nodes/n9")
        expect((answer.code, answer.json()["message"]), (404, 'nodes "n9" not found'), "no node")


def test_accept():
    with ApiServer() as server:
        for accept, wanted in ((f"{PROTOBUF},application/json", PROTOBUF), ("application/json", "application/json"),
                               (f"application/json;q=0.5,{PROTOBUF}", PROTOBUF), ("*/*", "application/json"),
                               ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "application/json")):
            expect(ask(server, SERVICES, accept).headers["content-type"], wanted, accept)
        expect(ask(server, SERVICES, "text/csv").code, 406, "what nobody offers")
        status = encoding.open_envelope(ask(server, "/api/v1/nodes/n9", PROTOBUF).body)
        expect(status[:2], ("v1", "Status"), "an error in protobuf")
        server.command("set", json_only=True)
        expect(ask(server, SERVICES, f"{PROTOBUF},application/json").headers["content-type"], "application/json",
               "a server without protobuf")
        expect(ask(server, SERVICES, PROTOBUF).code, 406, "protobuf from a server without it")


def test_gzip():
    with ApiServer() as server:
        server.command("generate", services=1000, endpoints=1)
        answer = ask(server, SERVICES, options=("--compressed",))
        expect((answer.headers.get("content-encoding"), len(names(answer))), ("gzip", 1000), "a large list")
        expect("content-encoding" in ask(server, SERVICES).headers, False, "for a client that does not ask for it")


def test_open_paths():
    with ApiServer() as server:
        expect(ask(server, "/readyz", auth=None).body, b"ok", "/readyz")
        expect(ask(server, "/version", auth=None).json()["minor"], "36", "/version")


case.run(globals())
