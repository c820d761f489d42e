// SPDX-License-Identifier: Apache-2.0
// What is said of services that have what they had better not have.
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

  void SetUp() override { network.add(2, "eth0", 1); }
  void take(std::vector<Event> events) { notes.take(events, network.interfaces()); }
};

// An address of the node may well come from a load balancer (contract K-08, K-24); as a ClusterIP it is a slip.
TEST_F(Notes, AnAddressOfTheNodeIsNoClusterIp) {
  Service service = service_event("web", "10.96.0.2");
  service.load_balancer_ingress = {{*IpAddress::parse("10.0.0.1"), true}};
  take({service});
  EXPECT_THAT(notes.all(), IsEmpty());
  take({service_event("web", "10.0.0.1")});
  EXPECT_THAT(notes.all(),
              ElementsAre(HasSubstr("an address of this node is the ClusterIP of 1 service (default/web)")));
}

TEST_F(Notes, NamesAreFewAndTheCountIsWhole) {
  for (int i = 10; i < 30; ++i) take({service_event("s" + std::to_string(i), "10.0.0.1")});
  EXPECT_THAT(notes.all(), ElementsAre(HasSubstr("20 services (default/s10, default/s11, default/s12 and 17 more)")));
}

TEST_F(Notes, IsNewsOnce) {
  EXPECT_THAT(notes.news(), IsEmpty());
  take({service_event("web", "10.0.0.1")});
  EXPECT_THAT(notes.news(), SizeIs(1));
  take({service_event("api", "10.0.0.1"), Deletion{ObjectKind::kService, {"default", "web"}}});
  EXPECT_THAT(notes.news(), IsEmpty());
}

TEST_F(Notes, WhatIsMendedIsGone) {
  take({service_event("web", "10.0.0.1"), service_event("api", "10.0.0.1")});
  take({Deletion{ObjectKind::kService, {"default", "web"}}, service_event("api", "10.96.0.1"),
        Deletion{ObjectKind::kEndpointSlice, {"default", "api"}}});
  EXPECT_THAT(notes.all(), IsEmpty());
}

TEST_F(Notes, AnAddressThatLeavesTheNodeIsNoneOfItsAnyMore) {
  State state;
  state.apply(service_event("web", "10.0.0.9"));
  network.add_address(2, "10.0.0.9");
  take({service_event("web", "10.0.0.9")});
  notes.links_changed(state, network.interfaces());
  EXPECT_THAT(notes.all(), SizeIs(1));
  network.remove_address(2, "10.0.0.9");
  notes.links_changed(state, network.interfaces());
  EXPECT_THAT(notes.all(), IsEmpty());
}

// Each service has its address there; that is said of the link.
TEST_F(Notes, WhatKubeProxysIpvsModeLeftIsNotToldOfEachService) {
  network.add(9, "kube-ipvs0", 9);
  take({service_event("web", "10.0.0.9")});
  EXPECT_THAT(notes.all(), IsEmpty());
}

TEST_F(Notes, ServicesOfOthersAreNoConcern) {
  std::vector<Service> foreign(3, service_event("web", "10.0.0.1"));
  foreign[0].has_proxy_name = true;
  foreign[1].headless = true;
  foreign[2].type = "ExternalName";
  for (const Service& service : foreign) take({service});
  EXPECT_THAT(notes.all(), IsEmpty());
}

}  // namespace
}  // namespace waggle
