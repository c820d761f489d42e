// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/node_identity.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Family> kBoth{Family::kIpv4, Family::kIpv6};

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }
std::string text(const std::optional<IpAddress>& address) { return address.has_value() ? address->text() : "-"; }

std::vector<Cidr> cidrs(const std::vector<std::string>& texts) {
  std::vector<Cidr> parsed;
  for (const std::string& one : texts) parsed.push_back(*Cidr::parse(one));
  return parsed;
}

struct IpCase {
  std::string bind;
  std::vector<std::string> node;
  Family primary;
  std::string ipv4;
  std::string ipv6;
};

// Proves: I-61, I-62, X-226
TEST(NodeIps, AreTheFirstOfEachFamilyUnlessTheNodeIsBoundToAnother) {
  const std::vector<IpCase> cases = {
      {"", {}, Family::kIpv4, "-", "-"},
      {"", {"192.168.0.2"}, Family::kIpv4, "192.168.0.2", "-"},
      {"", {"fd00::2"}, Family::kIpv6, "-", "fd00::2"},
      {"", {"192.168.0.2", "fd00::2"}, Family::kIpv4, "192.168.0.2", "fd00::2"},
      {"", {"fd00::2", "192.168.0.2"}, Family::kIpv6, "192.168.0.2", "fd00::2"},
      {"", {"192.168.0.2", "192.168.0.3", "fd00::2"}, Family::kIpv4, "192.168.0.2", "fd00::2"},
      {"10.9.8.7", {}, Family::kIpv4, "10.9.8.7", "-"},
      {"10.9.8.7", {"192.168.0.2"}, Family::kIpv4, "10.9.8.7", "-"},
      {"10.9.8.7", {"fd00::2"}, Family::kIpv4, "10.9.8.7", "fd00::2"},
      {"10.9.8.7", {"fd00::2", "192.168.0.2"}, Family::kIpv4, "10.9.8.7", "fd00::2"},
      {"fd80::9", {}, Family::kIpv6, "-", "fd80::9"},
      {"fd80::9", {"fd00::2"}, Family::kIpv6, "-", "fd80::9"},
      {"fd80::9", {"192.168.0.2"}, Family::kIpv6, "192.168.0.2", "fd80::9"},
      {"fd80::9", {"192.168.0.2", "fd00::2"}, Family::kIpv6, "192.168.0.2", "fd80::9"},
  };
  for (const IpCase& one : cases) {
    std::vector<IpAddress> node;
    for (const std::string& address : one.node) node.push_back(ip(address));
    const NodeIps ips = node_ips(one.bind.empty() ? std::nullopt : std::optional(ip(one.bind)), node);
    EXPECT_EQ(ips.primary, one.primary) << one.bind;
    EXPECT_EQ(text(ips.of[0]), one.ipv4) << one.bind;
    EXPECT_EQ(text(ips.of[1]), one.ipv6) << one.bind;
  }
}

struct FamilyCase {
  DetectLocal detect;
  std::vector<std::string> pod_cidrs;
  std::vector<Family> served;
  Family primary;
  bool fatal;
};

DetectLocal by_cluster(const std::vector<std::string>& texts) {
  DetectLocal detect;
  detect.mode = DetectLocalMode::kClusterCidr;
  detect.cluster_cidrs = cidrs(texts);
  return detect;
}
DetectLocal by_node() {
  DetectLocal detect;
  detect.mode = DetectLocalMode::kNodeCidr;
  return detect;
}

// Proves: O-13
TEST(Families, AreFatalOnlyWhereNothingCouldWork) {
  const std::vector<Family> four{Family::kIpv4};
  const std::vector<FamilyCase> cases = {
      {by_cluster({"10.0.0.0/8"}), {}, four, Family::kIpv4, false},
      {by_cluster({"fd00::/8"}), {}, four, Family::kIpv4, true},
      {by_cluster({"fd00::/8"}), {}, kBoth, Family::kIpv4, false},
      {by_cluster({"10.0.0.0/8", "fd00::/8"}), {}, four, Family::kIpv4, false},
      {by_cluster({}), {}, four, Family::kIpv4, false},
      {by_node(), {"fd00::/64"}, kBoth, Family::kIpv4, true},
      {by_node(), {"10.1.0.0/24", "fd00::/64"}, kBoth, Family::kIpv4, false},
      {by_node(), {"10.1.0.0/24"}, kBoth, Family::kIpv6, true},
      {DetectLocal{}, {"fd00::/64"}, kBoth, Family::kIpv4, false},
      {DetectLocal{}, {}, four, Family::kIpv6, true},
      {DetectLocal{}, {}, kBoth, Family::kIpv6, false},
  };
  for (const FamilyCase& one : cases) {
    AgentOptions options;
    options.detect_local = one.detect;
    const auto found = check_families(options, {.primary = one.primary, .of = {}}, cidrs(one.pod_cidrs), one.served);
    EXPECT_EQ(found.fatal.has_value(), one.fatal) << &one - cases.data();
  }
}

