// SPDX-License-Identifier: Apache-2.0
// What KubeHttp does when connections break, hang or lead nowhere: each request ends with words, and the next one
// works.
#include <fstream>
#include <vector>

#include "kube_rig.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

void expect_the_next_works(KubeRig& rig) {
  const Answer answer = rig.ask();
  EXPECT_TRUE(answer.complete()) << answer.problem();
  EXPECT_EQ(answer.head.status, 200);
}

// One request that a fault hits in the middle, on a connection of the protocol.
void expect_broken(const std::string& fault, const std::string& protocol) {
  SCOPED_TRACE(fault + " over " + protocol);
  KubeRig rig;
  rig.command(fmt::format(R"({{"command": "set", "protocols": ["{}"]}})", protocol));
  rig.command(R"({"command": "generate", "services": 20, "endpoints": 1})");
  rig.open();
  rig.fault(fault, R"(, "after_bytes": 1000, "verb": "list")");
  const Answer answer = rig.ask();
  ASSERT_TRUE(answer.end);
  EXPECT_FALSE(answer.complete());
  if (fault != "reset") {
    EXPECT_EQ(answer.head.status, 200);  // an RST can overtake it
  }
  EXPECT_THAT(answer.problem(), HasSubstr("the connection ended before the answer did"));
  EXPECT_LE(answer.body.size(), 1000U);
  expect_the_next_works(rig);
}

TEST(KubeConnection, AnAnswerThatBreaksOffIsNotComplete) {
  for (const char* protocol : {"h2", "http/1.1"})
    for (const char* fault : {"reset", "half", "stream_reset"}) expect_broken(fault, protocol);
}

TEST(KubeConnection, AServerThatHangsUpIsNamed) {
  KubeRig rig;
  rig.open();
  rig.fault("hang_up", R"(, "count": 20)");
  const Answer answer = rig.ask();
  EXPECT_THAT(answer.problem(), StartsWith("API server " + rig.server->places().url + ": "));
  rig.tell("clear_faults");
  expect_the_next_works(rig);
}

TEST(KubeConnection, ADroppedConnectionIsMadeAnew) {
  KubeRig rig;
  rig.open();
  for (const char* how : {"reset", "close"}) {
    Answer watch;
    rig.start_watch(watch);
    rig.command(fmt::format(R"({{"command": "drop", "how": "{}"}})", how));
    rig.drive_to_end(watch);
    EXPECT_FALSE(watch.complete());
    EXPECT_NE(watch.problem(), "");
    expect_the_next_works(rig);
  }
}

TEST(KubeConnection, AConnectionThatEndedUnusedIsNoProblem) {
  KubeRig rig;
  rig.open();
  for (const char* how : {"reset", "close"}) {
    expect_the_next_works(rig);
    rig.command(fmt::format(R"({{"command": "drop", "how": "{}"}})", how));
    rig.command(R"({"command": "wait", "connections": 0})");
  }
  expect_the_next_works(rig);
}

TEST(KubeConnection, NewRequestsLeaveAConnectionThatIsToGoAway) {
  KubeRig rig;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  rig.tell("go_away");
  rig.drive_until([&] { return rig.ask("/version").complete() && rig.http->counts().connections == 2; },
                  "another connection");
  EXPECT_FALSE(watch.end) << watch.problem();
}

TEST(KubeConnection, AStoppedServerIsNamedAndFoundAgain) {
  KubeRig rig;
  rig.open();
  expect_the_next_works(rig);
  rig.tell("stop");
  EXPECT_EQ(rig.ask().problem(),
            fmt::format("API server {}: cannot be connected to: Connection refused; check that it runs "
                        "and that `server` in {} names its address",
                        rig.server->places().url, rig.server->places().kubeconfig));
  rig.tell("start");
  expect_the_next_works(rig);
}

TEST(KubeConnection, ARestartedServerIsFoundAgain) {
  KubeRig rig;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  rig.tell("restart");
  rig.drive_to_end(watch);
  EXPECT_FALSE(watch.complete());
  expect_the_next_works(rig);
}

TEST(KubeConnection, AnotherPortIsReadFromTheKubeconfig) {
  KubeRig rig;
  rig.open();
  expect_the_next_works(rig);
  rig.command(R"({"command": "restart", "other_port": true})");
  Answer answer = rig.ask();  // libcurl finds its connection ended and nobody at the old port
  EXPECT_THAT(answer.problem(), HasSubstr("Connection refused"));
  expect_the_next_works(rig);
}

TEST(KubeConnection, AKubeconfigThatBecameBadIsSaid) {
  KubeRig rig;
  rig.open();
  expect_the_next_works(rig);
  rig.tell("stop");
  ASSERT_FALSE(rig.ask().complete());
  const std::string kubeconfig = rig.server->places().kubeconfig;
  std::ofstream(kubeconfig) << "current-context: nowhere\n";
  EXPECT_THAT(rig.ask().problem(), HasSubstr("; its kubeconfig has changed and cannot be used: " + kubeconfig +
                                             ":1: current-context: \"nowhere\" is not in `contexts`"));
  rig.tell("start");
  expect_the_next_works(rig);
}

