// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/link_keeper.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Links : testing::Test {
  FakeNetwork network;
  FakeKernel kernel{small_sizes()};
  LinkKeeper keeper{{.devices = {"eth0"}, .pod_interfaces = {"cali*"}, .xdp = true}, kernel};
  TimePoint now{};

  void begin() {
    const auto changes = network.take();
    ASSERT_TRUE(keeper.adopt(network.interfaces()));
    keeper.update(network.interfaces(), *changes, now);
  }
  void follow() { keeper.update(network.interfaces(), *network.take(), now); }
};

TEST_F(Links, UplinksGetXdpAndPodsOnlyTc) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  network.add(4, "docker0", 9);
  begin();
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
  EXPECT_EQ(kernel.xdp, std::set<uint32_t>{2});
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK | WG_LINK_XDP);
  EXPECT_EQ(kernel.links.at(3).flags, WG_LINK_LOCAL_PODS);
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
}

TEST_F(Links, GenericXdpDoesNotCountAsAWayOut) {
  kernel.xdp_mode = AttachMode::kXdpGeneric;
  kernel.xdp_notice = "generic, because the driver has no native XDP";
  network.add(2, "eth0", 1);
  begin();
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK);
  EXPECT_THAT(keeper.links().at(2).notices, ElementsAre(HasSubstr("generic")));
}

