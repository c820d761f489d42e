// SPDX-License-Identifier: Apache-2.0
// How a reflector keeps up, and what it does when a server, a connection or an object is not as it should be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/kube_kinds.h"
#include "support/reflector_rig.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Listed at version 10, with services a (5) and b (6).
struct Watching : ReflectorRig {
  Watching() { stream({service_at("a", 5), service_at("b", 6)}, "10"); }

  [[nodiscard]] int port(const std::string& name) const {
    const Service* service = state.service({"shop", name});
    return service == nullptr ? -1 : service->ports.at(0).port;
  }
  void modify(const std::string& name, int version, uint16_t port) {
    frame(watch_frame("MODIFIED", service_at(name, version, port), form));
  }
  void remove(const std::string& name, int version) { frame(watch_frame("DELETED", service_at(name, version), form)); }
};

TEST(ReflectorWatch, DuplicatesAndOldEventsDoNotGoBack) {
  Watching rig;
  rig.modify("a", 12, 82);
  rig.modify("a", 12, 82);
  rig.modify("a", 11, 81);
  EXPECT_EQ(rig.port("a"), 82);
  rig.remove("b", 14);
  rig.modify("b", 13, 83);
  EXPECT_EQ(rig.port("b"), -1);
  rig.frame(watch_frame("ADDED", service_at("b", 15, 85), rig.form));
  EXPECT_EQ(rig.port("b"), 85);
  rig.remove("b", 14);
  EXPECT_EQ(rig.port("b"), 85);
  EXPECT_EQ(rig.http.count(), 1U);
}

TEST(ReflectorWatch, AfterEventsOutOfOrderTheNextStartIsAList) {
  Watching rig;
  rig.modify("a", 12, 82);
  rig.modify("b", 11, 81);
  EXPECT_EQ(rig.port("b"), 81);
  rig.end();
  EXPECT_TRUE(rig.asks_for("sendInitialEvents"));
}

TEST(ReflectorWatch, VersionsFromBeforeTheWatchMeanAnotherHistory) {
  Watching rig;
  rig.modify("a", 9, 99);
  EXPECT_EQ(rig.port("a"), 80);
  EXPECT_TRUE(rig.http.request(1).cancelled);
  rig.pass_pause();
  EXPECT_TRUE(rig.asks_for("sendInitialEvents"));

  Watching other;
  other.frame(bookmark_frame(other.kind, "3", false, other.form));
  EXPECT_TRUE(other.http.request(1).cancelled);
}

TEST(ReflectorWatch, ABookmarkMovesTheVersionOfTheNextWatch) {
  Watching rig;
  rig.frame(bookmark_frame(rig.kind, "77", false, rig.form));
  rig.end();
  EXPECT_TRUE(rig.asks_for("resourceVersion=77&"));
  EXPECT_EQ(rig.problem(), "");
}

TEST(ReflectorWatch, AWatchThatIsTooOldIsFollowedByANewList) {
  Watching as_event;
  as_event.frame(error_frame(410, "Expired", "too old resource version", as_event.form));
  EXPECT_TRUE(as_event.asks_for("sendInitialEvents"));
  EXPECT_EQ(as_event.problem(), "");

  Watching as_status;
  as_status.pass(seconds(6));
  as_status.end();
  as_status.status(410, "Expired", "too old resource version");
  EXPECT_TRUE(as_status.asks_for("sendInitialEvents"));
  EXPECT_EQ(as_status.problem(), "");
}

TEST(ReflectorWatch, AServerThatForgetsAllTheTimeIsNotListedAllTheTime) {
  Watching rig;
  const TimePoint begin = rig.now;
  for (int i = 0; i < 20; ++i) {
    rig.frame(error_frame(410, "Expired", "too old", rig.form));
    rig.pass_pause();
    rig.stream({service_at("a", 5)}, "10");
  }
  EXPECT_THAT(rig.problem(), HasSubstr("forgets the services it just listed (410)"));
  EXPECT_GT(rig.now - begin, seconds(60));
  rig.pass(seconds(6));
  EXPECT_EQ(rig.problem(), "");
}

