# SPDX-License-Identifier: Apache-2.0
"""The server answers with the bytes that a real kube-apiserver answered with for the same objects."""

import json

import case
from case import PROTOBUF, SELECTOR, SERVICES, SLICES, ask, expect, fixture
import encoding
import proto_codec
from resources import RESOURCES, find

PATHS = {"services": f"{SERVICES}?{SELECTOR}&resourceVersion=0", "endpointslices": f"{SLICES}?{SELECTOR}&resourceVersion=0",
         "nodes": "/api/v1/nodes?resourceVersion=0",
         "servicecidrs": "/apis/networking.k8s.io/v1/servicecidrs?resourceVersion=0"}


def test_lists():
    with case.recorded_server() as server:
        for name, path in PATHS.items():
            for accept, ending in (("application/json", "json"), (PROTOBUF, "pb")):
                for http in ("--http1.1", "--http2"):
                    answer = ask(server, path, accept, http=http)
                    expect((answer.code, answer.headers["content-type"]), (200, accept), path)
                    expect(answer.body, fixture(f"{name}.list.{ending}"), f"{name} as {accept} by {http}")


def test_decoded_protobuf_is_the_recorded_json():
    for name in case.LISTS:
        resource = RESOURCES[name]
        recorded = json.loads(fixture(f"{name}.list.json"))
        api_version, kind, raw = encoding.open_envelope(fixture(f"{name}.list.pb"))
        expect((api_version, kind), (recorded["apiVersion"], recorded["kind"]), f"type of {name}")
        items = [value for number, _, value in proto_codec.split(raw) if number == 2]
        expect(len(items), len(recorded["items"]), f"number of {name}")
        for item, wanted in zip(items, recorded["items"]):
            expect(_filled(proto_codec.decode(resource.kind, item)), _filled(wanted), f"{name} {wanted['metadata']['name']}")


def _filled(value):
    """Without what the two encodings leave out differently: empty values."""
    if isinstance(value, dict):
        kept = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", 0, {}, []) or item is False}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def test_watch_events():
    """Every recorded event, made from its JSON, has the recorded bytes; all but its type is a function of the object."""
    for name in ("services", "endpointslices", "nodes"):
        recorded = [json.loads(line) for line in fixture(f"{name}.watch.json").splitlines()]
        made = b"".join(_event(event, PROTOBUF) for event in recorded)
        expect(made, fixture(f"{name}.watch.pb"), f"watch of {name} in protobuf")
        made = b"".join(_event(event, encoding.JSON) for event in recorded)
        expect(made, fixture(f"{name}.watch.json"), f"watch of {name} in JSON")


def _event(event, content_type):
    return encoding.Encoded(find(event["object"]["kind"]), event["object"]).event(event["type"], content_type)


def test_streaming_list():
    with case.recorded_server() as server:
        for name, path in (("services", SERVICES), ("endpointslices", SLICES)):
            # What was recorded later than the list came to be by then: load what the streaming list itself shows.
            recorded = [json.loads(line) for line in fixture(f"{name}.watchlist.json").splitlines()]
            for key in server.command("list", resource=name)["objects"]:
                server.command("delete", resource=name, name=key["metadata"]["name"], namespace=key["metadata"]["namespace"])
            content = _list_of(name, recorded)
            server.command("load", file=content)
            query = f"?{SELECTOR}&watch=1&sendInitialEvents=true&allowWatchBookmarks=true" \
                    "&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
            answer = ask(server, path + query)
            lines = answer.body.splitlines()
            expect(lines[:-1], fixture(f"{name}.watchlist.json").splitlines()[:-1], f"initial events of {name}")
            recorded[-1]["object"]["metadata"]["resourceVersion"] = answer.lines()[-1]["object"]["metadata"]["resourceVersion"]
            expect(answer.lines()[-1], recorded[-1], "the bookmark at the end")


def _list_of(name, events):
    items = [event["object"] for event in events if event["type"] == "ADDED"]
    resource = RESOURCES[name]
    path = case.scratch(f"{name}.json")
    path.write_text(json.dumps({"kind": resource.kind + "List", "apiVersion": resource.api_version,
                                "metadata": {"resourceVersion": "1212"}, "items": items}), encoding="utf-8")
    return str(path)


def test_statuses():
    with case.recorded_server() as server:
        expect(ask(server, SERVICES, auth="wrong").body, fixture("error.401.json"), "a wrong token")
        expect(ask(server, "/apis/discovery.k8s.io/v9/endpointslices").body, fixture("error.404.json"), "no such path")
        expect(ask(server, "/api/v1/namespaces/shop/services/web", auth="certificate").body, fixture("service.web.json"),
               "get of a service as kube-proxy")
        version = ask(server, f"{SLICES}?resourceVersion=99999999&resourceVersionMatch=Exact")
        expect(version.json(), _with(fixture("list.future-version.json"), "1215", "1067"), "a version to come")
        old = ask(server, f"{SLICES}?watch=1&resourceVersion=1&timeoutSeconds=3")
        expect((old.code, old.json()), (200, _with(fixture("watch.too-old.json"), "1231", "1067")), "a version too old")


def _with(recorded, version, ours):
    return json.loads(recorded.decode().replace(version, ours))


def test_forbidden():
    with case.recorded_server() as server:
        server.command("deny", resource="services", verbs=["list"])
        answer = ask(server, SERVICES)
        wanted = json.loads(fixture("error.403.json"))
        wanted["message"] = wanted["message"].replace("nobody", "system:serviceaccount:kube-system:kube-proxy")
        expect((answer.code, answer.json()), (403, wanted), "a denied list")
        server.command("deny", resource="services", verbs=[])
        expect(ask(server, SERVICES).code, 200, "allowed again")


case.run(globals())
