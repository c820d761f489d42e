// SPDX-License-Identifier: Apache-2.0
// The agent's loop with fakes at every edge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/node_ports.h"
#include "daemon_agent_rig.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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

// Before XDP is attached, and with each change of the routes; what XDP remembers of its ways is then old.
TEST_F(AgentLoop, MtusOfRoutesDecideWhetherXdpSends) {
  RouteMtus narrow;
  narrow.note(2, 1290);
  network->set_route_mtus(narrow);
  ASSERT_TRUE(agent->start());
  EXPECT_EQ(kernel->links.at(2).flags, WG_LINK_UPLINK);
  expect_status("routes have an MTU of their own");
  network->set_route_mtus({});
  turn([&] { return kernel->links.at(2).flags == (WG_LINK_UPLINK | WG_LINK_XDP); });
  turn([&] { return status().find("MTU of their own") == std::string::npos; });
  const int epoch = kernel->epoch;
  network->set_route_mtus(narrow);
  turn([&] { return kernel->links.at(2).flags == WG_LINK_UPLINK; });
  EXPECT_GT(kernel->epoch, epoch);
}

TEST_F(AgentLoop, RoutesAreListedOnceInASecondAtMost) {
  ASSERT_TRUE(agent->start());
  const auto begun = Clock::now();
  EXPECT_EQ(network->route_listings, 1);
  turn([&] {
    network->announce();
    return network->route_listings == 3;
  });
  EXPECT_GE(Clock::now() - begun, milliseconds(1900));
}

TEST_F(AgentLoop, RoutesThatCannotBeListedAreNamedAndListedLater) {
  network->route_failures = 1;
  ASSERT_TRUE(agent->start());
  EXPECT_THAT(agent->standing_problems(), Contains(HasSubstr("the fake lists no routes")));
  turn([&] { return agent->standing_problems().empty(); });
  EXPECT_EQ(network->route_listings, 2);
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

TEST_F(AgentLoop, WhatServicesHadBetterNotHaveIsInTheStatus) {
  ASSERT_TRUE(agent->start());
  source->say({service_event("web", "10.0.0.1")});
  turn([&] { return agent->reconciler().programmed(); });
  expect_status("an address of this node is the ClusterIP of 1 service (default/web)");
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

Node node_event(const std::vector<std::string>& addresses, const std::vector<std::string>& pod_cidrs = {}) {
  Node node;
  node.name = "n1";
  for (const std::string& address : addresses) node.addresses.push_back(*IpAddress::parse(address));
  for (const std::string& cidr : pod_cidrs) node.pod_cidrs.push_back(*Cidr::parse(cidr));
  return node;
}

// Proves: K-61
TEST_F(AgentLoop, WithoutAWordOnItPodsLinksTellLocalPods) {
  network->add(5, "cali1");
  ASSERT_TRUE(agent->start());
  EXPECT_EQ(kernel->detector.detector, WG_DETECT_EVERY_LINK);
  EXPECT_EQ(kernel->links[5].flags & WG_LINK_LOCAL_PODS, WG_LINK_LOCAL_PODS);
  EXPECT_EQ(kernel->links[2].flags & WG_LINK_LOCAL_PODS, 0);
}

// Proves: I-65, X-223, O-76
TEST_F(AgentLoop, InModeNodeCidrTheNodesPodCidrsAreToldAndOthersEndTheAgent) {
  options.detect_local.mode = DetectLocalMode::kNodeCidr;
  make_agent();
  kernel->detector.detector = WG_DETECT_CIDR;  // of a previous run
  ASSERT_TRUE(agent->start());
  EXPECT_EQ(kernel->detector.detector, WG_DETECT_CIDR) << "it counts until the Node object says otherwise";
  source->say({node_event({"10.0.0.1"}, {"10.1.0.0/24", "fd00::/64"})});
  turn([&] { return kernel->detector.pod_cidrs[0].has_value(); });
  EXPECT_TRUE(kernel->detector.pod_cidrs[1].has_value());
  source->say({node_event({"10.0.0.1"}, {"10.2.0.0/24", "fd00::/64"})});
  const auto ended = agent->run_once(milliseconds(100));
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("podCIDRs of the Node object changed"));
}

// Proves
TEST_F(AgentLoop, InModeNodeCidrANodeWithoutPodCidrsEndsTheAgentInTheEnd) {
  options.detect_local.mode = DetectLocalMode::kNodeCidr;
  started = Clock::now() - std::chrono::minutes(6);
  make_agent();
  ASSERT_TRUE(agent->start());
  const auto ended = agent->run_once(milliseconds(100));
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("the Node object 'n1' got no podCIDRs"));
}

