// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/service_health.h"
#include "server_client.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ObjectName kWeb{"ns", "svc"};

ServiceFacts facts_of(uint16_t port, size_t ready) {
  ServiceFacts facts{.health_check_port = port};
  facts.families[0] = {.has_cluster_ip = true, .local_ready = ready};
  return facts;
}

struct Ports : testing::Test {
  std::unique_ptr<HttpServer> http = std::move(*HttpServer::open({}));
  bool healthy = true;
  std::vector<std::string> failures;
  ServiceHealth health{*http, parts(std::nullopt)};
  uint16_t port = free_port();
  RunServer run = [this] {
    wait_readable(http->fd());
    http->step(Clock::now());
  };

  ServiceHealthParts parts(std::optional<std::vector<IpAddress>> addresses) {
    return {.addresses = std::move(addresses),
            .proxy_healthy = [this] { return healthy; },
            .failed = [this](const ObjectName& service, uint16_t where,
                             const std::string&) { failures.push_back(service.text() + ":" + std::to_string(where)); }};
  }
  std::string ask(uint16_t where, const char* to = "127.0.0.1") {
    return without_date(TestClient(where, to).ask(run, "GET /any HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"));
  }
  std::string status(uint16_t where) { return status_line(ask(where)); }
};

// Proves: O-22, O-23
TEST_F(Ports, AnswersWithExactlyTheseBytes) {
  health.apply({{kWeb, facts_of(port, 1)}});
  EXPECT_EQ(ask(port),
            "HTTP/1.1 200 OK\r\n"
            "Connection: close\r\n"
            "Content-Type: application/json\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "X-Load-Balancing-Endpoint-Weight: 1\r\n"
            "Content-Length: 109\r\n"
            "\r\n"
            "{\n"
            "\t\"service\": {\n"
            "\t\t\"namespace\": \"ns\",\n"
            "\t\t\"name\": \"svc\"\n"
            "\t},\n"
            "\t\"localEndpoints\": 1,\n"
            "\t\"serviceProxyHealthy\": true\n"
            "}");
}