TEST_F(Links, PodsLeaveWithTheNodesAddressAndUplinksWithTheirOwn) {
  LinkKeeper two({.devices = {"eth*"}, .pod_interfaces = {"cali*"}, .xdp = false}, kernel);
  network.add(2, "eth0", 1);
  network.add(3, "eth1", 2);
  network.add(4, "cali1");
  two.update(network.interfaces(), *network.take(), now);
  EXPECT_EQ(two.snat_address(two.links().at(2), Family::kIpv4), IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(two.snat_address(two.links().at(3), Family::kIpv6), IpAddress::parse("fd00::2"));
  EXPECT_EQ(two.snat_address(two.links().at(4), Family::kIpv4), IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(kernel.links.at(4).snat4, kernel.links.at(2).snat4);
  EXPECT_THAT(kernel.xdp, IsEmpty());

  two.set_node_addresses(network.interfaces(), {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("10.0.0.2")}, now);
  EXPECT_EQ(two.snat_address(two.links().at(4), Family::kIpv4), IpAddress::parse("10.0.0.2"));
  EXPECT_EQ(kernel.links.at(4).snat4, kernel.links.at(3).snat4);
  EXPECT_EQ(two.snat_address(two.links().at(2), Family::kIpv4), IpAddress::parse("10.0.0.1"));
}

TEST_F(Links, AnIndexKeepsItsAddressOverARestart) {
  const IpAddress second = *IpAddress::parse("10.0.0.2");
  kernel.left_control.snat_address4[5] = second.words()[0];
  network.add(2, "eth0", 1);
  network.add_address(2, "10.0.0.2");
  begin();
  EXPECT_EQ(kernel.links.at(2).snat4, 5);  // used before, so used on, although it is not the first
  EXPECT_EQ(kernel.links.at(2).snat6, 0);
  EXPECT_FALSE(kernel.snat.contains({WG_IPV4, 5}));
  EXPECT_EQ(kernel.snat.at({WG_IPV6, 0}), "fd00::1");
}

TEST_F(Links, AGoneAddressKeepsItsIndexWhileOthersAreFree) {
  network.add(2, "eth0", 1);
  begin();
  network.remove_address(2, "10.0.0.1");
  network.add_address(2, "10.0.0.7");
  follow();
  EXPECT_EQ(kernel.links.at(2).snat4, 1);
  EXPECT_EQ(kernel.snat.at({WG_IPV4, 0}), "10.0.0.1");
  EXPECT_EQ(kernel.snat.at({WG_IPV4, 1}), "10.0.0.7");
}

TEST_F(Links, WhenAllIndexesAreTakenTheLongestIdleOneIsUsed) {
  network.add(2, "eth0", 1);
  begin();
  for (int i = 0; i < static_cast<int>(WG_SNAT_ADDRESSES); ++i) {
    network.remove_address(2, "10.0.0." + std::to_string(i + 1));
    network.add_address(2, "10.0.0." + std::to_string(i + 2));
    follow();
  }
  EXPECT_EQ(kernel.links.at(2).snat4, 0);
  EXPECT_EQ(kernel.snat.at({WG_IPV4, 0}), "10.0.0.17");
  EXPECT_EQ(kernel.snat.at({WG_IPV4, 1}), "10.0.0.2");
}

TEST_F(Links, ANodeWithoutAnyAddressSaysSo) {
  network.add(2, "eth0");
  begin();
  EXPECT_EQ(kernel.links.at(2).snat4, WG_NO_ADDRESS);
  ASSERT_TRUE(keeper.next_wake());
  now = *keeper.next_wake();
  keeper.retry(now);
  EXPECT_THAT(keeper.standing_problems(), ElementsAre(HasSubstr("no address of this node")));
  EXPECT_FALSE(keeper.next_wake());
  network.add_address(2, "10.0.0.1");
  follow();
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
}

// At start the source has not told the Node object yet, which names an address that no uplink has.
TEST_F(Links, AnAddressThatComesAMomentLaterIsNoAlarm) {
  network.add(2, "eth0");
  network.add(9, "lo", 7);
  begin();
  keeper.retry(now);
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
  keeper.set_node_addresses(network.interfaces(), {*IpAddress::parse("10.0.0.7")}, now);
  now += std::chrono::hours(1);
  keeper.retry(now);
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
  EXPECT_FALSE(keeper.next_wake());
}

TEST_F(Links, AMissingDeviceIsNamedAndAttachedWhenItAppears) {
  begin();
  EXPECT_THAT(keeper.standing_problems(), ElementsAre(HasSubstr("device 'eth0' of --devices does not exist")));
  network.add(2, "eth0", 1);
  follow();
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
  EXPECT_EQ(kernel.tc, std::set<uint32_t>{2});
}

TEST_F(Links, ADeviceThatIsNotEthernetIsNamedAndNotAttached) {
  network.add(2, "eth0", 1, false);
  begin();
  EXPECT_THAT(keeper.standing_problems(), Contains(HasSubstr("device 'eth0' is not attached: it is no Ethernet")));
  EXPECT_THAT(kernel.tc, IsEmpty());
  EXPECT_THAT(kernel.links, IsEmpty());
}

TEST_F(Links, AVanishedLinkIsForgottenAndItsNumberMayComeBack) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  begin();
  network.remove(3);
  network.add(3, "cali2");
  follow();
  EXPECT_THAT(kernel.detached, ElementsAre(3));
  EXPECT_THAT(kernel.cleared, ElementsAre(3));
  EXPECT_EQ(keeper.links().at(3).name, "cali2");
  EXPECT_TRUE(kernel.tc.contains(3));
  network.remove(3);
  follow();
  EXPECT_FALSE(keeper.links().contains(3));
  EXPECT_FALSE(kernel.links.contains(3));
}

TEST_F(Links, ARenamedLinkChangesItsRole) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  begin();
  network.add(3, "other");
  follow();
  EXPECT_EQ(kernel.tc, std::set<uint32_t>{2});
  network.add(3, "cali1");
  network.add(2, "cali9");
  follow();
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_LOCAL_PODS);
  EXPECT_FALSE(kernel.xdp.contains(2));
}

TEST_F(Links, WhatFailsIsTriedAgainAfterAWhile) {
  network.add(3, "cali1");
  network.add(2, "eth0", 1);
  kernel.attach_failures = 3;
  begin();
  EXPECT_THAT(keeper.standing_problems(), Contains(HasSubstr("the fake kernel refuses")));
  const int attempts = kernel.attach_attempts;
  keeper.retry(now);
  EXPECT_EQ(kernel.attach_attempts, attempts);  // not before its time
  int rounds = 0;
  for (; keeper.next_wake().has_value() && rounds < 10; ++rounds) {
    now = *keeper.next_wake();
    keeper.retry(now);
  }
  EXPECT_GE(rounds, 2);
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
  EXPECT_FALSE(keeper.next_wake().has_value());
  EXPECT_THAT(keeper.standing_problems(), IsEmpty());
}

