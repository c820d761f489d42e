// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/node_ports.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Cidr> cidrs(const std::vector<std::string>& texts) {
  std::vector<Cidr> parsed;
  for (const std::string& one : texts) parsed.push_back(*Cidr::parse(one));
  return parsed;
}

struct NodePorts : testing::Test {
  FakeNetwork network;
  NodeIps ips;

  void SetUp() override {
    network.add(1, "lo", 0, false);
    network.add_address(1, "127.0.0.1");
    network.add_address(1, "::1");
    network.add(2, "eth0");
    network.add_address(2, "192.168.0.2");
    network.add_address(2, "192.168.1.2");
    network.add_address(2, "2001:db8::1");
    network.add_address(2, "2001:db8:1::2");
    network.add_address(2, "fe80::2");
    network.add(3, "veth1");
    network.add_address(3, "fe80::3");
    ips.of[0] = IpAddress::parse("192.168.0.2");
    ips.of[1] = IpAddress::parse("2001:db8::1");
  }
  [[nodiscard]] std::vector<Cidr> meant(NodePortAccept accept, const std::vector<std::string>& listed = {}) const {
    return node_port_cidrs({.accept = accept, .cidrs = cidrs(listed)}, ips);
  }
  [[nodiscard]] std::vector<std::string> served(NodePortAccept accept,
                                                const std::vector<std::string>& listed = {}) const {
    std::vector<std::string> texts;
    for (const IpAddress& ip : node_port_addresses(meant(accept, listed), network.interfaces()))
      texts.push_back(ip.text());
    return texts;
  }
};

// Proves: K-40, X-150
TEST_F(NodePorts, AreOnEveryAddressButLoopbackAndLinkLocalOnes) {
  EXPECT_THAT(served(NodePortAccept::kEveryAddress),
              ElementsAre("192.168.0.2", "192.168.1.2", "2001:db8::1", "2001:db8:1::2"));
}

// Proves: K-40, X-151
TEST_F(NodePorts, OfPrimaryAreOnTheNodesOwnAddresses) {
  EXPECT_THAT(served(NodePortAccept::kNodeAddresses), ElementsAre("192.168.0.2", "2001:db8::1"));
}

// Proves: K-41, X-160
TEST_F(NodePorts, OfPrimaryAreOnAllAddressesOfAFamilyThatTheNodeObjectLacks) {
  ips.of[1].reset();
  EXPECT_THAT(served(NodePortAccept::kNodeAddresses), ElementsAre("192.168.0.2", "2001:db8::1", "2001:db8:1::2"));
}

struct Listing {
  std::vector<std::string> cidrs;
  std::vector<std::string> served;
};

// Proves: K-42, X-152, X-153, X-154, X-155, X-156, X-157
TEST_F(NodePorts, OfAListAreOnTheAddressesInItsCidrs) {
  const std::vector<std::string> all4{"192.168.0.2", "192.168.1.2"};
  const std::vector<std::string> all6{"2001:db8::1", "2001:db8:1::2"};
  const auto both = [](std::vector<std::string> some, const std::vector<std::string>& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
  };
  const std::vector<Listing> listings = {
      {{"192.168.0.0/24", "192.168.1.0/24", "2001:db8::/64"}, both(all4, {"2001:db8::1"})},
      {{"192.168.0.0/24"}, both({"192.168.0.2"}, all6)},
      {{"1.2.3.0/24", "0.0.0.0/0"}, both(all4, all6)},
      {{"0.0.0.0/0", "1.2.3.0/24"}, both(all4, all6)},
      {{"::/0", "1.2.3.0/24"}, all6},
      {{"1.2.3.0/24", "2001:db9::/64"}, {}},
      {{"192.168.0.0/24", "192.168.0.0/16", "2001:db9::/64"}, all4},
      {{"192.168.0.0/24", "fe80::2/128"}, {"192.168.0.2", "fe80::2"}},
  };
  for (const Listing& one : listings) EXPECT_EQ(served(NodePortAccept::kListed, one.cidrs), one.served);
}

// Proves: K-44, X-158, X-159, X-161
TEST_F(NodePorts, AreNeverOnLoopbackWhichIsSaid) {
  const auto notice = [](const std::string& cidr) {
    return loopback_notice({.accept = NodePortAccept::kListed, .cidrs = cidrs({cidr})});
  };
  for (const std::string cidr : {"127.0.0.1/32", "127.0.2.0/28", "64.0.0.0/2", "::1/128"}) {
    EXPECT_THAT(served(NodePortAccept::kListed, {cidr, "1.2.3.4/32", "2001:db9::/64"}), IsEmpty());
    EXPECT_THAT(notice(cidr), HasSubstr("no node port is served on the loopback addresses of " + cidr));
  }
  for (const std::string cidr : {"128.0.2.0/28", "0.0.0.0/0", "192.168.0.0/24", "2001:db8::/64"})
    EXPECT_EQ(notice(cidr), "");
}

// Proves: K-43
// Proves: I-63
TEST_F(NodePorts, FollowTheAddressesOfLinks) {
  network.remove_address(2, "192.168.1.2");
  network.add_address(3, "192.168.0.9");
  EXPECT_THAT(served(NodePortAccept::kListed, {"192.168.0.0/16", "2001:db9::/64"}),
              ElementsAre("192.168.0.2", "192.168.0.9"));
}

// Proves: O-20, X-197
TEST_F(NodePorts, AddressesOfTheLinkThatIpvsModeLeavesAreNotTheNodesOwn) {
  const auto own = own_addresses(network.interfaces());
  network.add(9, "kube-ipvs0");
  network.add_address(9, "10.96.0.1");
  EXPECT_EQ(own_addresses(network.interfaces()), own);
  network.add(10, "nodelocaldns");
  network.add_address(10, "10.96.0.10");
  EXPECT_EQ(own_addresses(network.interfaces()).size(), own.size() + 1);
}

TEST_F(NodePorts, HealthChecksListenWhereNodePortsAreAndOnLoopbackIfThatIsListed) {
  const auto listening = [this](NodePortAccept accept, const std::vector<std::string>& listed = {}) {
    std::vector<std::string> texts;
    for (const IpAddress& ip : health_check_addresses(meant(accept, listed), network.interfaces()))
      texts.push_back(ip.text());
    return texts;
  };
  EXPECT_THAT(listening(NodePortAccept::kEveryAddress), ElementsAre("0.0.0.0", "::"));
  EXPECT_THAT(listening(NodePortAccept::kNodeAddresses), ElementsAre("192.168.0.2", "2001:db8::1"));
  EXPECT_THAT(listening(NodePortAccept::kListed, {"127.0.0.0/8"}), ElementsAre("127.0.0.1", "::"));
  EXPECT_THAT(listening(NodePortAccept::kListed, {"127.0.0.0/8", "::1/128"}), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(listening(NodePortAccept::kListed, {"1.2.3.0/24", "2001:db9::/64"}), IsEmpty());
}

}  // namespace
}  // namespace waggle
