// SPDX-License-Identifier: Apache-2.0
// `waggle status` from facts made up in memory, and what it reads of the agent's status file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/map_rows.h"
#include "cli/status_report.h"
#include "dataplane/netns_cookie.h"

namespace waggle::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Value field(const Document& document, std::string_view key) {
  for (const Field& each : document.fields)
    if (each.key == key) return each.value;
  ADD_FAILURE() << "no field " << key;
  return {};
}

std::string text(const Value& value) { return value.text(Unit::kNone, 0); }

TableFacts healthy() {
  TableFacts facts;
  std::string("n1").copy(facts.meta.node_name, 2);
  FlowCount flows{.table = FlowTable::kFlows4, .slots = 1000};
  flows.by_state[WG_FLOW_ESTABLISHED] = 400;
  flows.by_state[WG_FLOW_CLIENT_FIN] = 20;
  facts.flows = {flows};
  facts.usage.resize(1);
  facts.usage[0].map.name = "services";
  facts.usage[0].map.type = "array";
  facts.usage[0].used = 5;
  facts.usage[0].capacity = 100;
  facts.reasons.assign(static_cast<size_t>(WG_REASON_COUNT) * WG_HOOK_COUNT, 0);
  facts.links = {{.ifindex = 1, .hook = Hook::kTcIngress, .mode = AttachMode::kTcx},
                 {.ifindex = 1, .hook = Hook::kXdp, .mode = AttachMode::kXdpNative}};
  facts.control.link[1] = {.ifindex = 1, .flags = WG_LINK_UPLINK, .snat4 = 0, .snat6 = 0, .reserved = 0};
  facts.cgroup_attached = true;
  facts.names = InterfaceNames(AgentStatus{.netns_cookie = own_netns_cookie().value()});
  return facts;
}

void count(TableFacts& facts, wg_reason reason, wg_hook hook, uint64_t packets) {
  facts.reasons[static_cast<size_t>(reason) * WG_HOOK_COUNT + static_cast<size_t>(hook)] = packets;
}

