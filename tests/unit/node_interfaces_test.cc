// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "node/interfaces.h"

namespace waggle {
namespace {

InterfaceAddress address(uint8_t last, uint32_t flags = 0, uint8_t scope = RT_SCOPE_UNIVERSE) {
  InterfaceAddress result;
  result.address.bytes = {10, 0, 0, last};
  result.prefix_length = 24;
  result.flags = flags;
  result.scope = scope;
  return result;
}

InterfaceAddress address6(uint8_t last, uint32_t flags = 0, uint8_t scope = RT_SCOPE_UNIVERSE) {
  InterfaceAddress result = address(0, flags, scope);
  result.address.family = Family::kIpv6;
  result.address.bytes = {0xfd, 0};
  result.address.bytes[15] = last;
  result.prefix_length = 64;
  return result;
}

Interface link(uint32_t index, const std::string& name) {
  Interface result;
  result.index = index;
  result.name = name;
  result.ethernet = true;
  return result;
}

TEST(InterfacePattern, MatchesNamesAndGlobs) {
  const std::vector<std::string> patterns{"eth0", "cali*", "en?s[12]"};
  EXPECT_TRUE(matches_any(patterns, "eth0"));
  EXPECT_TRUE(matches_any(patterns, "cali0123456789a"));
  EXPECT_TRUE(matches_any(patterns, "cali"));
  EXPECT_TRUE(matches_any(patterns, "en0s2"));
  EXPECT_FALSE(matches_any(patterns, "eth01"));
  EXPECT_FALSE(matches_any(patterns, "xeth0"));
  EXPECT_FALSE(matches_any(patterns, "en0s3"));
  EXPECT_FALSE(matches_any({}, "eth0"));
}

TEST(InterfacePattern, TellsGlobsFromNames) {
  EXPECT_TRUE(is_glob("cali*"));
  EXPECT_TRUE(is_glob("eth[01]"));
  EXPECT_FALSE(is_glob("eth0.5@x"));
}

TEST(Interface, PrimaryAddressSkipsWhatMustNotBeASource) {
  Interface uplink = link(2, "eth0");
  uplink.addresses = {address(1, 0, RT_SCOPE_LINK),
                      address(2, IFA_F_SECONDARY),
                      address(3),
                      address(4),
                      address6(1, 0, RT_SCOPE_LINK),
                      address6(2, IFA_F_TENTATIVE),
                      address6(3, IFA_F_DEPRECATED),
                      address6(4, IFA_F_TEMPORARY),
                      address6(5),
                      address6(6)};
  EXPECT_EQ(uplink.primary_address(Family::kIpv4), address(3).address);
  EXPECT_EQ(uplink.primary_address(Family::kIpv6), address6(5).address);
}

TEST(Interface, HasNoPrimaryAddressWithoutAny) {
  EXPECT_EQ(link(2, "eth0").primary_address(Family::kIpv4), std::nullopt);
}

TEST(NodeInterfaces, TellsWhetherAnythingChanged) {
  NodeInterfaces interfaces;
  EXPECT_TRUE(interfaces.put(link(2, "eth0")));
  EXPECT_FALSE(interfaces.put(link(2, "eth0")));
  EXPECT_TRUE(interfaces.put(link(2, "uplink")));
  EXPECT_TRUE(interfaces.put_address(2, address(1)));
  EXPECT_FALSE(interfaces.put_address(2, address(1)));
  EXPECT_TRUE(interfaces.put_address(2, address(1, IFA_F_SECONDARY)));
  EXPECT_FALSE(interfaces.remove_address(2, address(9)));
  EXPECT_TRUE(interfaces.remove_address(2, address(1)));
  EXPECT_TRUE(interfaces.remove(2));
  EXPECT_FALSE(interfaces.remove(2));
}

TEST(NodeInterfaces, ALinkThatChangesKeepsItsAddresses) {
  NodeInterfaces interfaces;
  interfaces.put(link(2, "eth0"));
  interfaces.put_address(2, address(1));
  interfaces.put(link(2, "uplink"));
  EXPECT_TRUE(interfaces.owns(address(1).address));
  EXPECT_EQ(interfaces.find("eth0"), nullptr);
  ASSERT_NE(interfaces.find("uplink"), nullptr);
  EXPECT_EQ(interfaces.find("uplink")->addresses.size(), 1u);
}

TEST(NodeInterfaces, AddressesOfUnknownLinksAreIgnored) {
  NodeInterfaces interfaces;
  EXPECT_FALSE(interfaces.put_address(7, address(1)));
  EXPECT_FALSE(interfaces.owns(address(1).address));
  EXPECT_TRUE(interfaces.all().empty());
}

}  // namespace
}  // namespace waggle