TEST_F(Links, LeftoversOfAPreviousRunAreDetachedUnlessWanted) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  network.add(4, "wlan0", 2);
  kernel.left_attached = {{2, Hook::kTcIngress, AttachMode::kTcx},
                          {2, Hook::kXdp, AttachMode::kXdpNative},
                          {3, Hook::kXdp, AttachMode::kXdpNative},
                          {4, Hook::kTcIngress, AttachMode::kTcx}};
  kernel.left_control.link[2].ifindex = 2;
  kernel.left_control.link[4].ifindex = 4;
  begin();
  EXPECT_THAT(kernel.detached, ElementsAre(4));
  EXPECT_THAT(kernel.xdp_detached, ElementsAre(3));
  EXPECT_THAT(kernel.cleared, ElementsAre(4));
}

TEST_F(Links, AnUnchangedLinkIsLeftAlone) {
  network.add(2, "eth0", 1);
  begin();
  const int attempts = kernel.attach_attempts;
  kernel.links.clear();
  network.add(2, "eth0", 1);
  follow();
  EXPECT_EQ(kernel.attach_attempts, attempts);
  EXPECT_THAT(kernel.links, IsEmpty());
}

// --- routes with an MTU of their own, which XDP does not see ---

RouteMtus route_over(uint32_t ifindex, uint32_t mtu) {
  RouteMtus mtus;
  mtus.note(ifindex, 1500);
  mtus.note(ifindex, mtu);
  return mtus;
}

TEST_F(Links, XdpSendsNothingByALinkWhileARouteOverItHasASmallerMtu) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  begin();
  EXPECT_TRUE(keeper.set_route_mtus(network.interfaces(), route_over(2, 1290), now));
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK);
  EXPECT_TRUE(kernel.xdp.contains(2));
  EXPECT_THAT(keeper.links().at(2).notices, ElementsAre(HasSubstr("routes have an MTU of their own, so XDP")));
  network.add_address(2, "10.0.0.2");
  follow();
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK);
  EXPECT_FALSE(keeper.set_route_mtus(network.interfaces(), route_over(2, 1400), now)) << "as before";
  EXPECT_EQ(keeper.links().at(2).notices.size(), 1u);

  EXPECT_TRUE(keeper.set_route_mtus(network.interfaces(), route_over(2, 1500), now));
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK | WG_LINK_XDP);
  EXPECT_THAT(keeper.links().at(2).notices, IsEmpty());
}

TEST_F(Links, ARouteOverAPodsLinkMattersNot) {
  network.add(2, "eth0", 1);
  network.add(3, "cali1");
  begin();
  EXPECT_FALSE(keeper.set_route_mtus(network.interfaces(), route_over(3, 1290), now));
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK | WG_LINK_XDP);
  EXPECT_THAT(keeper.links().at(3).notices, IsEmpty());
}

TEST_F(Links, ARouteWhoseLinksAreNotKnownMayLeadOverEach) {
  network.add(2, "eth0", 1);
  begin();
  RouteMtus mtus;
  mtus.note_everywhere(1290);
  EXPECT_TRUE(keeper.set_route_mtus(network.interfaces(), mtus, now));
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK);
}

TEST_F(Links, RoutesAreKnownBeforeTheLinkThatXdpIsAttachedTo) {
  keeper.set_route_mtus(network.interfaces(), route_over(2, 1290), now);
  network.add(2, "eth0", 1);
  begin();
  EXPECT_EQ(kernel.links.at(2).flags, WG_LINK_UPLINK);
  EXPECT_THAT(keeper.links().at(2).notices, ElementsAre(HasSubstr("routes have an MTU of their own")));
}

TEST_F(Links, WithoutNativeXdpNothingIsSaidOfRoutes) {
  kernel.xdp_mode = AttachMode::kXdpGeneric;
  network.add(2, "eth0", 1);
  begin();
  EXPECT_FALSE(keeper.set_route_mtus(network.interfaces(), route_over(2, 1290), now));
  EXPECT_THAT(keeper.links().at(2).notices, IsEmpty());
}

// --- who is a local pod ---

struct LinksToldBy : Links {
  std::vector<std::string> problems(DetectLocalMode mode, const std::string& name = "") {
    DetectLocal detect;
    detect.mode = mode;
    detect.bridge_interface = detect.interface_name_prefix = name;
    LinkKeeper told{{.devices = {"eth0"}, .pod_interfaces = {"cali*"}, .xdp = true, .detect_local = detect}, kernel};
    NodeChanges changes;
    changes.changed = {2};
    told.update(network.interfaces(), changes, now);
    EXPECT_THAT(told.standing_problems(), IsEmpty()) << "there are no pods yet";
    changes.changed = {4};
    told.update(network.interfaces(), changes, now);
    return told.standing_problems();
  }
};

