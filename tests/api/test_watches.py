# SPDX-License-Identifier: Apache-2.0
"""Watches: events, selector transitions, bookmarks, streaming lists, compaction and ends."""

import case
from case import PROTOBUF, SERVICES, ApiServer, ask, expect, service, watch
import encoding
import proto_codec

OURS = "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&fieldSelector=spec.clusterIP%21%3DNone"
STREAMING = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def seen(answer):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in answer.lines()]


def test_changes():
    with ApiServer() as server:
        server.command("put", object=service("before"))
        version = server.command("stats")["version"]

        def change():
            server.command("put", object=service("web"))
            server.command("put", object=service("web", cluster_ip="10.96.0.9"))
            server.command("delete", resource="services", namespace="shop", name="web")
        answer = watch(server, f"{SERVICES}?watch=1&resourceVersion={version}", change)
        expect(seen(answer), [("ADDED", "web"), ("MODIFIED", "web"), ("DELETED", "web")], "events")
        versions = [event["object"]["metadata"]["resourceVersion"] for event in answer.lines()]
        expect(versions, [str(version + number) for number in (1, 2, 3)], "their versions")
        expect((answer.error, answer.headers["content-type"]), (0, "application/json"), "the end")
        again = watch(server, f"{SERVICES}?watch=1&resourceVersion={version + 1}", lambda: None)
        expect(seen(again), [("MODIFIED", "web"), ("DELETED", "web")], "events missed, from the history")
        for http in ("--http1.1", "--http2"):
            again = watch(server, f"{SERVICES}?watch=1", lambda: None, http=http)
            expect(seen(again), [("ADDED", "before")], "a watch from nowhere")


def test_selector_transitions():
    with ApiServer() as server:
        server.command("put", object=service("web"))

        def change():
            server.command("put", object=service("web", labels={"service.kubernetes.io/service-proxy-name": ""}))
            server.command("put", object=service("web", labels={"service.kubernetes.io/service-proxy-name": "x"}))
            server.command("put", object=service("web"))
            server.command("put", object=service("web", cluster_ip="None"))
            server.command("put", object=service("other", cluster_ip="None"))
        answer = watch(server, f"{SERVICES}?watch=1&resourceVersion=2&{OURS}", change)
        expect(seen(answer), [("DELETED", "web"), ("ADDED", "web"), ("DELETED", "web")], "transitions")
        gone = answer.lines()[0]["object"]
        expect((gone["metadata"]["labels"], gone["metadata"]["resourceVersion"]), ({}, "3"), "the old object at the new version")


def test_protobuf_frames():
    with ApiServer() as server:
        answer = watch(server, f"{SERVICES}?watch=1", lambda: server.command("put", object=service("web")),
                       accept=f"{PROTOBUF};stream=watch")
        expect(answer.headers["content-type"], f"{PROTOBUF};stream=watch", "content type")
        size = int.from_bytes(answer.body[:4], "big")
        expect(len(answer.body), size + 4, "the length prefix")
        event = {number: value for number, _, value in proto_codec.split(answer.body[4:])}
        raw = dict((number, value) for number, _, value in proto_codec.split(event[2]))[1]
        _, kind, body = encoding.open_envelope(raw)
        name = proto_codec.decode("Service", body)["metadata"]["name"]
        expect((event[1], kind, name), (b"ADDED", "Service", "web"), "the event")


def test_bookmarks():
    with ApiServer() as server:
        server.command("set", bookmark_interval=0.05)
        path = f"{SERVICES}?watch=1&resourceVersion=1&timeoutSeconds=1"
        expect(seen(ask(server, path)), [], "bookmarks for a client that does not want them")
        answer = ask(server, path + "&allowWatchBookmarks=true")
        expect({kind for kind, _ in seen(answer)}, {"BOOKMARK"}, "bookmarks by the clock")
        server.command("set", bookmark_interval=0)

        def change():  # a bookmark shows the version of the store, also when another resource moved it
            server.command("put", object={"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"}})
            server.command("bookmark", resource="services")
        answer = watch(server, f"{SERVICES}?watch=1&resourceVersion=1", change)
        expect(answer.lines()[0]["object"]["metadata"], {"resourceVersion": "2"}, "a bookmark on command")