TEST(StatusTest, ARunningAgentIsToldWithPidAgeAndWork) {
  AgentFacts agent{.running = true, .pid = 42, .now_unix_s = 10'000};
  agent.status = AgentStatus{.pid = 42, .node = "n1", .started_unix_s = 9'940, .synced = true, .pending_writes = 3};
  const TableFacts tables = healthy();
  const Document document = status_document(agent, &tables);
  EXPECT_EQ(text(field(document, "agent")), "running, pid 42, for 1m");
  EXPECT_EQ(field(document, "agent_running"), Value(true));
  EXPECT_EQ(field(document, "node"), Value("n1"));
  EXPECT_EQ(field(document, "synced"), Value(true));
  EXPECT_EQ(field(document, "pending_writes"), Value(3u));
  EXPECT_EQ(field(document, "service_ports"), Value(5u));
  EXPECT_THAT(status_warnings(tables), IsEmpty());
}

TEST(StatusTest, AStoppedAgentLeavesTheTablesAndNoStaleNews) {
  AgentFacts agent;
  agent.status = AgentStatus{.pid = 42, .synced = true, .pending_writes = 3};
  const TableFacts tables = healthy();
  const Document document = status_document(agent, &tables);
  EXPECT_EQ(text(field(document, "agent")), "not running; the programs keep serving what was last programmed");
  EXPECT_EQ(field(document, "agent_running"), Value(false));
  EXPECT_EQ(field(document, "node"), Value("n1"));
  EXPECT_EQ(field(document, "synced"), Value());
  EXPECT_EQ(field(document, "pending_writes"), Value());
  for (const Field& each : document.fields) {
    const bool work = each.key == "synced" || each.key == "pending_writes";
    if (work) {
      EXPECT_EQ(each.show, Show::kData) << each.key;
    }
  }
}

TEST(StatusTest, AnAgentWithoutStatusFileHintsAtTheRunDirectory) {
  const AgentFacts agent{.running = true, .pid = 42, .run_dir = "/run/waggle"};
  EXPECT_THAT(text(field(status_document(agent, nullptr), "agent")),
              HasSubstr("has written no status in /run/waggle: either it is starting, or --run-dir is wrong"));
}

// After a kill -9 the next agent loads its programs for a second before it writes a status of its own.
TEST(StatusTest, TheStatusOfADeadAgentIsNotThatOfTheNextOne) {
  const int here = ::getpid();
  AgentStatus left{.pid = 0x7fffffff, .started_unix_s = 1, .synced = true, .services = 7};
  AgentFacts agent = agent_facts(left, here);
  agent.run_dir = "/run/waggle";
  EXPECT_TRUE(agent.running);
  const TableFacts tables = healthy();
  const Document document = status_document(agent, &tables);
  EXPECT_EQ(text(field(document, "agent")),
            "running, pid " + std::to_string(here) + ", starting: the status in /run/waggle is not its own yet");
  EXPECT_EQ(field(document, "synced"), Value(false));
  EXPECT_EQ(field(document, "services"), Value());
  for (const Field& each : document.fields) {
    if (each.key == "synced") {
      EXPECT_EQ(each.show, Show::kAlways);
    }
  }
}

TEST(StatusTest, AnAgentThatSaidGoodbyeIsNotTheOneThatRuns) {
  const AgentStatus left{.pid = ::getpid(), .ended = true, .synced = true};
  EXPECT_TRUE(agent_facts(left, ::getpid()).starting);
  EXPECT_FALSE(agent_facts(left, 0).starting);
}

TEST(StatusTest, ItsOwnStatusIsShownAndSoIsOneNobodyCanJudge) {
  const AgentStatus own{.pid = ::getpid(), .synced = true};
  EXPECT_TRUE(agent_facts(own, ::getpid()).status);
  EXPECT_TRUE(agent_facts(own, -1).status);
  EXPECT_TRUE(agent_facts(own, std::nullopt).running);
}

TEST(StatusTest, OnlyDropsAndRejectionsAreListed) {
  TableFacts tables = healthy();
  count(tables, WG_REASON_NOT_SERVICE, WG_HOOK_TC, 1'000'000);
  count(tables, WG_REASON_NO_ENDPOINTS, WG_HOOK_TC, 5);
  count(tables, WG_REASON_SNAT_ORPHAN, WG_HOOK_XDP, 2);
  const Document document = status_document({}, &tables);
  const Listing& drops = document.sections[2].table;
  ASSERT_THAT(drops.rows, SizeIs(2));
  EXPECT_EQ(drops.rows[0][0], Value("no-endpoints"));
  EXPECT_EQ(drops.rows[1][1], Value("xdp"));
  EXPECT_EQ(drops.rows[1][2], Value(2u));
}

TEST(StatusTest, HooksAreGroupedByLink) {
  const TableFacts tables = healthy();
  const Document document = status_document({}, &tables);
  const Listing& links = document.sections[0].table;
  ASSERT_THAT(links.rows, SizeIs(1));
  EXPECT_EQ(links.rows[0], (Row{"lo", 1u, "uplink", attach_mode_name(AttachMode::kTcx), Value(),
                                attach_mode_name(AttachMode::kXdpNative)}));
}

// Interface 1 is lo here, and whatever else in the agent's namespace.
TEST(StatusTest, LinksOfAnotherNetworkNamespaceHaveNoNames) {
  TableFacts tables = healthy();
  const uint64_t own = own_netns_cookie().value();
  for (const auto& status : {std::optional<AgentStatus>(), std::optional(AgentStatus{}),
                             std::optional(AgentStatus{.netns_cookie = own + 1})}) {
    tables.names = InterfaceNames(status);
    EXPECT_EQ(status_document({}, &tables).sections[0].table.rows.at(0).at(0), Value());
  }
}

TEST(StatusTest, AFlowTableAboveHalfWarnsInWords) {
  TableFacts tables = healthy();
  tables.flows[0].by_state[WG_FLOW_HALF_OPEN] = 200;
  EXPECT_THAT(status_warnings(tables), ElementsAre(HasSubstr("flows4 is 62% full (620 of 1000 slots)")));
}

TEST(StatusTest, AFullTableEvictionsAndMissingHooksWarn) {
  TableFacts tables = healthy();
  tables.usage[0].used = 95;
  tables.links.clear();
  tables.cgroup_attached = false;
  count(tables, WG_REASON_EVICTED_LIVE, WG_HOOK_TC, 4);
  EXPECT_THAT(status_warnings(tables),
              ElementsAre(HasSubstr("no program is attached"), HasSubstr("services is 95% full (95 of 100 entries)"),
                          HasSubstr("4 live flows were pushed out")));
}

TEST(AgentStatusTest, WhatTheAgentWritesIsRead) {
  const auto status = parse_agent_status(R"({
    "pid": 42, "running": true, "version": "0.1.0", "started_unix_s": 1700000000, "netns_cookie": 4026531840000000001,
    "node": "n1", "source": "/etc/m",
    "synced": true, "services": 7, "pending_writes": 2, "pending": ["table slots: full"], "problems": ["a.yaml:3: no"],
    "notices": ["a note on services"],
    "links": [{"interface": "eth0", "ifindex": 3, "notices": ["generic XDP"]}, {"interface": "cali1"}],
    "last_apply": {"at_unix_s": 1700000060, "writes": 12}, "socket_lb": {"tcp": "all", "udp": "host"}})");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->pid, 42);
  EXPECT_EQ(status->version, "0.1.0");
  EXPECT_EQ(status->netns_cookie, 4026531840000000001u);
  EXPECT_FALSE(status->ended);
  EXPECT_EQ(status->source, "/etc/m");
  EXPECT_EQ(status->started_unix_s, 1'700'000'000u);
  EXPECT_EQ(status->applied_unix_s, 1'700'000'060u);
  EXPECT_EQ(status->services, 7u);
  EXPECT_EQ(status->pending_writes, 2u);
  EXPECT_THAT(status->pending, ElementsAre("table slots: full"));
  EXPECT_THAT(status->problems, ElementsAre("a.yaml:3: no"));
  EXPECT_THAT(status->notices, ElementsAre("a note on services", "eth0: generic XDP"));
  EXPECT_EQ(status->sock_lb_udp, "host");
}

TEST(AgentStatusTest, AProcessInAContainerKnowsItselfByAnotherPid) {
  const std::string proc = "Name:\twaggle\nPid:\t4711\nNSpid:\t4711\t12\t1\nNSpgid:\t9\n";
  EXPECT_TRUE(knows_itself_as(proc, 1));
  EXPECT_TRUE(knows_itself_as(proc, 12));
  EXPECT_FALSE(knows_itself_as(proc, 9));
  EXPECT_TRUE(knows_itself_as("", 9));
  EXPECT_TRUE(same_process(::getpid(), ::getpid()));
  EXPECT_FALSE(same_process(::getpid(), 0x7fffffff));
}

TEST(AgentStatusTest, MissingOrOddFieldsAreLeftOut) {
  const auto empty = parse_agent_status("{}");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->pid, 0);
  EXPECT_FALSE(empty->synced);
  const auto odd = parse_agent_status(R"({"pid": "many", "synced": 7, "problems": "x", "node": ["a"],
                                      "links": [7], "last_apply": null, "socket_lb": "all"})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->pid, 0);
  EXPECT_THAT(odd->problems, IsEmpty());
}

TEST(AgentStatusTest, WhatIsNoJsonObjectIsAnError) {
  for (const char* wrong : {"{", "[1]", "", "text"}) EXPECT_FALSE(parse_agent_status(wrong)) << wrong;
}

TEST(AgentStatusTest, AnAbsentFileIsNoError) {
  const auto status = read_agent_status("/nonexistent");
  ASSERT_TRUE(status);
  EXPECT_FALSE(*status);
}

TEST(AgentStatusTest, ADeadPidIsNotAlive) {
  EXPECT_TRUE(process_alive(::getpid()));
  EXPECT_FALSE(process_alive(0));
  EXPECT_FALSE(process_alive(0x7fffffff));
}

}  // namespace
}  // namespace waggle::cli
