// SPDX-License-Identifier: Apache-2.0
// The agent's loop with fakes at every edge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/agent.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct AgentLoop : testing::Test {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("waggle-agent-" + std::to_string(::getpid()));
  FakeSource* source = nullptr;
  FakeNetwork* network = nullptr;
  FakeKernel* kernel = nullptr;
  Bell stop;
  std::unique_ptr<Agent> agent;

  void SetUp() override {
    std::filesystem::create_directories(directory / "sys/net/ipv4");
    std::filesystem::create_directories(directory / "sys/net/ipv6/conf/all");
    set("net/ipv4/ip_forward", "1");
    set("net/ipv6/conf/all/forwarding", "1");
    AgentOptions options;
    options.node_name = "n1";
    options.devices = {"eth0"};
    options.pod_interfaces = {"cali*"};
    options.run_dir = directory / "run";
    auto source_part = std::make_unique<FakeSource>();
    auto network_part = std::make_unique<FakeNetwork>();
    auto kernel_part = std::make_unique<FakeKernel>(small_sizes());
    source = source_part.get();
    network = network_part.get();
    kernel = kernel_part.get();
    network->add(2, "eth0", 1);
    AgentParts parts;
    parts.source = std::move(source_part);
    parts.network = std::move(network_part);
    parts.kernel = std::move(kernel_part);
    parts.planner = {.sizes = small_sizes(), .hash_key = {1, 2}, .node_name = "n1"};
    parts.stop = UniqueFd(::dup(stop.fd()));
    parts.netns_cookie = 4711;
    parts.proc_sys = directory / "sys";
    std::ofstream(directory / "config") << "a";
    parts.config = std::move(ConfigWatch::open(directory / "config", "a").value());
    agent = std::make_unique<Agent>(options, std::move(parts));
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void set(const std::string& setting, const std::string& value) const {
    std::ofstream(directory / "sys" / setting) << value << '\n';
  }
  // Rounds until it has nothing to do for 20 ms, or `done` holds.
  void turn(const std::function<bool()>& done) const {
    const auto deadline = Clock::now() + milliseconds(5000);
    while (!done()) {
      ASSERT_LT(Clock::now(), deadline) << "timed out";
      const auto goes_on = agent->run_once(milliseconds(20));
      ASSERT_TRUE(goes_on && *goes_on);
    }
  }
  // The status may be a moment late.
  void expect_status(const std::string& text) const {
    turn([&] { return status().find(text) != std::string::npos; });
  }
  [[nodiscard]] std::string status() const {
    std::ostringstream text;
    text << std::ifstream(directory / "run/status.json").rdbuf();
    return text.str();
  }
};

TEST_F(AgentLoop, AttachesAtStartAndProgramsWhenTheSourceIsSynced) {
  ASSERT_TRUE(agent->start());
  EXPECT_TRUE(kernel->tc.contains(2));
  EXPECT_THAT(status(), HasSubstr("\"synced\": false"));
  EXPECT_THAT(status(), HasSubstr("\"netns_cookie\": 4711"));
  source->say({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1"})});
  turn([&] { return agent->reconciler().programmed(); });
  expect_status("\"synced\": true");
  expect_status("\"services\": 1");
  expect_status("\"interface\": \"eth0\"");
}

TEST_F(AgentLoop, ANewPodLinkIsAttached) {
  ASSERT_TRUE(agent->start());
  network->add(7, "cali7");
  turn([&] { return kernel->tc.contains(7); });
  network->remove(7);
  turn([&] { return !kernel->tc.contains(7); });
}

TEST_F(AgentLoop, FailuresEverywhereStillConverge) {
  kernel->attach_failures = 2;
  int refusals = 3;
  kernel->store.refuses = [&refusals](const Write&) { return refusals-- > 0; };
  ASSERT_TRUE(agent->start());
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("eth0: the fake kernel refuses")));
  network->failures = 2;
  network->add(7, "cali7");
  source->say({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1"})});
  turn([&] { return network->failures == 1; });
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("netlink: the fake fails")));
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("the fake store is full")));
  turn([&] { return agent->reconciler().programmed() && kernel->tc.contains(2) && kernel->tc.contains(7); });
  EXPECT_EQ(agent->reconciler().pending_writes(), 0u);
  EXPECT_THAT(agent->standing_problems(), IsEmpty());
}

// A descriptor that stays readable while it cannot be read must not make the loop spin.
TEST_F(AgentLoop, AFailingNetworkWatchDoesNotSpin) {
  ASSERT_TRUE(agent->start());
  network->failures = 1;
  network->announce();
  const int before = network->takes;
  turn([&] { return network->takes > before; });
  const auto begun = Clock::now();
  ASSERT_TRUE(agent->run_once(milliseconds(30)));
  EXPECT_GE(Clock::now() - begun, milliseconds(29));
  turn([&] { return agent->standing_problems().empty(); });
}