// Proves: I-70, I-71
TEST_F(AgentLoop, ServiceCidrsAreToldAfterTheServicesAndFollowed) {
  ServiceCidr object;
  object.name = "kubernetes";
  object.cidrs = {*Cidr::parse("10.96.0.0/12")};
  ASSERT_TRUE(agent->start());
  kernel->store.refuses = [](const Write& write) { return write.table == Table::kFrontends4; };
  source->say({object, service_event("web", "10.96.0.1")});
  turn([&] { return agent->reconciler().pending_writes() > 0; });
  EXPECT_THAT(kernel->service_cidrs[WG_IPV4], IsEmpty()) << "what is no frontend yet would be dropped";
  kernel->store.refuses = nullptr;
  turn([&] { return !kernel->service_cidrs[WG_IPV4].empty(); });
  source->say({Deletion{.kind = ObjectKind::kServiceCidr, .name = {.name_space = "", .name = "kubernetes"}}});
  turn([&] { return kernel->service_cidrs[WG_IPV4].empty(); });
}

Service node_port_event(const std::string& name, uint16_t node_port) {
  Service service = service_event(name, "10.96.0.1");
  service.type = "NodePort";
  service.ports[0].node_port = node_port;
  return service;
}

// Proves: I-63, K-40, K-43
TEST_F(AgentLoop, NodePortsAreServedOnTheNodesAddressesAndFollowThem) {
  const auto on = [this](const std::string& address) {
    const auto found = adopted_node_port_addresses(kernel->store);
    return found.has_value() && std::ranges::find(*found, *IpAddress::parse(address)) != found->end();
  };
  network->add_address(2, "10.0.0.77");
  ASSERT_TRUE(agent->start());
  source->say({node_port_event("web", 30080), slice_event("web", {"10.1.0.1"})});
  turn([&] { return agent->reconciler().programmed(); });
  EXPECT_FALSE(on("10.0.0.1")) << "whose address that is, the Node object says";
  source->say({node_event({"10.0.0.1"})});
  turn([&] { return on("10.0.0.1"); });
  EXPECT_FALSE(on("10.0.0.77"));
  source->say({node_event({"10.0.0.77"})});
  turn([&] { return on("10.0.0.77") && !on("10.0.0.1"); });
  network->remove_address(2, "10.0.0.77");
  turn([&] { return !on("10.0.0.77"); });
}

// Proves: K-120
TEST_F(AgentLoop, SocketsOfTheNodeAreLookedAtWhenTheEndpointsOfAUdpServiceChanged) {
  auto part = std::make_unique<FakeUdpSockets>();
  FakeUdpSockets* sockets = part.get();
  udp_sockets = std::move(part);
  make_agent();
  Service dns = service_event("dns", "10.96.0.10");
  dns.ports[0].protocol = Protocol::kUdp;
  ASSERT_TRUE(agent->start());
  source->say({dns, slice_event("dns", {"10.1.0.1"})});
  turn([&] { return sockets->looks == 1; });
  source->say({service_event("web", "10.96.0.1"), slice_event("web", {"10.1.0.2"})});
  turn([&] { return agent->reconciler().pending_writes() == 0; });
  EXPECT_EQ(sockets->looks, 1);
  source->say({slice_event("dns", {"10.1.0.9"})});
  turn([&] { return sockets->looks == 2; });
}

}  // namespace
}  // namespace waggle
