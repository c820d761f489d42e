# SPDX-License-Identifier: Apache-2.0
"""What clients write: Events. And what benchmarks need: many objects, many changes."""

import base64
import json

import case
from case import PROTOBUF, SERVICES, SLICES, ApiServer, ask, expect
import encoding
import proto_codec

EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
EVENT = {"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {"generateName": "n1."},
         "eventTime": "2026-01-02T03:04:05.000006Z", "reportingController": "kube-proxy", "reportingInstance": "kube-proxy-n1",
         "action": "StartKubeProxy", "reason": "Starting", "regarding": {"kind": "Node", "name": "n1"}, "type": "Normal"}


def post(server, body, content_type, path=EVENTS, method="POST"):
    file = case.scratch("body")
    file.write_bytes(body)
    return ask(server, path, options=("-X", method, "--data-binary", f"@{file}", "-H", f"Content-Type: {content_type}"))


def test_events():
    with ApiServer() as server:
        answer = post(server, json.dumps(EVENT).encode(), "application/json")
        expect(answer.code, 201, answer.body)
        name = answer.json()["metadata"]["name"]
        body = encoding.envelope("events.k8s.io/v1", "Event", proto_codec.encode("Event", EVENT))
        expect(post(server, body, PROTOBUF).code, 201, "an Event in protobuf")
        patch = b'{"series": {"count": 2, "lastObservedTime": "2026-01-02T03:05:05.000000Z"}}'
        answer = post(server, patch, "application/merge-patch+json", f"{EVENTS}/{name}", "PATCH")
        expect((answer.code, answer.json()["series"]["count"]), (200, 2), "a patch")
        server.command("wait", events=2)
        for event in server.command("events")["objects"]:
            expect({key: event[key] for key in ("reason", "eventTime", "regarding")},
                   {key: EVENT[key] for key in ("reason", "eventTime", "regarding")}, "a recorded Event")
        expect(post(server, b"{", "application/json").code, 400, "half an Event")
        expect(post(server, b"{}", "application/json", SERVICES).code, 403, "a write that the proxy may not do")


def test_scale():
    with ApiServer() as server:
        server.command("generate", services=2000, endpoints=10)
        for accept in ("application/json", PROTOBUF):
            for http in ("--http1.1", "--http2"):
                answer = ask(server, SLICES, accept, http=http)
                expect(answer.error, 0, answer.words)
        items = [value for number, _, value in proto_codec.split(encoding.open_envelope(answer.body)[2]) if number == 2]
        expect((len(items), len(proto_codec.decode("EndpointSlice", items[7])["endpoints"])), (2000, 10), "objects")
        version = server.command("stats")["version"]
        answer = case.watch(server, f"{SLICES}?watch=1&resourceVersion={version}",
                            lambda: server.command("churn", count=3000, rate=0))
        expect(len(answer.lines()), 3000, "changes")
        times = server.command("churn", count=20, rate=1000, services=3, times=True)["times"]
        expect((len(times), times[-1] - times[0] >= 19_000_000), (20, True), "the rate")
        expect([event["object"]["endpoints"][0]["conditions"]["ready"] for event in (answer.lines()[0], answer.lines()[2000])],
               [False, True], "the readiness")


def test_history_is_bounded():
    with ApiServer() as server:
        server.command("generate", services=10, endpoints=1)
        version = server.command("stats")["version"]
        server.command("churn", count=25000)
        answer = ask(server, f"{SLICES}?watch=1&resourceVersion={version}")
        expect(answer.lines()[0]["object"]["code"], 410, "a watch from before 25,000 changes")


def test_malformed_objects():
    with ApiServer() as server:
        server.command("put", object=case.service("bad"), json_text='{"metadata":{"name":7}}',
                       protobuf=base64.b64encode(b"\x0a\xff").decode())
        expect(ask(server, SERVICES).json()["items"], [{"metadata": {"name": 7}}], "in JSON")
        answer = ask(server, SERVICES, PROTOBUF)
        expect(encoding.open_envelope(answer.body)[2].endswith(b"\x12\x02\x0a\xff"), True, "in protobuf")


case.run(globals())
