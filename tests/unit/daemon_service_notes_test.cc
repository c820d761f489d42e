// SPDX-License-Identifier: Apache-2.0
// What is said of services that ask for more than they get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/service_notes.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Notes : testing::Test {
  FakeNetwork network;
  ServiceNotes notes;

  void take(std::vector<Event> events) { notes.take(events, network.interfaces()); }
};

Service greedy(const std::string& name) {
  Service service = service_event(name, "10.96.0.1");
  service.ports[0].node_port = 30080;
  service.external_ips = {*IpAddress::parse("198.51.100.1")};
  service.source_ranges = {*Cidr::parse("203.0.113.0/24")};
  service.affinity_timeout_s = 60;
  return service;
}

TEST_F(Notes, EachThingIsOneSentence) {
  take({greedy("web"), service_event("plain", "10.96.0.2")});
  EXPECT_THAT(notes.all(),
              ElementsAre("NodePort is not served yet: node ports of 1 service (default/web)",
                          "externalIPs are not served yet: those of 1 service (default/web)",
                          HasSubstr("loadBalancerSourceRanges are not kept to yet, every source is let in: 1 service"),
                          HasSubstr("session affinity is not kept yet")));
}

TEST_F(Notes, NamesAreFewAndTheCountIsWhole) {
  for (int i = 10; i < 30; ++i) take({greedy("s" + std::to_string(i))});
  EXPECT_EQ(
      notes.all().front(),
      "NodePort is not served yet: node ports of 20 services (default/s10, default/s11, default/s12 and 17 more)");
}

TEST_F(Notes, EachThingIsNewsOnce) {
  take({greedy("web")});
  const auto first = notes.news();
  ASSERT_THAT(first, SizeIs(4));
  EXPECT_FALSE(first[0].grave);
  EXPECT_TRUE(first[2].grave);  // who is let in
  take({greedy("api"), Deletion{ObjectKind::kService, {"default", "web"}}});
  EXPECT_THAT(notes.news(), IsEmpty());
}

TEST_F(Notes, WhatNobodyAsksForAnyLongerIsGone) {
  take({greedy("web"), greedy("api")});
  take({Deletion{ObjectKind::kService, {"default", "web"}}, service_event("api", "10.96.0.1"),
        Deletion{ObjectKind::kEndpointSlice, {"default", "api"}}});
  EXPECT_THAT(notes.all(), IsEmpty());
}

TEST_F(Notes, ServicesOfOthersAreNoConcern) {
  std::vector<Service> foreign(4, greedy("web"));
  foreign[0].has_proxy_name = true;
  foreign[1].headless = true;
  foreign[2].type = "ExternalName";
  foreign[3].cluster_ips.clear();
  for (const Service& service : foreign) take({service});
  EXPECT_THAT(notes.all(), IsEmpty());
}

// An address of the node may well come from a load balancer (contract K-08, K-24); as a ClusterIP it is a slip.
TEST_F(Notes, AnAddressOfTheNodeIsNoClusterIp) {
  network.add(2, "eth0", 1);
  Service service = service_event("web", "10.96.0.2");
  service.load_balancer_ingress = {{*IpAddress::parse("10.0.0.1"), true}};
  take({service});
  EXPECT_THAT(notes.all(), IsEmpty());
  take({service_event("web", "10.0.0.1")});
  EXPECT_THAT(notes.all(),
              ElementsAre(HasSubstr("an address of this node is the ClusterIP of 1 service (default/web)")));
  EXPECT_TRUE(notes.news().at(0).grave);
}

}  // namespace
}  // namespace waggle
