// SPDX-License-Identifier: Apache-2.0
// Nodes as CNIs leave them, and which links are taken for uplinks there.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "node/uplinks.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kPods{"cali*", "veth*", "lxc*"};

struct Node {
  NodeInterfaces interfaces;
  uint32_t next = 1;

  Node& add(const std::string& name, const std::string& kind, const std::string& address = "", bool ethernet = true) {
    const uint32_t index = next++;
    interfaces.put({.index = index,
                    .name = name,
                    .kind = kind,
                    .mtu = 1500,
                    .up = true,
                    .ethernet = ethernet,
                    .loopback = name == "lo",
                    .addresses = {}});
    if (!address.empty()) interfaces.put_address(index, {.address = *IpAddress::parse(address), .prefix_length = 24});
    return *this;
  }
  [[nodiscard]] std::set<std::string> uplinks(const std::vector<std::string>& node_addresses,
                                              const std::set<std::string>& routes = {}) const {
    std::vector<IpAddress> addresses;
    for (const std::string& text : node_addresses) addresses.push_back(*IpAddress::parse(text));
    return choose_uplinks(interfaces, addresses, routes, kPods);
  }
};

Node calico() {
  return Node()
      .add("lo", "", "127.0.0.1", false)
      .add("ens3", "", "192.0.2.10")
      .add("cali1", "veth")
      .add("vxlan.calico", "vxlan", "10.244.1.0");
}

Node flannel() {
  return Node()
      .add("eth0", "", "192.0.2.10")
      .add("cni0", "bridge", "10.244.1.1")
      .add("veth1", "veth")
      .add("flannel.1", "vxlan", "10.244.1.0");
}

TEST(Uplinks, AreThoseOfTheNodesAddressAndTheTunnelsToOtherNodes) {
  EXPECT_THAT(calico().uplinks({"192.0.2.10"}), ElementsAre("ens3", "vxlan.calico"));
  EXPECT_THAT(flannel().uplinks({"192.0.2.10"}), ElementsAre("eth0", "flannel.1"));
}

TEST(Uplinks, AreThoseOfDefaultRoutesToo) {
  Node node = flannel();
  node.add("eth1", "", "198.51.100.7").add("storage0", "", "203.0.113.9");
  EXPECT_THAT(node.uplinks({"192.0.2.10"}, {"eth1"}), ElementsAre("eth0", "eth1", "flannel.1"));
  EXPECT_THAT(node.uplinks({}, {"eth0"}), ElementsAre("eth0", "flannel.1"));
}

TEST(Uplinks, AreGuessedWhileNothingElseIsKnown) {
  EXPECT_THAT(flannel().uplinks({}), ElementsAre("eth0", "flannel.1"));
  EXPECT_THAT(Node().add("docker0", "bridge", "172.17.0.1").add("eth0", "veth", "172.18.0.3").uplinks({}),
              ElementsAre("eth0"));
  EXPECT_THAT(Node().add("eth0", "").add("tun0", "tun", "10.8.0.1", false).uplinks({}), IsEmpty());
}

TEST(Uplinks, MayBeABridgeOrABondThatHoldsTheNodesAddress) {
  const Node node = Node().add("eth0", "").add("br0", "bridge", "192.0.2.10").add("cni0", "bridge", "10.244.1.1");
  EXPECT_THAT(node.uplinks({"192.0.2.10"}), ElementsAre("br0"));
  EXPECT_THAT(Node().add("bond0", "bond", "192.0.2.10").uplinks({}), ElementsAre("bond0"));
}

TEST(Uplinks, AreEthernetOnly) {
  EXPECT_THAT(Node().add("ppp0", "ppp", "192.0.2.10", false).uplinks({"192.0.2.10"}, {"ppp0"}), IsEmpty());
  EXPECT_THAT(Node().add("lo", "", "192.0.2.10").uplinks({"192.0.2.10"}), IsEmpty());
}

TEST(DefaultRoutes, AreReadFromBothTables) {
  const std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("waggle-routes-" + std::to_string(::getpid()));
  std::filesystem::create_directories(root);
  std::ofstream(root / "route")
      << "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
         "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
         "eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
         "vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
         "half\t0000\n";
  const std::string zero(32, '0');
  std::ofstream(root / "ipv6_route") << "fd000000000000000000000000000000 40 " << zero << " 00 " << zero
                                     << " 00000100 1 0 00000001     eth2\n"
                                     << zero << " 00 " << zero
                                     << " 00 fd000000000000000000000000000001 00000400 2 0 00000003     eth3\n"
                                     << zero << " 00 " << zero << " 00 " << zero << " ffffffff 1 0 00200200       lo\n";
  EXPECT_THAT(default_route_devices(root), ElementsAre("eth0", "eth3"));
  EXPECT_THAT(default_route_devices(root / "none"), IsEmpty());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace waggle