// Proves: O-13
TEST(Families, OfNodePortAddressesAreOnlySaid) {
  AgentOptions options;
  options.node_ports = {.accept = NodePortAccept::kListed, .cidrs = cidrs({"fd00::/8"})};
  const auto found = check_families(options, {}, {}, kBoth);
  EXPECT_FALSE(found.fatal.has_value());
  EXPECT_THAT(found.notices, ElementsAre(HasSubstr("nodePortAddresses (fd00::/8) has IPv6 only")));
}

struct Identity : testing::Test {
  AgentOptions options;
  TimePoint start{1h};
  std::optional<NodeIdentity> identity;

  void SetUp() override { options.node_name = "n1"; }
  void begin() { identity.emplace(options, kBoth, start); }
  void take(const std::vector<std::string>& addresses, const std::vector<std::string>& pod_cidrs = {}) {
    Node node;
    node.name = "n1";
    for (const std::string& address : addresses) node.addresses.push_back(ip(address));
    node.pod_cidrs = cidrs(pod_cidrs);
    identity->take(&node, false);
  }
  std::string failure_at(TimePoint now) {
    const auto checked = identity->check(now);
    return checked ? "" : checked.error().message;
  }
};

// Proves: I-67, X-220
TEST_F(Identity, IsWaitedForHalfAMinute) {
  begin();
  EXPECT_EQ(failure_at(start + 29s), "");
  EXPECT_FALSE(identity->settled());
  EXPECT_EQ(identity->next_wake(), start + 30s);
  EXPECT_EQ(failure_at(start + 30s), "");
  EXPECT_TRUE(identity->settled());
  EXPECT_EQ(identity->next_wake(), std::nullopt);
  EXPECT_THAT(identity->ips().all(), IsEmpty());
}

// Proves: I-67, X-221
TEST_F(Identity, ThatComesDuringTheWaitCounts) {
  begin();
  take({});
  EXPECT_FALSE(identity->settled());
  take({"10.0.0.1"});
  EXPECT_TRUE(identity->settled());
  EXPECT_THAT(identity->ips().all(), ElementsAre(ip("10.0.0.1")));
  EXPECT_EQ(failure_at(start + 1h), "");
}

TEST_F(Identity, OfManifestsIsNotWaitedFor) {
  begin();
  identity->take(nullptr, true);
  EXPECT_TRUE(identity->settled());
}

// Proves: X-224
TEST_F(Identity, ThatChangesOrGoesEndsNothing) {
  begin();
  take({"10.0.0.1"});
  take({"10.0.0.2"});
  EXPECT_THAT(identity->ips().all(), ElementsAre(ip("10.0.0.2")));
  identity->take(nullptr, false);
  EXPECT_THAT(identity->ips().all(), ElementsAre(ip("10.0.0.2")));
  EXPECT_EQ(failure_at(start + 1h), "");
}

// Proves: I-67, X-220, X-222
TEST_F(Identity, WithoutPodCidrsEndsNodeCidrAfterFiveMinutes) {
  options.detect_local = by_node();
  begin();
  take({"10.0.0.1"});
  EXPECT_EQ(failure_at(start + 299s), "");
  EXPECT_EQ(identity->next_wake(), start + 300s);
  EXPECT_THAT(failure_at(start + 300s), HasSubstr("the Node object 'n1' got no podCIDRs within 5 minutes"));
}

// Proves: X-222
TEST_F(Identity, WithPodCidrsButNoAddressGoesOn) {
  options.detect_local = by_node();
  begin();
  take({}, {"10.1.0.0/24"});
  EXPECT_EQ(failure_at(start + 1h), "");
  EXPECT_EQ(identity->pod_cidrs().size(), 1u);
}

// Proves: I-65, X-223, O-76
TEST_F(Identity, OfOtherPodCidrsEndsTheAgentInModeNodeCidrOnly) {
  begin();
  take({"10.0.0.1"}, {"10.1.0.0/24"});
  take({"10.0.0.1"}, {"10.2.0.0/24"});
  EXPECT_EQ(failure_at(start), "");

  options.detect_local = by_node();
  begin();
  take({"10.0.0.1"}, {"10.1.0.0/24", "fd00::/64"});
  take({"10.0.0.1"}, {"10.1.0.0/24", "fd00::/64"});
  EXPECT_EQ(failure_at(start), "");
  take({"10.0.0.1"}, {"fd00::/64", "10.1.0.0/24"});  // another order is another list
  EXPECT_THAT(failure_at(start), HasSubstr("changed from 10.1.0.0/24, fd00::/64 to fd00::/64, 10.1.0.0/24"));
}

}  // namespace
}  // namespace waggle
