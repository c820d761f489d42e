// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "daemon/local_pods.h"
#include "daemon/object_judge.h"
#include "model/service_cidrs.h"

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

DetectLocal detect(DetectLocalMode mode, const std::vector<std::string>& cluster = {}) {
  DetectLocal detect;
  detect.mode = mode;
  detect.cluster_cidrs = cidrs(cluster);
  return detect;
}

TEST(LocalPods, APrefixIsAddressAndMaskInNetworkOrder) {
  const wg_prefix prefix = prefix_of(*Cidr::parse("10.128.0.0/9"));
  EXPECT_THAT(prefix.address, ElementsAre(htonl(0x0a800000), 0, 0, 0));
  EXPECT_THAT(prefix.mask, ElementsAre(htonl(0xff800000), 0, 0, 0));
  EXPECT_THAT(prefix_of(*Cidr::parse("fd00::/34")).mask, ElementsAre(0xffffffff, htonl(0xc0000000), 0, 0));
  EXPECT_THAT(prefix_of(*Cidr::parse("::/0")).mask, ElementsAre(0, 0, 0, 0));
}

struct DetectorCase {
  DetectLocal detect;
  std::vector<std::string> pod_cidrs;  // of the node
  wg_detector detector;
  std::string ipv4;  // "": no detector for it
  std::string ipv6;
};

// Proves: K-61, X-227
TEST(LocalPods, AreToldByTheFirstCidrOfEachFamily) {
  const std::vector<DetectorCase> cases = {
      {detect(DetectLocalMode::kClusterCidr), {"10.9.0.0/24"}, WG_DETECT_NONE, "", ""},
      {detect(DetectLocalMode::kClusterCidr, {"10.0.0.0/8"}), {"fd99::/64"}, WG_DETECT_CIDR, "10.0.0.0/8", ""},
      {detect(DetectLocalMode::kClusterCidr, {"fd00::/48"}), {}, WG_DETECT_CIDR, "", "fd00::/48"},
      {detect(DetectLocalMode::kClusterCidr, {"fd00::/48", "10.0.0.0/8"}),
       {},
       WG_DETECT_CIDR,
       "10.0.0.0/8",
       "fd00::/48"},
      {detect(DetectLocalMode::kNodeCidr, {"10.0.0.0/8"}), {}, WG_DETECT_NONE, "", ""},
      {detect(DetectLocalMode::kNodeCidr), {"10.1.0.0/24", "10.2.0.0/24"}, WG_DETECT_CIDR, "10.1.0.0/24", ""},
      {detect(DetectLocalMode::kNodeCidr), {"fd00::/64", "10.1.0.0/24"}, WG_DETECT_CIDR, "10.1.0.0/24", "fd00::/64"},
      {detect(DetectLocalMode::kBridgeInterface, {"10.0.0.0/8"}), {"10.1.0.0/24"}, WG_DETECT_LINKS, "", ""},
      {detect(DetectLocalMode::kInterfaceNamePrefix), {"10.1.0.0/24"}, WG_DETECT_LINKS, "", ""},
      {detect(DetectLocalMode::kLinks), {"10.1.0.0/24"}, WG_DETECT_EVERY_LINK, "", ""},
      {detect(DetectLocalMode::kNone), {"10.1.0.0/24"}, WG_DETECT_NONE, "", ""},
  };
  for (const DetectorCase& one : cases) {
    const PodDetector found = pod_detector(one.detect, cidrs(one.pod_cidrs));
    EXPECT_EQ(found.detector, one.detector) << &one - cases.data();
    for (const auto& [family, text] : {std::pair{0, one.ipv4}, std::pair{1, one.ipv6}}) {
      ASSERT_EQ(found.pod_cidrs[family].has_value(), !text.empty()) << &one - cases.data();
      if (text.empty()) continue;
      const wg_prefix wanted = prefix_of(*Cidr::parse(text));
      EXPECT_EQ(std::memcmp(&*found.pod_cidrs[family], &wanted, sizeof(wanted)), 0) << text;
    }
  }
}

