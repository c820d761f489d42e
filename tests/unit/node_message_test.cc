// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>

#include "node/netlink_message.h"

namespace waggle {
namespace {

// One rtnetlink message in a buffer of its own.
struct Message {
  alignas(8) std::array<char, 512> buffer{};
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());

  template <typename Header>
  Header* start(uint16_t type) {
    header->nlmsg_type = type;
    return static_cast<Header*>(mnl_nlmsg_put_extra_header(header, sizeof(Header)));
  }
};

Message link_message(uint16_t type, uint8_t family, int index, const char* name) {
  Message message;
  auto* header = message.start<ifinfomsg>(type);
  header->ifi_family = family;
  header->ifi_index = index;
  header->ifi_type = ARPHRD_ETHER;
  header->ifi_flags = IFF_UP;
  mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
  mnl_attr_put_u32(message.header, IFLA_MTU, 1450);
  nlattr* info = mnl_attr_nest_start(message.header, IFLA_LINKINFO);
  mnl_attr_put_strz(message.header, IFLA_INFO_KIND, "veth");
  mnl_attr_nest_end(message.header, info);
  return message;
}

Message address_message(uint16_t type, int index, uint32_t address) {
  Message message;
  auto* header = message.start<ifaddrmsg>(type);
  header->ifa_family = AF_INET;
  header->ifa_prefixlen = 24;
  header->ifa_index = static_cast<uint32_t>(index);
  mnl_attr_put(message.header, IFA_LOCAL, sizeof address, &address);
  return message;
}

struct NetlinkMessage : testing::Test {
  NodeInterfaces interfaces;
  NodeChanges changes;

  void apply(const Message& message) {
    // The header pointer moves with the buffer's copy.
    apply_netlink_message(reinterpret_cast<const nlmsghdr*>(message.buffer.data()), interfaces, changes);
  }
};

TEST_F(NetlinkMessage, NewLinkIsKnownWithItsProperties) {
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "cali7"));
  const Interface* link = interfaces.find(7);
  ASSERT_NE(link, nullptr);
  EXPECT_EQ(link->name, "cali7");
  EXPECT_EQ(link->kind, "veth");
  EXPECT_EQ(link->mtu, 1450u);
  EXPECT_TRUE(link->up);
  EXPECT_TRUE(link->ethernet);
  EXPECT_EQ(changes.changed, std::set<uint32_t>{7});
  EXPECT_TRUE(changes.next_hops);
}

TEST_F(NetlinkMessage, TheBridgeOfALinkIsKnownWhileItIsItsPort) {
  Message joins = link_message(RTM_NEWLINK, AF_UNSPEC, 7, "veth7");
  mnl_attr_put_u32(reinterpret_cast<nlmsghdr*>(joins.buffer.data()), IFLA_MASTER, 3);
  apply(joins);
  EXPECT_EQ(interfaces.find(7)->master, 3u);
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "veth7"));
  EXPECT_EQ(interfaces.find(7)->master, 0u);
  EXPECT_TRUE(changes.changed.contains(7));
}

TEST_F(NetlinkMessage, LeavingABridgeIsNotTheEndOfALink) {
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "cali7"));
  apply(link_message(RTM_DELLINK, AF_BRIDGE, 7, "cali7"));
  EXPECT_NE(interfaces.find(7), nullptr);
  EXPECT_TRUE(changes.vanished.empty());
}

TEST_F(NetlinkMessage, ALinkThatComesBackUnderItsNumberIsBothVanishedAndChanged) {
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "cali7"));
  changes = {};
  apply(link_message(RTM_DELLINK, AF_UNSPEC, 7, "cali7"));
  EXPECT_TRUE(changes.changed.empty());
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "cali8"));
  EXPECT_EQ(changes.vanished, std::set<uint32_t>{7});
  EXPECT_EQ(changes.changed, std::set<uint32_t>{7});
  EXPECT_EQ(interfaces.find(7)->name, "cali8");
}

TEST_F(NetlinkMessage, AddressesComeAndGo) {
  const uint32_t ip = htonl(0x0a000001);
  apply(link_message(RTM_NEWLINK, AF_UNSPEC, 7, "eth0"));
  apply(address_message(RTM_NEWADDR, 7, ip));
  EXPECT_EQ(interfaces.find(7)->primary_address(Family::kIpv4)->bytes[3], 1);
  apply(address_message(RTM_DELADDR, 7, ip));
  EXPECT_TRUE(interfaces.find(7)->addresses.empty());
}

TEST_F(NetlinkMessage, RoutesAndNeighboursMakeNextHopsStaleAndNothingElse) {
  Message route;
  route.start<rtmsg>(RTM_DELROUTE);
  apply(route);
  EXPECT_TRUE(changes.next_hops);
  EXPECT_TRUE(changes.changed.empty());
  changes = {};
  Message forwarding_entry;
  forwarding_entry.start<ndmsg>(RTM_NEWNEIGH)->ndm_family = AF_BRIDGE;
  apply(forwarding_entry);
  EXPECT_FALSE(changes.any());
  Message neighbour;
  neighbour.start<ndmsg>(RTM_NEWNEIGH)->ndm_family = AF_INET6;
  apply(neighbour);
  EXPECT_TRUE(changes.next_hops);
}

TEST_F(NetlinkMessage, CutShortMessagesAreIgnored) {
  for (const uint16_t type : {RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWNEIGH}) {
    Message message;
    message.start<uint8_t>(type);
    apply(message);
  }
  EXPECT_FALSE(changes.any());
}

}  // namespace
}  // namespace waggle