def test_streaming_list():
    with ApiServer() as server:
        for name in ("a", "b"):
            server.command("put", object=service(name))
        answer = watch(server, f"{SERVICES}?{STREAMING}", lambda: server.command("put", object=service("c")))
        expect(seen(answer), [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", None), ("ADDED", "c")], "events")
        expect(answer.lines()[2]["object"]["metadata"],
               {"resourceVersion": "3", "annotations": {"k8s.io/initial-events-end": "true"}}, "the end of the list")
        later = ask(server, f"{SERVICES}?{STREAMING}&resourceVersion=99")
        expect((later.code, later.json()["reason"]), (504, "Timeout"), "a version to come")
        wrong = ask(server, f"{SERVICES}?watch=1&sendInitialEvents=true")
        expect((wrong.code, wrong.json()["reason"]), (422, "Invalid"), "without resourceVersionMatch")


def test_servers_without_streaming_lists():
    with ApiServer() as server:
        for mode, code, field in (("disabled", 422, "sendInitialEvents"), ("unknown", 422, "resourceVersionMatch"),
                                  ("bad_request", 400, None)):
            server.command("set", streaming_lists=mode)
            answer = ask(server, f"{SERVICES}?{STREAMING}")
            causes = answer.json().get("details", {}).get("causes", [{"field": None}])
            expect((answer.code, causes[0]["field"]), (code, field), mode)
            expect(ask(server, SERVICES).code, 200, f"a plain list, {mode}")


def test_compaction():
    with ApiServer() as server:
        for name in ("a", "b", "c"):
            server.command("put", object=service(name))
        server.command("compact", version=3)
        expect(seen(watch(server, f"{SERVICES}?watch=1&resourceVersion=3", lambda: None)), [("ADDED", "c")], "just not too old")
        answer = ask(server, f"{SERVICES}?watch=1&resourceVersion=2")
        status = answer.lines()[0]["object"]
        expect((answer.code, status["code"], status["message"]), (200, 410, "too old resource version: 2 (4)"), "as an event")
        server.command("set", gone_as="status")
        answer = ask(server, f"{SERVICES}?watch=1&resourceVersion=2")
        expect((answer.code, answer.json()["reason"]), (410, "Expired"), "as HTTP status")
        listed = ask(server, f"{SERVICES}?resourceVersion=0").json()["metadata"]["resourceVersion"]
        answer = watch(server, f"{SERVICES}?watch=1&resourceVersion={listed}", lambda: None)
        expect(answer.code, 200, "a watch from a list after the compaction")


def test_forgotten_versions():
    with ApiServer() as server:
        for _ in range(5):
            server.command("put", object=service("a"))
        server.command("forget_versions")
        answer = ask(server, SERVICES).json()
        expect(answer["metadata"]["resourceVersion"], "2", "the version of the list")
        expect(answer["items"][0]["metadata"]["resourceVersion"], "2", "the version of the object")


def test_ends_and_errors():
    with ApiServer() as server:
        answer = ask(server, f"{SERVICES}?watch=1&timeoutSeconds=1")
        expect((answer.error, answer.code, answer.body), (0, 200, b""), "timeoutSeconds")
        answer = watch(server, f"{SERVICES}?watch=1", lambda: server.command("watch_error", code=500))
        expect([(event["type"], event["object"]["code"]) for event in answer.lines()], [("ERROR", 500)], "an ERROR event")
        answer = watch(server, f"{SERVICES}?watch=1", lambda: server.command("inject", text="not an event"))
        expect(answer.body, b"not an event", "injected bytes")


case.run(globals())