TEST(ReflectorWatch, AVersionThatTheServerDoesNotKnowYetIsDropped) {
  Watching rig;
  rig.pass(seconds(6));
  rig.end();
  rig.http.answer(rig.last(), 504, content_type_of(rig.form),
                  status_body(504, "Timeout", "Too large resource version", rig.form, true));
  rig.advance();
  EXPECT_TRUE(rig.asks_for("sendInitialEvents"));
}

TEST(ReflectorWatch, ALostConnectionIsTakenUpWhereItWas) {
  Watching rig;
  rig.modify("a", 12, 82);
  rig.end(false);
  EXPECT_EQ(rig.problem(), "");  // one is no trouble
  rig.pass_pause();
  EXPECT_TRUE(rig.asks_for("resourceVersion=12&"));
  rig.end(false);  // nobody there
  EXPECT_EQ(rig.problem(), "the connection was reset");
  rig.pass_pause();
  rig.frame(watch_frame("MODIFIED", service_at("a", 13, 83), rig.form));
  EXPECT_EQ(rig.problem(), "");
  EXPECT_EQ(rig.port("a"), 83);
}

TEST(ReflectorWatch, PausesGrowAndEndWithSuccess) {
  Watching rig;
  rig.pass(seconds(6));
  rig.end(false);
  milliseconds last{0};
  for (int i = 0; i < 12; ++i) {
    const TimePoint before = rig.now;
    rig.pass_pause();
    last = std::chrono::duration_cast<milliseconds>(rig.now - before);
    EXPECT_LE(last, seconds(30));
    rig.end(false);
  }
  EXPECT_GE(last, seconds(15));
  rig.pass_pause();
  rig.frame(bookmark_frame(rig.kind, "11", false, rig.form));
  rig.end(false);
  const TimePoint before = rig.now;
  rig.pass_pause();
  EXPECT_LE(rig.now - before, milliseconds(200));
}

TEST(ReflectorWatch, AWatchThatEndsAtOnceDoesNotSpin) {
  for (const bool complete : {true, false}) {
    Watching rig;
    const TimePoint until = rig.now + std::chrono::minutes(10);
    while (rig.now < until) {
      rig.http.head(rig.last(), 200);
      rig.end(complete);
      rig.pass_pause();
    }
    EXPECT_LT(rig.http.count(), 60U);
    EXPECT_THAT(rig.problem(), complete ? HasSubstr("ends every watch of services at once") : HasSubstr("was reset"));
  }
}

TEST(ReflectorWatch, AQuietWatchThatEndsInTimeIsNoFailure) {
  Watching rig;
  for (int i = 0; i < 50; ++i) {
    rig.http.head(rig.last(), 200);
    rig.pass(seconds(300));
    rig.end(i % 2 == 0);
    rig.pass_pause();
    EXPECT_EQ(rig.problem(), "");
  }
  EXPECT_EQ(rig.http.count(), 51U);
}

TEST(ReflectorWatch, RetryAfterIsKept) {
  Watching rig;
  rig.pass(seconds(6));
  rig.end();
  rig.status(429, "TooManyRequests", "slow down", seconds(20));
  EXPECT_THAT(rig.problem(), HasSubstr("is overloaded or failing (429) and says: slow down"));
  rig.pass(seconds(19));
  EXPECT_EQ(rig.http.count(), 2U);
  rig.pass(seconds(2));
  EXPECT_EQ(rig.http.count(), 3U);
}