TEST(KubeConnection, ADeadlineEndsARequestWithoutAnswer) {
  KubeRig rig;
  rig.open();
  rig.fault("delay", R"(, "seconds": 30)");
  ApiRequest request = get_request(KubeRig::kServices);
  request.deadline = 300ms;
  EXPECT_THAT(rig.ask(request).problem(), HasSubstr(": no answer within 0.3 s"));
  expect_the_next_works(rig);
}

TEST(KubeConnection, IdleTimeEndsAnAnswerThatStallsAndOnlyThat) {
  KubeRig rig;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  rig.fault("stall", R"(, "verb": "list")");
  ApiRequest request = get_request(KubeRig::kServices);
  request.idle = 300ms;
  EXPECT_THAT(rig.ask(request).problem(), HasSubstr(": no byte within 0.3 s"));
  expect_the_next_works(rig);
  EXPECT_FALSE(watch.end) << watch.problem();
  EXPECT_EQ(rig.http->counts().connections, 1U);
}

TEST(KubeConnection, IdleTimeBeginsAgainWithEachByte) {
  KubeRig rig;
  rig.command(R"({"command": "generate", "services": 2, "endpoints": 1})");
  rig.open();
  rig.fault("drip", R"(, "bytes": 40, "seconds": 0.1)");
  ApiRequest request = get_request(KubeRig::kServices);
  request.idle = 2s;
  const Answer answer = rig.ask(request);
  EXPECT_TRUE(answer.complete()) << answer.problem();
}

TEST(KubeConnection, ARequestThatIsNeverAnsweredDoesNotHoldUpTheNext) {
  KubeRig rig;
  rig.open();
  expect_the_next_works(rig);
  rig.fault("never");
  ApiRequest request = get_request(KubeRig::kServices);
  request.deadline = 500ms;
  EXPECT_THAT(rig.ask(request).problem(), HasSubstr(": no answer within 0.5 s"));
  expect_the_next_works(rig);
  EXPECT_EQ(rig.http->counts().dead, 1U);
}

// Watches have no deadline. Their server stops to read and write, and its kernel goes on acknowledging.
TEST(KubeConnection, AHalfOpenConnectionIsNoticedAndLeft) {
  KubeRig rig;
  rig.options.silence = 500ms;
  rig.options.sign_of_life = 1s;
  rig.open();
  std::vector<Answer> watches(3);
  for (Answer& watch : watches) rig.start_watch(watch);
  rig.fault("freeze", R"(, "verb": "list", "after_bytes": 0)");
  Answer frozen;
  rig.http->start(watch_request(KubeRig::kServices), frozen);
  for (Answer& watch : watches) {
    rig.drive_to_end(watch);
    EXPECT_THAT(watch.problem(), HasSubstr("gave no sign of life on a connection that still stands"));
  }
  EXPECT_EQ(rig.http->counts().dead, 1U);
  expect_the_next_works(rig);
}

TEST(KubeConnection, ASilentConnectionThatAnswersIsKept) {
  KubeRig rig;
  rig.options.silence = 100ms;
  rig.options.sign_of_life = 10s;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  rig.drive_until([&] { return rig.http->counts().signs_asked >= 4; }, "requests for a sign of life");
  EXPECT_FALSE(watch.end) << watch.problem();
  EXPECT_EQ(rig.http->counts().connections, 1U);
  EXPECT_EQ(rig.http->counts().dead, 0U);
}

TEST(KubeConnection, AnUnusedConnectionIsNotAskedForASignOfLife) {
  KubeRig rig;
  rig.options.silence = 50ms;
  rig.open();
  expect_the_next_works(rig);
  pollfd readable{.fd = rig.http->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&readable, 1, 300), 0);
  EXPECT_EQ(rig.http->counts().signs_asked, 0U);
}

// Nothing comes and no timer is due, so there is nothing to do.
TEST(KubeConnection, AQuietWatchWakesNobody) {
  KubeRig rig;
  rig.open();
  Answer watch;
  rig.start_watch(watch);
  pollfd readable{.fd = rig.http->fd(), .events = POLLIN, .revents = 0};
  int wakes = 0;
  while (::poll(&readable, 1, 300) > 0) {
    rig.http->drive();
    ASSERT_LT(++wakes, 20);
  }
  EXPECT_FALSE(watch.end);
}

TEST(KubeConnection, AFrozenServerCannotBeConnectedTo) {
  KubeRig rig;
  rig.options.connect_limit = 1s;
  rig.open();
  rig.tell("freeze");
  EXPECT_THAT(rig.ask().problem(), HasSubstr("no connection and TLS handshake in time"));
  rig.tell("thaw");
  expect_the_next_works(rig);
}

}  // namespace
}  // namespace waggle