TEST_F(AgentLoop, NextHopChangesAreToldOnceForABurst) {
  ASSERT_TRUE(agent->start());
  network->announce();
  turn([&] { return kernel->epoch == 1; });
  for (int i = 0; i < 10; ++i) {
    network->announce();
    ASSERT_TRUE(agent->run_once(milliseconds(0)));
  }
  EXPECT_LE(kernel->epoch, 2);
  turn([&] { return kernel->epoch == 2; });
}

TEST_F(AgentLoop, ARemovedBackendIsSweptSoonAndWithReferences) {
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1", "10.1.0.2"})});
  turn([&] { return agent->reconciler().programmed(); });
  source->say({slice_event("web", {"10.1.0.1"})});
  turn([&] { return kernel->reference_sweeps > 0; });
  expect_status("\"last_sweep\": {");
}

TEST_F(AgentLoop, TheNodeObjectDecidesTheSourceOfPods) {
  network->add_address(2, "10.0.0.9");
  network->add(7, "cali7");
  ASSERT_TRUE(agent->start());
  EXPECT_EQ(agent->links().snat_address(agent->links().links().at(7), Family::kIpv4), IpAddress::parse("10.0.0.1"));
  Node node;
  node.name = "n1";
  node.addresses = {*IpAddress::parse("10.0.0.9")};
  source->say({node});
  turn([&] {
    return agent->links().snat_address(agent->links().links().at(7), Family::kIpv4) == IpAddress::parse("10.0.0.9");
  });
}

TEST_F(AgentLoop, ForwardingSwitchedOffIsNamedWithTheRemedy) {
  set("net/ipv4/ip_forward", "0");
  set("net/ipv6/conf/all/forwarding", "0");
  ASSERT_TRUE(agent->start());
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("set net.ipv4.ip_forward = 1")));
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("set net.ipv6.conf.all.forwarding = 1")));
}

TEST_F(AgentLoop, StandingProblemsOfTheSourceAreInTheStatus) {
  ASSERT_TRUE(agent->start());
  source->problems = {"web.yaml:3: spec.ports: 70000 is no port"};
  source->say({});
  turn([&] { return !agent->standing_problems().empty(); });
  expect_status("web.yaml:3");
}

TEST_F(AgentLoop, ANodeNameThatNoNodeHasIsNamedWithThoseThereAre) {
  ASSERT_TRUE(agent->start());
  std::vector<Event> nodes;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    nodes.emplace_back(Node{});
    std::get<Node>(nodes.back()).name = name;
  }
  source->say(nodes, false);
  ASSERT_TRUE(agent->run_once(milliseconds(20)));
  EXPECT_THAT(agent->standing_problems(), IsEmpty()) << "more may come";
  source->say({});
  turn([&] { return !agent->standing_problems().empty(); });
  EXPECT_THAT(agent->standing_problems(),
              Contains(HasSubstr("no Node object has the name of this node, 'n1': there are a, b, c and 2 more; ")));
  expect_status("--node-name");
  Node self;
  self.name = "n1";
  source->say({self});
  turn([&] { return agent->standing_problems().empty(); });
}

TEST_F(AgentLoop, WithoutNodeObjectsAnyNameWillDo) {
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.96.0.10")});
  turn([&] { return agent->reconciler().programmed(); });
  EXPECT_THAT(agent->standing_problems(), IsEmpty());
}

TEST_F(AgentLoop, WhatServicesDoNotGetIsInTheStatus) {
  ASSERT_TRUE(agent->start());
  Service service = service_event("web", "10.96.0.10");
  service.ports[0].node_port = 30080;
  source->say({service});
  turn([&] { return agent->reconciler().programmed(); });
  expect_status("NodePort is not served yet");
}

TEST_F(AgentLoop, StopsWithEverythingAttached) {
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.96.0.10")});
  turn([&] { return agent->reconciler().programmed(); });
  stop.ring();
  ASSERT_TRUE(agent->run());
  EXPECT_TRUE(kernel->tc.contains(2));
  EXPECT_TRUE(kernel->xdp.contains(2));
  EXPECT_THAT(kernel->detached, IsEmpty());
  EXPECT_THAT(status(), HasSubstr("\"running\": false"));
}

TEST_F(AgentLoop, AStatusThatCannotBeWrittenStopsNothing) {
  std::ofstream(directory / "run") << "a file where the directory should be";
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.96.0.10")});
  turn([&] { return agent->reconciler().programmed(); });
  turn([&] { return !agent->standing_problems().empty(); });
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("the status cannot be written")));
}

// Proves: O-15
TEST_F(AgentLoop, AnotherConfigurationEndsIt) {
  ASSERT_TRUE(agent->start());
  std::filesystem::permissions(directory / "config", std::filesystem::perms::owner_read);
  ASSERT_TRUE(agent->run_once(milliseconds(20)).value());
  std::filesystem::permissions(directory / "config", std::filesystem::perms::owner_all);
  std::ofstream(directory / "config") << "b";
  const auto ended = agent->run();
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("config changed"));
  EXPECT_THAT(status(), HasSubstr("\"running\": false"));
}

}  // namespace
}  // namespace waggle
