// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/servers.h"
#include "server_client.h"
#include "server_objects.h"

namespace waggle {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const IpAddress kLoopback = *IpAddress::parse("127.0.0.1");

struct Posted {
  std::vector<std::string> events;
};

struct ServersTest : testing::Test {
  Posted posted;
  State state;
  int collections = 0;
  Moment now = Moment::now();
  ServersConfig config{.node_name = "n1",
                       .version = "0.1.0",
                       .health = BindAddress{.address = kLoopback},
                       .metrics = BindAddress{.address = kLoopback},
                       .configz = R"({"kubeproxy.config.k8s.io":{}})",
                       .limits = {}};
  std::unique_ptr<Servers> servers;
  RunServer run = [this] {
    wait_readable(servers->fd());
    servers->step(now);
  };

  Result<std::unique_ptr<Servers>> try_open() {
    return Servers::open(config,
                         {.collect =
                              [this] {
                                ++collections;
                                MetricsInput input;
                                input.traffic.emplace_back();
                                input.traffic[0].name_space = "ns";
                                input.traffic[0].name = "web";
                                input.traffic[0].port = "http";
                                return input;
                              },
                          .post = [this](ClusterEvent event) { posted.events.push_back(std::move(event.body)); }},
                         now);
  }
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().message;
    servers = std::move(*opened);
  }
  void take(Event event, bool synced = true) {
    const EventNote note = event_note(event);
    const auto touched = state.apply(std::move(event));
    servers->changed(note, touched, synced, now);
  }
  void sync(bool succeeded = true) {
    servers->sync_ended({.succeeded = succeeded, .full = false, .took = seconds(0)}, state, now);
  }
  std::string health(std::string_view path) { return TestClient(servers->health_port()).ask(run, get_request(path)); }
  std::string metrics(std::string_view path) { return TestClient(servers->metrics_port()).ask(run, get_request(path)); }
  std::string health_status(std::string_view path) { return status_line(health(path)); }
};

