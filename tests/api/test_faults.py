# SPDX-License-Identifier: Apache-2.0
"""Every fault, as curl meets it."""

import case
from case import SERVICES, ApiServer, ask, begin, expect, finish, service, watch

# curl's exit statuses: 18 half an answer, 28 its own deadline, 92 an HTTP/2 stream's end; a reset is noticed when it
# receives (56) or when it sends (55)
TIMEOUT = 28
RESET = (55, 56)


def hit(server, kind, resource="services", http="--http2", timeout=10, path=SERVICES, **values):
    server.command("fault", kind=kind, resource=resource, **values)
    return ask(server, path, http=http, timeout=timeout)


def both(function):
    for http in ("--http2", "--http1.1"):
        with case.recorded_server() as server:
            function(server, http, ask(server, SERVICES).body)


def test_answers_instead():
    def check(server, http, whole):
        answer = hit(server, "status", http=http, code=429, retry_after=3)
        expect((answer.code, answer.headers["retry-after"], answer.json()["reason"]), (429, "3", "TooManyRequests"), "429")
        answer = hit(server, "status", http=http, code=503)
        expect((answer.code, "retry-after" in answer.headers), (503, False), "503")
        answer = hit(server, "status", http=http, code=500, plain=True)
        expect((answer.code, answer.headers["content-type"][:10]), (500, "text/plain"), "500 in plain words")
        answer = hit(server, "redirect", http=http, location="https://elsewhere.example/")
        expect((answer.code, answer.headers["location"]), (307, "https://elsewhere.example/"), "a redirect")
        answer = hit(server, "content_type", http=http, value="text/html")
        expect((answer.headers["content-type"], answer.body), ("text/html", whole), "a wrong content type")
        expect(ask(server, SERVICES, http=http).body, whole, "the request after the faults")
    both(check)


def test_broken_answers():
    def check(server, http, whole):
        half = len(whole) // 2
        expect(hit(server, "reset", http=http).error in RESET, True, "reset")
        answer = hit(server, "hang_up", http=http)
        expect((answer.error in (*RESET, 52), answer.code), (True, 0), "a reset before any answer")
        expect(hit(server, "stream_reset", http=http).error, 92 if http == "--http2" else 18, "stream reset")
        answer = hit(server, "half", http=http)
        expect((answer.error, answer.body), (18, whole[:half]), "half")
        answer = hit(server, "truncate", http=http, after_bytes=100)
        expect((answer.error, answer.body), (0, whole[:100]), "truncated")
        answer = hit(server, "garbage", http=http, after_bytes=10)
        expect((answer.error, answer.body[:10], len(answer.body)), (0, whole[:10], len(whole)), "garbage")
        expect(answer.body[10:] == whole[10:], False, "garbage is something else")
        expect(ask(server, SERVICES, http=http).body, whole, "the request after the faults")
    both(check)


def test_slow_answers():
    def check(server, http, whole):
        expect(hit(server, "delay", http=http, timeout=0.5, seconds=30).error, TIMEOUT, "delay")
        expect(hit(server, "delay", http=http, seconds=0.01).body, whole, "a short delay")
        expect(hit(server, "drip", http=http, bytes=5000, seconds=0.001).body, whole, "drip")
        answer = hit(server, "drip", http=http, timeout=0.5, bytes=10, seconds=0.02)
        expect((answer.error, whole.startswith(answer.body), len(answer.body) < len(whole)), (TIMEOUT, True, True), "a slow drip")
        expect(hit(server, "never", http=http, timeout=0.5).error, TIMEOUT, "never")
        for kind in ("stall", "freeze"):
            answer = hit(server, kind, http=http, timeout=0.5, after_bytes=1000)
            expect((answer.error, answer.body), (TIMEOUT, whole[:1000]), kind)
        expect(ask(server, SERVICES, http=http).body, whole, "the request after the faults")
    both(check)


def test_whom_a_fault_hits():
    with ApiServer() as server:
        server.command("fault", kind="status", code=500, resource="services", verb="list", count=2, skip=1)
        codes = [ask(server, SERVICES).code for _ in range(4)]
        expect(codes, [200, 500, 500, 200], "skip and count")
        server.command("fault", kind="status", code=500, resource="services", verb="watch")
        expect((ask(server, SERVICES).code, ask(server, "/api/v1/nodes").code), (200, 200), "other verbs and resources")
        expect(ask(server, f"{SERVICES}?watch=1").code, 500, "the verb")
        number = server.command("fault", kind="status", code=500, count=-1)["id"]
        expect([ask(server, path, auth=None).code for path in (SERVICES, "/version", SERVICES)], [500] * 3, "everything")
        server.command("clear_faults", id=number)
        expect(ask(server, SERVICES).code, 200, "cleared")
        try:
            server.command("fault", kind="reset", code=5)
        except case.CommandFailed as error:
            expect("fault reset has no code" in str(error), True, "the words about a wrong parameter")
        else:
            raise AssertionError("a wrong parameter was taken")


def events_of(server, **fault):
    server.command("fault", resource="services", verb="watch", **fault)
    first = server.command("stats")["version"]

    def change():
        for name in ("a", "b", "c", "d"):
            server.command("put", object=service(name, cluster_ip=f"10.96.0.{first + ord(name) % 8}"))
    answer = watch(server, f"{SERVICES}?watch=1&resourceVersion={first}", change)
    return [event["object"].get("metadata", {}).get("name", event["type"]) for event in answer.lines()]


def test_events():
    with ApiServer() as server:
        expect(events_of(server, kind="duplicate"), list("aabbccdd"), "duplicated events")
        expect(events_of(server, kind="reorder", window=2), list("badc"), "reordered events")
        expect(sorted(events_of(server, kind="reorder", window=4, seed=7)), list("abcd"), "shuffled events")


def test_reordering_does_not_depend_on_how_many_events_come_at_once():
    with ApiServer() as server:
        server.command("fault", kind="reorder", window=2, resource="services", verb="watch")
        first = server.command("stats")["version"]
        for name in ("a", "b", "c"):
            server.command("put", object=service(name))
        answer = watch(server, f"{SERVICES}?watch=1&resourceVersion={first}",
                       lambda: server.command("put", object=service("d")))
        names = [event["object"]["metadata"]["name"] for event in answer.lines()]
        expect(names, list("badc"), "three events at once, then one")


def test_event_error():
    with ApiServer() as server:
        server.command("fault", kind="event_error", resource="services", after_events=1, code=410)
        process = begin(server, f"{SERVICES}?watch=1")
        server.command("wait", watches=1)
        for name in ("a", "b"):
            server.command("put", object=service(name))
        answer = finish(process)
        expect([event["type"] for event in answer.lines()], ["ADDED", "ERROR"], "events")
        expect(answer.lines()[1]["object"]["code"], 410, "the error's code")


def test_a_watch_can_break_in_the_middle_of_an_event():
    with ApiServer() as server:
        server.command("fault", kind="reset", resource="services", after_bytes=100)
        process = begin(server, f"{SERVICES}?watch=1")
        server.command("wait", watches=1)
        server.command("put", object=service("a"))
        answer = finish(process)
        expect((answer.error in RESET, len(answer.body)), (True, 100), "the reset")


case.run(globals())