struct LinkCase {
  DetectLocalMode mode;
  std::string name;  // bridge or prefix
  std::string expected;
};

// Proves: K-61, X-228
TEST(LocalPods, ComeInOnTheLinksThatTheModeMeans) {
  NodeInterfaces interfaces;
  const auto add = [&interfaces](uint32_t index, const std::string& name, uint32_t master = 0) {
    Interface link;
    link.index = index;
    link.name = name;
    link.master = master;
    interfaces.put(link);
  };
  add(2, "eth0");
  add(3, "eth1");
  add(4, "avz");
  add(5, "avz2");
  add(6, "veth1", 4);
  add(7, "veth2", 5);
  const std::vector<LinkCase> cases = {
      {DetectLocalMode::kLinks, "", "eth1 avz avz2 veth1 veth2 "},
      {DetectLocalMode::kInterfaceNamePrefix, "eth", "eth0 eth1 "},
      {DetectLocalMode::kInterfaceNamePrefix, "veth", "veth1 veth2 "},
      {DetectLocalMode::kInterfaceNamePrefix, "avz", "avz avz2 veth1 veth2 "},
      {DetectLocalMode::kBridgeInterface, "avz", "avz veth1 "},
      {DetectLocalMode::kClusterCidr, "eth", ""},
      {DetectLocalMode::kNone, "eth", ""},
  };
  for (const LinkCase& one : cases) {
    DetectLocal mode;
    mode.mode = one.mode;
    mode.bridge_interface = one.name;
    mode.interface_name_prefix = one.name;
    std::string found;
    for (const auto& [index, link] : interfaces.all()) {
      if (leads_to_local_pods(mode, interfaces, link, link.name == "eth0")) found += link.name + " ";
    }
    EXPECT_EQ(found, one.expected);
  }
}

ServiceCidr object(const std::string& name, const std::vector<std::string>& texts) {
  ServiceCidr object;
  object.name = name;
  object.cidrs = cidrs(texts);
  return object;
}

// Proves: I-70, X-236
TEST(ServiceCidrsOfAll, AreTheUnionByFamily) {
  State state;
  state.apply(object("a", {"10.96.0.0/12", "fd00::/108"}));
  state.apply(object("b", {"10.96.0.0/12", "10.100.0.0/16", "172.30.0.0/16"}));
  EXPECT_THAT(service_cidrs(state)[0], ElementsAre(*Cidr::parse("10.96.0.0/12"), *Cidr::parse("172.30.0.0/16")));
  EXPECT_THAT(service_cidrs(state)[1], ElementsAre(*Cidr::parse("fd00::/108")));
  state.apply(Deletion{.kind = ObjectKind::kServiceCidr, .name = {.name_space = "", .name = "a"}});
  EXPECT_THAT(service_cidrs(state)[0], ElementsAre(*Cidr::parse("10.96.0.0/12"), *Cidr::parse("172.30.0.0/16")))
      << "another object has it, too";
  EXPECT_THAT(service_cidrs(state)[1], IsEmpty());
}

TEST(ServiceCidrsOfAll, MoreThanThereIsRoomForAreNamed) {
  ServiceCidrs many;
  for (size_t i = 0; i < WG_SERVICE_CIDRS; ++i) many[0].push_back(*Cidr::parse("10." + std::to_string(i) + ".0.0/16"));
  EXPECT_EQ(service_cidr_problem(many), "");
  many[0].push_back(*Cidr::parse("10.77.0.0/16"));
  many[0].push_back(*Cidr::parse("10.78.0.0/16"));
  EXPECT_THAT(service_cidr_problem(many), HasSubstr("more than 8 service CIDRs of a family: packets to addresses of "
                                                    "10.77.0.0/16, 10.78.0.0/16"));
}

}  // namespace
}  // namespace waggle