// Proves: O-37, X-208
TEST_F(ServersTest, HealthPathsAnswerAndAreCounted) {  // X-205, X-207, X-208
  open();
  EXPECT_EQ(health_status("/healthz"), "HTTP/1.1 503 Service Unavailable");  // no Node seen
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
  EXPECT_EQ(health_status("/readyz"), "HTTP/1.1 503 Service Unavailable");
  take(node_named("n1"));
  take(deleting_node("n2"));
  sync();
  for (const char* path : {"/healthz", "/livez", "/readyz"}) EXPECT_EQ(health_status(path), "HTTP/1.1 200 OK") << path;
  take(Deletion{.kind = ObjectKind::kNode, .name = {"", "n1"}});  // I-66: as it was
  EXPECT_EQ(health_status("/healthz"), "HTTP/1.1 200 OK");
  EXPECT_EQ(health_status("/other"), "HTTP/1.1 404 Not Found");
  const std::string page = metrics("/metrics");
  EXPECT_THAT(page, HasSubstr("kubeproxy_proxy_healthz_total{code=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("kubeproxy_proxy_healthz_total{code=\"503\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("kubeproxy_proxy_livez_total{code=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("kubeproxy_proxy_livez_total{code=\"503\"} 0\n"));
}

// Proves: O-26
TEST_F(ServersTest, WithoutAHealthServerTheServicesOfThisNodeAreHealthy) {
  config.health.reset();
  open();
  const uint16_t port = free_port();
  take(load_balancer("web", port));
  take(slice_of("web", {endpoint("10.1.0.1", "n1")}));
  sync();
  const std::string answer = TestClient(port).ask(run, get_request("/"));
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(answer, HasSubstr("\"serviceProxyHealthy\": true"));
}

// Proves: O-31
TEST_F(ServersTest, HealthHeadersAreTheContracts) {  // O-31
  open();
  const std::string answer = without_date(health("/livez"));
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
                                          "X-Content-Type-Options: nosniff\r\nContent-Length: "));
}

TEST_F(ServersTest, AChangeThatIsNotWrittenTurnsHealthDown) {  // X-201
  open();
  take(load_balancer("web", 0), false);  // the first lists start no clock
  now = now + seconds(61);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
  sync();
  take(slice_of("web", {endpoint("10.1.0.1", "n1")}));
  sync(false);
  now = now + seconds(60);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 503 Service Unavailable");
  sync();
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
}

// Proves: I-09, O-38
TEST_F(ServersTest, AnIdenticalObjectStartsNoClock) {  // I-09
  open();
  take(load_balancer("web", 0));
  sync();
  take(load_balancer("web", 0));
  now = now + seconds(61);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
}

// Proves: O-38, X-248
TEST_F(ServersTest, TheZoneLabelStartsTheClockAtAnyTime) {  // X-248
  open();
  take(node_named("n1"), false);
  now = now + seconds(61);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
  take(node_in_zone("n1", "a"), false);
  now = now + seconds(60);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 503 Service Unavailable");
}

// Proves: O-24, X-196
// Proves: O-54
TEST_F(ServersTest, HealthCheckPortsFollowSuccessfulSyncs) {  // O-24, X-196
  const uint16_t port = free_port();
  open();
  take(node_named("n1", {"ToBeDeletedByClusterAutoscaler"}));
  take(load_balancer("web", port));
  take(slice_of("web", {endpoint("10.1.0.1", "n1"), endpoint("10.1.0.2", "n2")}));
  sync(false);
  EXPECT_FALSE(can_connect(port));
  sync();
  EXPECT_THAT(TestClient(port).ask(run, get_request("/")), HasSubstr("\"localEndpoints\": 1,"));
  take(slice_of("web", {endpoint("10.1.0.2", "n2")}));
  sync();
  EXPECT_EQ(status_line(TestClient(port).ask(run, get_request("/"))), "HTTP/1.1 503 Service Unavailable");
  EXPECT_THAT(metrics("/metrics"),
              HasSubstr("no_local_endpoints_total{ip_family=\"IPv4\",traffic_policy=\"external\"} 1\n"));
  take(Deletion{.kind = ObjectKind::kService, .name = {"ns", "web"}});
  sync();
  EXPECT_FALSE(can_connect(port));
  EXPECT_THAT(metrics("/metrics"),
              HasSubstr("no_local_endpoints_total{ip_family=\"IPv4\",traffic_policy=\"external\"} 0\n"));
}

// Proves: O-26
TEST_F(ServersTest, WithoutAHealthServerTheProxyCountsAsHealthy) {
  const uint16_t port = free_port();
  config.health.reset();
  open();
  take(load_balancer("web", port));
  take(slice_of("web", {endpoint("10.1.0.1", "n1")}));
  sync();
  EXPECT_THAT(TestClient(port).ask(run, get_request("/")), HasSubstr("\"serviceProxyHealthy\": true"));
}

// Proves: O-25
TEST_F(ServersTest, AHealthCheckPortInUseIsAnEvent) {  // O-25
  const auto taken = listen_on({.address = *IpAddress::parse("0.0.0.0")});
  open();
  take(load_balancer("web", bound_port(taken->get())));
  sync();
  sync();
  ASSERT_EQ(posted.events.size(), 2);
  EXPECT_THAT(posted.events[1], HasSubstr(R"("reason":"FailedToStartServiceHealthcheck")"));
  EXPECT_THAT(servers->standing_problems(), ElementsAre(HasSubstr("service ns/web")));
}

// It is no other process that has it.
TEST_F(ServersTest, AHealthCheckPortThatAnotherServiceOrTheAgentHasIsSaidToBeTheirs) {
  const uint16_t port = free_port();
  open();
  take(load_balancer("a", port));
  take(load_balancer("b", port));
  take(load_balancer("c", servers->health_port()));
  sync();
  const auto problems = servers->standing_problems();
  ASSERT_EQ(problems.size(), 2);
  EXPECT_EQ(problems[0], "service ns/b: its health check port " + std::to_string(port) +
                             " (IPv4) is not served: service ns/a has the same one, and only one of them can; give "
                             "one of the two another healthCheckNodePort");
  EXPECT_THAT(problems[1], HasSubstr("is not served: it is the port of Waggle's health server; give the service "));
  take(Deletion{.kind = ObjectKind::kService, .name = {"ns", "a"}});
  sync();
  EXPECT_EQ(servers->standing_problems().size(), 1) << "b has the port now";
}

TEST_F(ServersTest, MetricsPortAnswersItsPages) {
  open();
  EXPECT_EQ(body_of(metrics("/healthz")), "ok");
  EXPECT_EQ(body_of(metrics("/healthz/ping")), "ok");
  EXPECT_EQ(body_of(metrics("/configz")), R"({"kubeproxy.config.k8s.io":{}})");
  EXPECT_EQ(without_date(metrics("/proxyMode")),
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\nContent-Length: 6\r\n\r\nwaggle");
  EXPECT_EQ(status_line(metrics("/debug/pprof/")), "HTTP/1.1 404 Not Found");
  const std::string page = metrics("/metrics");
  EXPECT_THAT(page, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(page, HasSubstr("waggle_service_new_flows_total{namespace=\"ns\",service=\"web\",port=\"http\","));
  EXPECT_THAT(page, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(page, HasSubstr("\nkubernetes_build_info{"));
}

TEST_F(ServersTest, ScrapersThatComeTogetherShareOneCollection) {
  open();
  for (int count = 0; count < 5; ++count) metrics("/metrics");
  EXPECT_EQ(collections, 1);
  now = now + seconds(1);
  metrics("/metrics");
  EXPECT_EQ(collections, 2);
}

// Proves: I-53
TEST_F(ServersTest, LatencyAndPendingChangesShow) {  // I-53
  open();
  EndpointSlice slice = slice_of("web", {endpoint("10.1.0.1", "n1")});
  slice.last_change_trigger_time = rfc3339_nano((now + seconds(1)).wall);
  take(slice);
  now = now + seconds(3);
  EXPECT_THAT(metrics("/metrics"), HasSubstr("endpoint_changes_pending 1\n"));
  sync();
  now = now + seconds(1);
  const std::string page = metrics("/metrics");
  EXPECT_THAT(page, HasSubstr("endpoint_changes_pending 0\n"));
  EXPECT_THAT(page, HasSubstr("network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"1\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"2\"} 1\n"));
}

// Before the first sync a slice comes, goes and comes again; later it goes.
// Proves: X-070
TEST_F(ServersTest, OnlyTheChangeAfterADeletionIsSampledAndADeletionAloneIsNot) {
  open();
  EndpointSlice slice = slice_of("web", {endpoint("10.1.0.1", "n1")});
  const Deletion deletion{.kind = ObjectKind::kEndpointSlice, .name = slice.name};
  slice.last_change_trigger_time = rfc3339_nano((now + seconds(1)).wall);
  take(slice);
  take(deletion);
  slice.last_change_trigger_time = rfc3339_nano((now + seconds(11)).wall);
  take(slice);
  now = now + seconds(13);
  sync();
  const auto expect_one_of_two_seconds = [this] {
    now = now + seconds(1);
    const std::string page = metrics("/metrics");
    EXPECT_THAT(page, HasSubstr("network_programming_duration_seconds_count{ip_family=\"IPv4\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"2\"} 1\n"));
  };
  expect_one_of_two_seconds();
  take(deletion);
  sync();
  expect_one_of_two_seconds();
}

// Proves: O-39
TEST_F(ServersTest, APortInUseIsTakenLater) {  // O-39
  auto taken = listen_on({.address = kLoopback});
  config.health->port = bound_port(taken->get());
  open();
  EXPECT_EQ(servers->health_port(), 0);
  EXPECT_THAT(servers->standing_problems(), ElementsAre(HasSubstr("health server: cannot listen on 127.0.0.1:")));
  taken->reset();
  ASSERT_EQ(servers->next_wake(), now.steady + seconds(5));
  now = now + seconds(4);
  sync();  // must not put the retry off
  now = now + seconds(1);
  servers->step(now);
  EXPECT_EQ(health_status("/livez"), "HTTP/1.1 200 OK");
  EXPECT_THAT(servers->standing_problems(), IsEmpty());
  EXPECT_THAT(posted.events, ElementsAre(HasSubstr(R"("reason":"Starting")")));
}

// Proves: O-39
TEST_F(ServersTest, HardFailEndsTheStartWithAnEvent) {
  const auto taken = listen_on({.address = kLoopback});
  config.bind_hard_fail = true;
  config.metrics->port = bound_port(taken->get());
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("metrics server: cannot listen on 127.0.0.1:"));
  EXPECT_THAT(posted.events, ElementsAre(HasSubstr(R"("reason":"FailedToStartMetricServer")")));
}

}  // namespace
}  // namespace waggle
