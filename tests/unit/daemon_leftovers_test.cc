// SPDX-License-Identifier: Apache-2.0
// What the agent does about what kube-proxy left, with fakes at every edge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "daemon_agent_rig.h"

namespace waggle {
namespace {

// Service addresses on a link are addresses of the node: that has to be known from the start.
// Proves: O-70
TEST_F(AgentLoop, TheLinkOfKubeProxysIpvsModeIsNamedWhileItIsThere) {
  const auto named = [this](const std::string& what) {
    return std::ranges::any_of(agent->standing_problems(), [&what](const std::string& problem) {
      return problem.starts_with("link kube-ipvs0") && problem.find(what) != std::string::npos;
    });
  };
  leftovers = [] { return KubeProxyRules{}; };
  make_agent();
  network->add(9, "kube-ipvs0", 9);
  ASSERT_TRUE(agent->start());
  EXPECT_TRUE(named("makes every service address it holds an address of this node"));
  EXPECT_TRUE(named("it is removed once the services are programmed"));
  source->say({});
  turn([&] { return named("remove it with `ip link delete kube-ipvs0`"); });
  network->remove(9);
  turn([&] { return !named(""); });
}

// Proves: O-70
TEST_F(AgentLoop, WhatKubeProxyLeftGoesOnceTheServicesAreProgrammed) {
  std::atomic<int> removals = 0;
  leftovers = [&removals] {
    ++removals;
    return KubeProxyRules{.tables = 1, .problems = {"the fake keeps some"}};
  };
  make_agent();
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.96.0.1")}, false);
  turn([&] { return !agent->reconciler().state().services().empty(); });
  EXPECT_EQ(removals, 0) << "until then they may be what serves";
  source->say({});
  turn([&] { return removals == 1; });
  turn([&] {
    return std::ranges::find(agent->standing_problems(), "the fake keeps some") != agent->standing_problems().end();
  });
  source->say({service_event("api", "10.96.0.2")});
  turn([&] { return agent->reconciler().state().services().size() == 2; });
  EXPECT_EQ(removals, 1);
}

}  // namespace
}  // namespace waggle
