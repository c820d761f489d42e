// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/events.h"
#include "server/programming_latency.h"

namespace waggle {
namespace {

const SystemTime kNow = *parse_rfc3339("2026-01-02T03:04:05.25Z");

TEST(Events, StartingOnTheNode) {
  EXPECT_EQ(starting_event("n1", kNow).body,
            R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"n1.1886caf22b7ce480",)"
            R"("namespace":"default"},"eventTime":"2026-01-02T03:04:05.250000Z","reportingController":"kube-proxy",)"
            R"("reportingInstance":"kube-proxy-n1","action":"StartKubeProxy","reason":"Starting","regarding":)"
            R"({"kind":"Node","name":"n1","uid":"n1","apiVersion":"v1"},"note":"","type":"Normal"})");
}

TEST(Events, AHealthCheckPortThatCannotBeServed) {
  EXPECT_EQ(service_healthcheck_event("n1", {"ns", "svc"}, 32000, "in use", kNow).body,
            R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"svc.1886caf22b7ce480",)"
            R"("namespace":"ns"},"eventTime":"2026-01-02T03:04:05.250000Z","reportingController":"kube-proxy",)"
            R"("reportingInstance":"kube-proxy-n1","action":"Listen","reason":"FailedToStartServiceHealthcheck",)"
            R"("regarding":{"kind":"Service","namespace":"ns","name":"svc","apiVersion":"v1"},)"
            R"("note":"node n1 failed to start healthcheck \"ns/svc\" on port 32000: in use","type":"Warning"})");
}

TEST(Events, HardBindFailuresNameTheirReasons) {
  EXPECT_NE(health_server_event("n1", "x", kNow).body.find(R"("reason":"FailedToStartProxierHealthcheck")"),
            std::string::npos);
  EXPECT_NE(metrics_server_event("n1", "x", kNow).body.find(R"("reason":"FailedToStartMetricServer")"),
            std::string::npos);
}

TEST(Events, LongTextsKeepToTheLimitsOfTheApi) {
  std::string why;
  for (int count = 0; count < 1000; ++count) why += "\xc3\xa4";  // two bytes each
  const std::string event =
      service_healthcheck_event(std::string(253, 'n'), {"ns", std::string(63, 's')}, 1, why, kNow).body;
  const size_t note = event.find("\"note\":\"") + 8;
  const size_t note_length = event.find("\",\"type\"") - note - 2;  // two escaped quotes
  EXPECT_LE(note_length, 1024);
  EXPECT_GE(note_length, 1023);
  EXPECT_EQ(event.find("\xef\xbf\xbd"), std::string::npos) << "a character was cut in two";
  const size_t instance = event.find("\"reportingInstance\":\"") + 21;
  EXPECT_EQ(event.find('"', instance) - instance, 128);
}

struct Latency : testing::Test {
  ProgrammingLatency latency{*parse_rfc3339("2026-01-02T03:00:00Z")};
  const ObjectName web{"ns", "web"};
};

// Proves: I-53, X-068
TEST_F(Latency, EveryChangeIsObservedOnce) {
  latency.changed(web, Family::kIpv4, "2026-01-02T03:04:03.25Z");
  latency.changed(web, Family::kIpv6, "2026-01-02T03:04:05Z");
  const auto observed = latency.programmed(kNow);
  ASSERT_EQ(observed.size(), 2);
  EXPECT_EQ(observed[0].family, Family::kIpv4);
  EXPECT_EQ(observed[0].seconds, 2);
  EXPECT_EQ(observed[1].seconds, 0.25);
  EXPECT_TRUE(latency.programmed(kNow).empty());
}

// Proves: I-53, X-069
TEST_F(Latency, AbsentMalformedAndOldTimesAreLeftOut) {
  for (const std::string_view time : {"", "soon", "2026-01-02T02:59:59Z", "2026-01-02T03:00:00Z"})
    latency.changed(web, Family::kIpv4, time);
  EXPECT_TRUE(latency.programmed(kNow).empty());
}

TEST_F(Latency, ADeletedSliceTakesItsServicesTimesAlong) {
  latency.changed(web, Family::kIpv4, "2026-01-02T03:04:03Z");
  latency.changed({"ns", "other"}, Family::kIpv4, "2026-01-02T03:04:04Z");
  latency.forget(web);
  latency.forget({"ns", "unknown"});
  EXPECT_EQ(latency.programmed(kNow).size(), 1);
  latency.forget(web);
  EXPECT_TRUE(latency.programmed(kNow).empty()) << "a deletion alone is no sample";
}

TEST_F(Latency, MemoryIsBoundedWhileNothingIsProgrammed) {
  for (int count = 0; count < 100'010; ++count) latency.changed(web, Family::kIpv4, "2026-01-02T03:04:03Z");
  EXPECT_EQ(latency.programmed(kNow).size(), 100'000);
  latency.changed(web, Family::kIpv4, "2026-01-02T03:04:03Z");
  EXPECT_EQ(latency.programmed(kNow).size(), 1);
}

}  // namespace
}  // namespace waggle
