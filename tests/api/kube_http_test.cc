// SPDX-License-Identifier: Apache-2.0
// Requests of KubeHttp to the test API server when nothing goes wrong: heads, bodies, many at once, cancelled ones.
#include <vector>

#include "kube_rig.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kService =
    R"({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}})";

TEST(KubeHttp, GetsAList) {
  KubeRig rig;
  ASSERT_TRUE(rig.server->put(kService));
  rig.open();
  const Answer answer = rig.ask();
  EXPECT_TRUE(answer.complete()) << answer.problem();
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.content_type, "application/json");
  EXPECT_EQ(answer.head.retry_after, std::nullopt);
  EXPECT_EQ(answer.heads, 1);
  EXPECT_THAT(answer.body, HasSubstr(R"("kind":"ServiceList")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("name":"web")"));
}

TEST(KubeHttp, SpeaksHttp2AndNamesItself) {
  KubeRig rig;
  rig.open();
  ASSERT_TRUE(rig.ask().complete());
  const std::string stats = rig.tell("stats");
  EXPECT_EQ(text_at(stats, "/requests/0/protocol").value_or(""), "h2");
  EXPECT_EQ(text_at(stats, "/requests/0/headers/user-agent").value_or(""), "waggle");
  EXPECT_EQ(text_at(stats, "/requests/0/headers/accept").value_or(""), "application/json");
}

TEST(KubeHttp, SpeaksHttp11WhereTheServerDoes) {
  KubeRig rig;
  rig.command(R"({"command": "set", "protocols": ["http/1.1"]})");
  rig.open();
  EXPECT_TRUE(rig.ask().complete());
  EXPECT_EQ(text_at(rig.tell("stats"), "/requests/0/protocol").value_or(""), "http/1.1");
}

TEST(KubeHttp, ErrorsOfTheServerAreAnswers) {
  KubeRig rig;
  rig.open();
  rig.fault("status", R"(, "code": 429, "retry_after": 7)");
  const Answer busy = rig.ask();
  EXPECT_TRUE(busy.complete());
  EXPECT_EQ(busy.head.status, 429);
  EXPECT_EQ(busy.head.retry_after, 7s);
  EXPECT_THAT(busy.body, HasSubstr("TooManyRequests"));
  rig.fault("content_type", R"(, "value": "Text/HTML; charset=utf-8")");
  EXPECT_EQ(rig.ask().head.content_type, "text/html");
}

TEST(KubeHttp, RedirectsAreNotFollowed) {
  KubeRig rig;
  rig.open();
  rig.fault("redirect", fmt::format(R"(, "location": "{}/version")", rig.server->places().url));
  const Answer answer = rig.ask();
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.head.status, 307);
  EXPECT_EQ(rig.number(rig.tell("stats"), "/count"), 1);
}

TEST(KubeHttp, PostsAnEvent) {
  KubeRig rig;
  rig.open();
  ApiRequest request = get_request("/apis/events.k8s.io/v1/namespaces/default/events");
  request.method = "POST";
  request.content_type = "application/json";
  request.body = R"({"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"e1","namespace":"default"},)"
                 R"("reason":"Test"})";
  const Answer answer = rig.ask(request);
  EXPECT_EQ(answer.head.status, 201) << answer.problem() << answer.body;
  EXPECT_EQ(text_at(rig.tell("events"), "/objects/0/reason").value_or(""), "Test");
}

TEST(KubeHttp, LargeListsComeCompressedAndWhole) {
  KubeRig rig;
  rig.command(R"({"command": "generate", "services": 3000, "endpoints": 1})");
  rig.open();
  const Answer answer = rig.ask();
  EXPECT_TRUE(answer.complete()) << answer.problem();
  EXPECT_EQ(text_at(rig.tell("stats"), "/requests/0/headers/accept-encoding").value_or(""), "gzip");
  EXPECT_GT(answer.body.size(), 128U << 10);
  EXPECT_THAT(answer.body, StartsWith("{"));
  EXPECT_TRUE(answer.body.find_last_of('}') >= answer.body.size() - 2);
  EXPECT_EQ(rig.http->counts().body_bytes, answer.body.size());
}

TEST(KubeHttp, AWatchBringsEventsAsTheyComeAndTheServersEnd) {
  KubeRig rig;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  ASSERT_TRUE(rig.server->put(kService));
  rig.drive_until([&] { return watch.body.find("ADDED") != std::string::npos; }, "an event");
  EXPECT_FALSE(watch.end);
  rig.tell("end_watches");
  rig.drive_to_end(watch);
  EXPECT_TRUE(watch.complete()) << watch.problem();
}