// Proves: K-61
TEST_F(LinksToldBy, ABridgeOrAPrefixThatNoPodsLinkHasIsNamed) {
  network.add(2, "eth0", 1);
  network.add(4, "cali1");
  ASSERT_TRUE(network.take());
  EXPECT_THAT(problems(DetectLocalMode::kInterfaceNamePrefix, "cali"), IsEmpty());
  EXPECT_THAT(problems(DetectLocalMode::kLinks), IsEmpty());
  EXPECT_THAT(problems(DetectLocalMode::kInterfaceNamePrefix, "veth"),
              ElementsAre("pods of this node are not recognised: no link that is attached has, or belongs to a bridge "
                          "that has, the prefix 'veth'; they count as outside clients where externalTrafficPolicy is "
                          "Local; correct detectLocal.interfaceNamePrefix"));
  EXPECT_THAT(problems(DetectLocalMode::kBridgeInterface, "br9"),
              ElementsAre(HasSubstr("is or belongs to the bridge 'br9'")));
}

// --- uplinks that nobody named ---

struct AutomaticLinks : Links {
  std::set<std::string> routes;
  LinkKeeper automatic{{.devices = {"auto"},
                        .pod_interfaces = {"cali*"},
                        .xdp = true,
                        .default_route_devices = [this] { return routes; }},
                       kernel};

  void begin_automatic() {
    const auto changes = network.take();
    ASSERT_TRUE(automatic.adopt(network.interfaces()));
    automatic.update(network.interfaces(), *changes, now);
  }
};

TEST_F(AutomaticLinks, AreThoseOfTheDefaultRoute) {
  routes = {"eth0"};
  network.add(2, "eth0", 1);
  network.add(3, "eth1", 2);
  network.add(4, "cali1");
  begin_automatic();
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 4}));
  EXPECT_EQ(kernel.xdp, std::set<uint32_t>{2});
  EXPECT_THAT(automatic.standing_problems(), IsEmpty());
}

TEST_F(AutomaticLinks, AreJoinedByThatOfTheNodesAddress) {
  routes = {"eth0"};
  network.add(2, "eth0", 1);
  network.add(3, "eth1", 2);
  begin_automatic();
  automatic.set_node_addresses(network.interfaces(), {*IpAddress::parse("10.0.0.2")}, now);
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
}

TEST_F(AutomaticLinks, StayWhenTheirRouteGoes) {
  routes = {"eth0"};
  network.add(2, "eth0", 1);
  begin_automatic();
  routes = {"eth1"};
  network.add(3, "eth1", 2);
  automatic.update(network.interfaces(), *network.take(), now);
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
}

TEST_F(AutomaticLinks, ThatAPreviousRunFoundStay) {
  routes = {"eth0"};
  network.add(2, "eth0", 1);
  network.add(3, "eth1", 2);
  kernel.left_control.link[5].ifindex = 3;
  kernel.left_control.link[5].flags = WG_LINK_UPLINK;
  kernel.left_attached = {{.ifindex = 3}};
  begin_automatic();
  EXPECT_THAT(kernel.detached, IsEmpty());
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
}

TEST_F(AutomaticLinks, NoneIsToldOnce) {
  network.add(4, "cali1");
  begin_automatic();
  EXPECT_THAT(automatic.standing_problems(), Contains(HasSubstr("no uplink is found")));
}

TEST_F(AutomaticLinks, TunnelsToOtherNodesGetNoXdp) {
  routes = {"eth0"};
  network.add(2, "eth0", 1);
  network.add(3, "flannel.1", 2, true, "vxlan");
  begin_automatic();
  EXPECT_EQ(kernel.tc, (std::set<uint32_t>{2, 3}));
  EXPECT_EQ(kernel.xdp, std::set<uint32_t>{2});
  EXPECT_EQ(kernel.links.at(3).flags, WG_LINK_UPLINK);
  EXPECT_THAT(automatic.standing_problems(), IsEmpty());
}

}  // namespace
}  // namespace waggle