TEST(ReflectorWatch, EveryRefusalIsSaidInWordsAndMendedByAWatchThatLives) {
  struct Case {
    int code;
    const char* words;
  };
  for (const auto& [code, words] :
       {Case{401, "does not accept the credentials (401)"}, Case{403, "does not allow to watch services (403)"},
        Case{403, "the ClusterRole system:node-proxier, or the verb watch on services"},
        Case{404, "has no services (404)"}, Case{500, "failing (500)"}, Case{503, "failing (503)"},
        Case{302, "a redirect (302)"}, Case{307, "a redirect (307)"}, Case{409, "refuses to watch services (409)"}}) {
    Watching rig;
    rig.pass(seconds(6));
    rig.end();
    rig.status(code);
    EXPECT_THAT(rig.problem(), HasSubstr(words));
    EXPECT_EQ(rig.port("a"), 80);
    rig.pass_pause();
    EXPECT_EQ(rig.http.count(), 3U);
    rig.http.head(rig.last(), 200);
    EXPECT_NE(rig.problem(), "");
    rig.pass(seconds(6));
    EXPECT_EQ(rig.problem(), "");
  }
}

TEST(ReflectorWatch, AWrongContentTypeAndGarbageAreSaidAndTriedAgain) {
  Watching html;
  html.pass(seconds(6));
  html.end();
  html.http.head(html.last(), 200, "text/html");
  html.http.body(html.last(), "<html>log in</html>");
  html.advance();
  EXPECT_TRUE(html.http.request(2).cancelled);
  EXPECT_THAT(html.problem(), HasSubstr("answers with content of type \"text/html\""));

  Watching garbage;
  garbage.frame("\xff\xff\xff\xff garbage");
  EXPECT_TRUE(garbage.http.request(1).cancelled);
  EXPECT_THAT(garbage.problem(), HasSubstr("what the API server answers to watch services holds what is no event"));
  garbage.pass_pause();
  EXPECT_TRUE(garbage.asks_for("resourceVersion=10&"));
  EXPECT_EQ(garbage.port("a"), 80);
}

TEST(ReflectorWatch, NothingIsTakenBehindAnErrorEvent) {
  Watching rig;
  rig.frame(error_frame(410, "Expired", "too old", rig.form) + watch_frame("DELETED", service_at("a", 20), rig.form));
  EXPECT_EQ(rig.port("a"), 80);
}

TEST(ReflectorWatch, AnObjectThatBecomesMalformedKeepsItsLastGoodVersion) {
  Watching rig;
  Event bad = service_at("a", 12, 80);
  std::get<Service>(bad).ports = {{"other", Protocol::kTcp, 0, 0}};
  rig.frame(watch_frame("MODIFIED", bad, rig.form));
  EXPECT_EQ(rig.port("a"), 80);
  EXPECT_EQ(
      rig.problem(),
      "Service shop/a: spec.ports[0].port: 0 is not a port; use a whole number from 1 to 65535; until it is mended, "
      "the last good version keeps serving");
  rig.modify("b", 13, 83);
  EXPECT_NE(rig.problem(), "");
  rig.modify("a", 14, 84);
  EXPECT_EQ(rig.problem(), "");
  EXPECT_EQ(rig.port("a"), 84);
  std::get<Service>(bad).resource_version = "15";
  rig.frame(watch_frame("MODIFIED", bad, rig.form));
  rig.remove("a", 16);
  EXPECT_EQ(rig.problem(), "");
  EXPECT_EQ(rig.port("a"), -1);
}

TEST(ReflectorWatch, AMalformedObjectInAListIsNotTakenForGone) {
  Watching rig;
  rig.frame(error_frame(410, "Expired", "too old", rig.form));
  Event bad = service_at("a", 12, 0);
  rig.stream({bad}, "20");
  EXPECT_EQ(rig.port("a"), 80);
  EXPECT_EQ(rig.port("b"), -1);
}

TEST(ReflectorWatch, AnObjectWithoutANameKeepsAListFromDeleting) {
  Watching rig;
  rig.frame(error_frame(410, "Expired", "too old", rig.form));
  Event nameless = service_at("UPPER CASE", 12);
  rig.stream({service_at("b", 11), nameless}, "20");
  EXPECT_EQ(rig.port("a"), 80);
  EXPECT_THAT(rig.problem(), HasSubstr("\"UPPER CASE\" in namespace \"shop\" is not the name of an object"));
  rig.end();
  rig.pass_pause();
  EXPECT_TRUE(rig.asks_for("sendInitialEvents"));
  rig.stream({service_at("b", 11)}, "30");
  EXPECT_EQ(rig.port("a"), -1);
  EXPECT_EQ(rig.problem(), "");
}