TEST(KubeHttp, ManyRequestsShareOneConnection) {
  KubeRig rig;
  rig.command(R"({"command": "generate", "services": 500, "endpoints": 2})");
  rig.open();
  std::vector<Answer> watches(4);
  for (Answer& watch : watches) rig.http->start(watch_request("/api/v1/services?watch=1&resourceVersion=0"), watch);
  std::vector<Answer> answers(40);
  for (size_t i = 0; i < answers.size(); ++i)
    rig.http->start(get_request(i % 2 == 0 ? KubeRig::kServices : "/apis/discovery.k8s.io/v1/endpointslices"),
                    answers[i]);
  for (const Answer& answer : answers) {
    rig.drive_to_end(answer);
    EXPECT_TRUE(answer.complete()) << answer.problem();
    EXPECT_GT(answer.body.size(), 100'000U);
  }
  rig.drive_until([&] { return watches[3].body.size() > 100'000; }, "the watch's events");
  EXPECT_EQ(rig.number(rig.tell("stats"), "/connections"), 1);
  EXPECT_EQ(rig.http->counts().connections, 1U);
}

TEST(KubeHttp, AHandlerMayStartRequestsFromEachCall) {
  KubeRig rig;
  rig.open();
  Answer first;
  Answer second;
  Answer third;
  Answer fourth;
  first.after_head = [&] { rig.http->start(get_request("/version"), second); };
  first.after_body = [&] {
    if (third.calls == 0) rig.http->start(get_request("/version"), third);
    first.after_body = nullptr;
  };
  first.after_end = [&] { rig.http->start(get_request("/version"), fourth); };
  rig.http->start(get_request(KubeRig::kServices), first);
  EXPECT_EQ(first.calls, 0);
  for (const Answer* answer : {&first, &second, &third, &fourth}) {
    rig.drive_to_end(*answer);
    EXPECT_TRUE(answer->complete()) << answer->problem();
  }
}

TEST(KubeHttp, ACancelledRequestIsHeardOfNoMore) {
  KubeRig rig;
  rig.open();
  Answer waiting;
  rig.http->cancel(rig.http->start(get_request(KubeRig::kServices), waiting));
  Answer watch;
  const auto id = rig.start_watch(watch);
  const int calls = watch.calls;
  rig.http->cancel(id);
  ASSERT_TRUE(rig.server->put(kService));
  EXPECT_TRUE(rig.ask().complete());
  EXPECT_EQ(waiting.calls, 0);
  EXPECT_EQ(watch.calls, calls);
  rig.command(R"({"command": "wait", "watches": 0})");
  rig.http->cancel(id);  // of what is gone: nothing
  EXPECT_EQ(rig.number(rig.tell("stats"), "/connections"), 1);
}

TEST(KubeHttp, ARequestMayCancelItselfInTheMiddleOfItsBody) {
  KubeRig rig;
  rig.command(R"({"command": "generate", "services": 3000, "endpoints": 1})");
  rig.open();
  Answer answer;
  HttpTransport::Id id = 0;
  answer.after_body = [&] { rig.http->cancel(id); };
  id = rig.http->start(get_request(KubeRig::kServices), answer);
  rig.drive_until([&] { return answer.calls >= 2; }, "a piece of the body");
  EXPECT_TRUE(rig.ask().complete());
  EXPECT_EQ(answer.calls, 2);
  EXPECT_FALSE(answer.end);
}

TEST(KubeHttp, AnAnswerMayCancelAnotherRequest) {
  KubeRig rig;
  rig.open();
  Answer watch;
  const auto id = rig.start_watch(watch);
  const int calls = watch.calls;
  Answer answer;
  answer.after_body = [&] { rig.http->cancel(id); };
  rig.http->start(get_request(KubeRig::kServices), answer);
  rig.drive_to_end(answer);
  EXPECT_TRUE(rig.ask("/version").complete());
  rig.command(R"({"command": "wait", "watches": 0})");
  EXPECT_EQ(watch.calls, calls);
}

TEST(KubeHttp, GoesAwayWithRequestsOpen) {
  KubeRig rig;
  rig.open();
  Answer watch;
  Answer waiting;
  rig.start_watch(watch);
  rig.http->start(get_request(KubeRig::kServices), waiting);
  rig.http.reset();
  EXPECT_FALSE(watch.end);
  EXPECT_EQ(waiting.calls, 0);
  rig.command(R"({"command": "wait", "connections": 0})");
}

}  // namespace
}  // namespace waggle