// Proves: O-21
TEST_F(Ports, AnyMethodIsAnswered) {  // O-21
  health.apply({{kWeb, facts_of(port, 1)}});
  const std::string answer = TestClient(port).ask(run, "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
}

// Proves: X-190
TEST_F(Ports, NothingSyncedMeansNoSockets) {
  health.apply({});
  health.apply({{kWeb, ServiceFacts{}}});
  EXPECT_EQ(health.listening(), 0);
}

// Proves: O-21, X-191, X-192
TEST_F(Ports, TheStatusFollowsTheCount) {
  for (const size_t ready : {0u, 18u, 0u, 11u}) {
    health.apply({{kWeb, facts_of(port, ready)}});
    const std::string answer = ask(port);
    EXPECT_EQ(status_line(answer), ready > 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 503 Service Unavailable");
    EXPECT_THAT(answer, HasSubstr("Endpoint-Weight: " + std::to_string(ready) + "\r\n"));
    EXPECT_THAT(answer, HasSubstr("\"localEndpoints\": " + std::to_string(ready) + ","));
  }
}

// Proves: O-24, X-193
TEST_F(Ports, OnlyWhatChangedOpensAndCloses) {
  const uint16_t moved = free_port(), gone = free_port(), fresh = free_port();
  health.apply(
      {{{"ns", "keep"}, facts_of(port, 3)}, {{"ns", "move"}, facts_of(moved, 4)}, {{"ns", "go"}, facts_of(gone, 5)}});
  const uint16_t target = free_port();
  health.apply(
      {{{"ns", "move"}, facts_of(target, 0)}, {{"ns", "go"}, ServiceFacts{}}, {{"ns", "new"}, facts_of(fresh, 0)}});
  EXPECT_THAT(ask(port), HasSubstr("Endpoint-Weight: 3\r\n"));
  EXPECT_EQ(status(target), "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(status(fresh), "HTTP/1.1 503 Service Unavailable");
  EXPECT_FALSE(can_connect(moved));
  EXPECT_FALSE(can_connect(gone));
}

TEST_F(Ports, APortMovesFromOneServiceToAnother) {
  health.apply({{{"ns", "b"}, facts_of(port, 1)}});
  health.apply({{{"ns", "a"}, facts_of(port, 2)}, {{"ns", "b"}, ServiceFacts{}}});
  EXPECT_THAT(ask(port), HasSubstr("\"name\": \"a\""));
  EXPECT_THAT(failures, IsEmpty());
}

// Proves: X-195
TEST_F(Ports, AnUnhealthyProxyAnswers503WithTheRealCount) {
  health.apply({{kWeb, facts_of(port, 2)}});
  healthy = false;
  const std::string answer = ask(port);
  EXPECT_EQ(status_line(answer), "HTTP/1.1 503 Service Unavailable");
  EXPECT_THAT(answer, HasSubstr("\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": false"));
  healthy = true;
  EXPECT_EQ(status(port), "HTTP/1.1 200 OK");
}

// Proves: O-20
TEST_F(Ports, FamiliesListenAndCountApart) {  // O-20
  ServiceFacts both = facts_of(port, 1);
  both.families[1] = {.has_cluster_ip = true, .local_ready = 7};
  health.apply({{kWeb, both}});
  EXPECT_THAT(ask(port), HasSubstr("Endpoint-Weight: 1\r\n"));
  EXPECT_THAT(ask(port, "::1"), HasSubstr("Endpoint-Weight: 7\r\n"));
}

// Proves: X-197
TEST_F(Ports, GivenAddressesAreListenedOnAndNoOthers) {
  ServiceHealth narrow(*http, parts({{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("127.0.0.2")}}));
  narrow.apply({{kWeb, facts_of(port, 1)}});
  EXPECT_EQ(status(port), "HTTP/1.1 200 OK");
  EXPECT_TRUE(can_connect(port, "127.0.0.2"));
  EXPECT_FALSE(can_connect(port, "127.0.0.3"));
}

// Proves: O-20
TEST_F(Ports, FollowTheAddressesOfTheNode) {
  ServiceHealth narrow(*http, parts(std::vector<IpAddress>{}));
  narrow.apply({{kWeb, facts_of(port, 1)}});
  EXPECT_FALSE(can_connect(port)) << "there is no address to listen on";
  EXPECT_FALSE(narrow.wants_retry()) << "which is no failure";
  narrow.listen_on({*IpAddress::parse("127.0.0.2")});
  EXPECT_EQ(status_line(ask(port, "127.0.0.2")), "HTTP/1.1 200 OK");
  narrow.listen_on({*IpAddress::parse("127.0.0.3")});
  EXPECT_FALSE(can_connect(port, "127.0.0.2"));
  EXPECT_TRUE(can_connect(port, "127.0.0.3"));
  narrow.listen_on({IpAddress{}});
  EXPECT_EQ(status(port), "HTTP/1.1 200 OK");
}

// Proves: O-25
TEST_F(Ports, APortInUseIsReportedOnceAndTakenWhenItIsFree) {
  auto other = listen_on({.address = *IpAddress::parse("127.0.0.2"), .port = port});
  ASSERT_TRUE(other) << other.error().message;
  ServiceHealth narrow(*http, parts({{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("127.0.0.2")}}));
  narrow.apply({{kWeb, facts_of(port, 1)}});
  narrow.retry();
  EXPECT_THAT(failures, ElementsAre("ns/svc:" + std::to_string(port)));
  EXPECT_FALSE(can_connect(port));  // all addresses or none
  EXPECT_TRUE(narrow.wants_retry());
  EXPECT_THAT(narrow.standing_problems(), ElementsAre(HasSubstr("service ns/svc: its health check port")));
  other->reset();
  narrow.retry();
  EXPECT_EQ(status(port), "HTTP/1.1 200 OK");
  EXPECT_THAT(narrow.standing_problems(), IsEmpty());
}

}  // namespace
}  // namespace waggle
