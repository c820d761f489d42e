// SPDX-License-Identifier: Apache-2.0
// What the servers are told of options and node, and what the metrics page is told of the agent's parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/metrics_facts.h"
#include "daemon/server_setup.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

ListenAddress listen_at(const char* text) { return *ListenAddress::parse(text, 10256); }

size_t counter_of(wg_reason reason, wg_hook hook) { return size_t{reason} * WG_HOOK_COUNT + size_t{hook}; }

// Proves: O-30
TEST(ServerSetup, AWildcardAddressServesBothFamilies) {
  AgentOptions options;
  options.servers.healthz = listen_at("0.0.0.0:10256");
  options.servers.metrics = listen_at("127.0.0.1:10249");
  const ServersConfig config = servers_config(options, {Family::kIpv4});
  EXPECT_EQ(config.health, (BindAddress{*IpAddress::parse("0.0.0.0"), 10256, true}));
  EXPECT_EQ(config.metrics, (BindAddress{*IpAddress::parse("127.0.0.1"), 10249, false}));
  EXPECT_EQ(config.proxy_mode, "waggle");
  EXPECT_FALSE(servers_config(AgentOptions{}, {}).health.has_value());
}

// Proves: O-14
TEST(ServerSetup, IPv6IsServedWhereTheHostHasIt) {
  const auto proc = std::filesystem::temp_directory_path() / ("waggle-proc-" + std::to_string(::getpid()));
  std::filesystem::create_directories(proc / "net");
  std::filesystem::create_directories(proc / "sys/net/ipv6/conf/all");
  EXPECT_THAT(served_families(proc), ElementsAre(Family::kIpv4));
  std::ofstream(proc / "net/if_inet6") << "";
  std::ofstream(proc / "sys/net/ipv6/conf/all/disable_ipv6") << "0\n";
  EXPECT_THAT(served_families(proc), ElementsAre(Family::kIpv4, Family::kIpv6));
  std::ofstream(proc / "sys/net/ipv6/conf/all/disable_ipv6") << "1\n";
  EXPECT_THAT(served_families(proc), ElementsAre(Family::kIpv4));
  std::filesystem::remove_all(proc);
}

TEST(MetricsFacts, TellOfTablesTrafficReasonsAndLinks) {
  FakeNetwork network;
  network.add(2, "eth0", 1);
  FakeKernel kernel(small_sizes());
  LinkKeeper links({.devices = {"eth0"}, .pod_interfaces = {}}, kernel);
  links.update(network.interfaces(), *network.take(), {});
  Reconciler reconciler(Planner({.sizes = small_sizes(), .hash_key = {1, 2}, .node_name = "n1"}), kernel.store);
  ASSERT_TRUE(reconciler.adopt());
  reconciler.take({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1", "10.1.0.2"})}, true);
  reconciler.step({});
  kernel.reasons[counter_of(WG_REASON_EVICTED_LIVE, WG_HOOK_XDP)] = 3;
  kernel.reasons[counter_of(WG_REASON_SPILLED, WG_HOOK_TC)] = 4;
  std::optional<SweepRecord> sweep(SweepRecord{});
  sweep->result.tables[static_cast<size_t>(FlowTable::kFlows4)].slots = 64;
  const MetricsInput input = collect_metrics({.reconciler = reconciler,
                                              .links = links,
                                              .kernel = kernel,
                                              .last_sweep = sweep,
                                              .expired = {5, 6, 0, 0},
                                              .problems = 2,
                                              .source_connected = true});
  EXPECT_EQ(input.services, 1u);
  EXPECT_EQ(input.backends, 2u);
  EXPECT_EQ(input.flows_evicted_live, 3u);
  EXPECT_EQ(input.flows_spilled_total, 4u);
  ASSERT_EQ(input.flows.size(), 2u);
  EXPECT_EQ(input.flows[0].slots, 64u);
  EXPECT_EQ(input.flows[1].expired, 6u);
  const auto table = [](const char* name, uint64_t used) {
    return testing::AllOf(Field(&TableFacts::table, name), Field(&TableFacts::used, used));
  };
  EXPECT_THAT(input.tables, Contains(table("backends", 2)));
  EXPECT_THAT(input.tables, Contains(table("slots", 2)));
  EXPECT_THAT(input.tables, Contains(table("frontends4", 2)));  // the port and the whole address
  EXPECT_THAT(input.links, Contains(testing::AllOf(Field(&LinkCount::program, "tc"), Field(&LinkCount::attached, 1))));
  ASSERT_EQ(input.traffic.size(), 1u);
  EXPECT_EQ(input.traffic[0].name, "web");
  EXPECT_EQ(input.traffic[0].port, "http");
  EXPECT_EQ(input.traffic[0].new_flows, 1u) << "of index 1";
}

TEST(SyncRounds, AreToldOnceWithTheirOutcome) {
  FakeKernel kernel(small_sizes());
  Reconciler reconciler(Planner({.sizes = small_sizes(), .hash_key = {1, 2}, .node_name = "n1"}), kernel.store);
  ASSERT_TRUE(reconciler.adopt());
  TimePoint now{};
  reconciler.step(now);
  EXPECT_FALSE(reconciler.take_round().has_value()) << "nothing was read yet";
  kernel.store.refuses = [](const Write&) { return true; };
  reconciler.take({service_event("web", "10.96.0.10")}, true);
  reconciler.step(now);
  auto round = reconciler.take_round();
  ASSERT_TRUE(round.has_value());
  EXPECT_TRUE(round->full);
  EXPECT_FALSE(round->succeeded);
  EXPECT_FALSE(reconciler.take_round().has_value());
  kernel.store.refuses = nullptr;
  reconciler.step(*reconciler.next_wake());
  round = reconciler.take_round();
  ASSERT_TRUE(round.has_value());
  EXPECT_TRUE(round->succeeded);
  EXPECT_FALSE(round->full);
}

}  // namespace
}  // namespace waggle