TEST(ReflectorWatch, ASliceThatIsNoLongerForUsIsTakenAway) {
  ReflectorRig rig(ObjectKind::kEndpointSlice);
  std::mt19937 random(1);
  Event slice = random_object(ObjectKind::kEndpointSlice, {"shop", "web-1"}, random);
  set_version(slice, "5");
  rig.stream({slice}, "10");
  EXPECT_EQ(rig.state.slice_count(), 1U);
  std::get<EndpointSlice>(slice).service_name = "";
  set_version(slice, "11");
  rig.frame(watch_frame("MODIFIED", slice, rig.form));
  EXPECT_EQ(rig.state.slice_count(), 0U);
}

TEST(ReflectorWatch, VersionsThatAreNoNumbersAreTakenAsTheyCome) {
  Watching rig;
  for (const char* version : {"zeta", "alpha"}) {
    Event object = service_at("a", 0, version[0] == 'z' ? 90 : 91);
    set_version(object, version);
    rig.frame(watch_frame("MODIFIED", object, rig.form));
  }
  EXPECT_EQ(rig.port("a"), 91);
  rig.end();
  EXPECT_TRUE(rig.asks_for("resourceVersion=alpha&"));
}

TEST(ReflectorWatch, DeletionsOfMonthsAreNotKept) {
  Watching rig;
  for (int i = 0; i < 5000; ++i) {
    rig.frame(watch_frame("ADDED", service_at("x" + std::to_string(i), 100 + 2 * i), rig.form));
    rig.frame(watch_frame("DELETED", service_at("x" + std::to_string(i), 101 + 2 * i), rig.form));
  }
  EXPECT_EQ(rig.state.services().size(), 2U);
  KnownObjects known(ObjectKind::kService);
  std::vector<Event> out;
  for (int i = 0; i < 5000; ++i) {
    KubeObject gone;
    gone.name = {"shop", "x" + std::to_string(i)};
    gone.version = std::to_string(i);
    known.remove(gone, out);
  }
  EXPECT_EQ(known.size(), 1024U);
}

TEST(ReflectorWatch, TimesOfWatchesDifferAndFollowTheSeed) {
  const auto seconds_of = [](uint32_t seed) {
    const ReflectorRig rig(ObjectKind::kService, seed);
    const size_t at = rig.target().find("timeoutSeconds=");
    return std::stoi(rig.target().substr(at + 15));
  };
  EXPECT_EQ(seconds_of(7), seconds_of(7));
  std::set<int> seen;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    seen.insert(seconds_of(seed));
    EXPECT_GE(seconds_of(seed), 300);
    EXPECT_LE(seconds_of(seed), 600);
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST(ReflectorWatch, AReflectorThatEndsCancelsItsRequest) {
  FakeHttp http;
  KubeRequestCounts counts;
  {
    Reflector reflector(ReflectorRig::config(ObjectKind::kService), http, counts, 1);
    EXPECT_TRUE(reflector.advance(TimePoint{}));
  }
  EXPECT_TRUE(http.request(1).cancelled);
}

TEST(ReflectorWatch, RequestsAreCountedByCode) {
  Watching rig;
  rig.end();
  rig.pass_pause();
  rig.status(503);
  rig.pass_pause();
  rig.end(false);
  EXPECT_EQ(rig.counts.requests.at({"GET", "200"}), 1U);
  EXPECT_EQ(rig.counts.requests.at({"GET", "503"}), 1U);
  EXPECT_EQ(rig.counts.requests.at({"GET", "<error>"}), 1U);
}

}  // namespace
}  // namespace waggle
