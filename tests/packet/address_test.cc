// SPDX-License-Identifier: Apache-2.0
// Service addresses beyond their frontends: other ports and protocols of a ClusterIP, pings, addresses of a ServiceCIDR
// that no service has.
#include "packet_case.h"

namespace waggle {
namespace {

constexpr uint32_t kAll = WG_POLICY_ANSWER_PING | WG_POLICY_REJECT_UNKNOWN | WG_POLICY_DROP_UNALLOCATED;
constexpr uint8_t kGre = 47;
constexpr uint16_t kOtherPort = 81;

class Address : public VariantTest {
 protected:
  void serve_at(uint32_t policy) {
    use_policy(policy);
    rig().set_service_cidrs({Cidr::parse("10.99.0.0/16").value(), Cidr::parse("10.96.0.0/12").value(),
                             Cidr::parse("fd00:96::/112").value()});
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = {at().local_backend}});
  }
  [[nodiscard]] size_t quoted() const { return GetParam().udp() ? 8 : 20; }
  [[nodiscard]] std::string unallocated() const { return GetParam().ipv6() ? "fd00:96::77" : "10.96.0.77"; }
  [[nodiscard]] PacketSpec to_other_port(const std::string& destination) const {
    PacketSpec spec = request(at().pod, destination);
    spec.destination_port = kOtherPort;
    return spec;
  }
  // The same sender and address, with another protocol behind the IP header.
  [[nodiscard]] Bytes other_protocol(const std::string& destination, uint8_t protocol, const Bytes& behind) const {
    const IpLayer ip{.source = at().pod, .destination = destination, .protocol = protocol};
    return ethernet_layer(kNodeMac, kClientMac, {}, GetParam().ipv6() ? kEtherIpv6 : kEtherIpv4, ip_layer(ip, behind));
  }
  // An echo request or reply: `type` by family.
  [[nodiscard]] Bytes echo(const std::string& source, const std::string& destination, bool is_reply, uint8_t ttl = 64,
                           const Mac& to = kNodeMac, const Mac& from = kClientMac) const {
    const bool ipv6 = GetParam().ipv6();
    const IpLayer ip{
        .source = source, .destination = destination, .protocol = static_cast<uint8_t>(ipv6 ? 58 : 1), .ttl = ttl};
    const uint8_t type = ipv6 ? (is_reply ? 129 : 128) : (is_reply ? 0 : 8);
    const Bytes behind = icmp_layer(ip, type, 0, {0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g', '!'});
    return ethernet_layer(to, from, {}, ipv6 ? kEtherIpv6 : kEtherIpv4, ip_layer(ip, behind));
  }
  void expect_untouched(const std::string& what, const Bytes& packet, const std::string& reason) {
    expect(what, {.packet = packet}, {.packet = packet, .reasons = {{reason, 1}}});
  }
  void expect_rejected(const std::string& what, const PacketSpec& spec) {
    expect(what, {.packet = build(spec)},
           {.verdict = TC_ACT_REDIRECT,
            .packet = build_port_unreachable(spec, quoted()),
            .reasons = {{"unknown-port", 1}}});
  }
};
INSTANTIATE_TEST_SUITE_P(, Address, kVariants, variant_name);

// Proves: K-85
TEST_P(Address, AnotherPortOfAClusterIpIsRejected) {
  serve_at(kAll);
  expect_rejected("another port", to_other_port(at().cluster_ip));
  EXPECT_EQ(backend_of({.packet = build(request(at().pod, at().cluster_ip))}), at().local_backend);
}

// Proves: K-85
TEST_P(Address, AnotherProtocolOnTheSamePortIsRejected) {
  serve_at(kAll);
  PacketSpec spec = request(at().pod, at().cluster_ip);
  spec.protocol = GetParam().udp() ? Protocol::kTcp : Protocol::kUdp;
  expect("the same port", {.packet = build(spec)},
         {.verdict = TC_ACT_REDIRECT,
          .packet = build_port_unreachable(spec, GetParam().udp() ? 20 : 8),
          .reasons = {{"unknown-port", 1}}});
}

// Proves: K-85
TEST_P(Address, AnyOtherProtocolIsRejected) {
  serve_at(kAll);
  for (const size_t size : {40u, 8u, 3u}) {
    const Bytes packet = other_protocol(at().cluster_ip, kGre, Bytes(size, 0x5a));
    const size_t end = 14 + (GetParam().ipv6() ? 40u : 20u) + std::min<size_t>(size, 8);
    const IcmpErrorSpec error{.destination_mac = kClientMac,
                              .source_mac = kNodeMac,
                              .source = at().cluster_ip,
                              .destination = at().pod,
                              .quoted = Bytes(packet.begin() + 14, packet.begin() + static_cast<ptrdiff_t>(end))};
    expect("GRE", {.packet = packet},
           {.verdict = TC_ACT_REDIRECT, .packet = build_own_error(error), .reasons = {{"unknown-port", 1}}});
  }
}

// A host that has a ClusterIP or an unallocated address by mistake gets the answers to what it asks.
TEST_P(Address, AnswersAreLeftAlone) {
  serve_at(kAll);
  PacketSpec spec = to_other_port(at().cluster_ip);
  spec.source_port = 53;
  spec.destination_port = 40'000;
  spec.tcp_flags = kSyn | kAck;
  expect_untouched("a ClusterIP", build(spec), "not-service");
  spec.destination = unallocated();
  expect_untouched("no service's address", build(spec), "not-service");
}

// Proves: K-85
TEST_P(Address, AClusterIpThatMayBeAHostsIsLeftAloneButForItsPorts) {
  serve_at(kAll);
  const ServiceCidr elsewhere{"other", "", {Cidr::parse(GetParam().ipv6() ? "fd00:97::/112" : "10.97.0.0/16").value()}};
  ASSERT_TRUE(rig().apply_anyway({elsewhere}));
  expect_untouched("another port", build(to_other_port(at().cluster_ip)), "not-service");
  expect_untouched("a ping", echo(at().pod, at().cluster_ip, false), "protocol");
  expect_untouched("GRE", other_protocol(at().cluster_ip, kGre, Bytes(8)), "protocol");
  EXPECT_EQ(backend_of({.packet = build(request(at().pod, at().cluster_ip))}), at().local_backend);
}

TEST_P(Address, WhatDoesNotBeginAConnectionIsLeftAlone) {
  if (GetParam().udp()) return;
  serve_at(kAll);
  for (const int flags : {kAck | 0, kRst | 0, kRst | kAck, kFin | kAck, kSyn | kAck}) {
    PacketSpec spec = to_other_port(at().cluster_ip);
    spec.tcp_flags = static_cast<uint8_t>(flags);
    expect_untouched("TCP flags", build(spec), "not-service");
    spec.destination = unallocated();
    expect_untouched("TCP flags, no service's address", build(spec), "not-service");
  }
}

TEST_P(Address, WhatKubeProxyLeavesAloneIsLeftAlone) {
  serve_at(kAll);
  // Proves: K-09, K-90
  expect_untouched("another port of a LB address", build(to_other_port(at().load_balancer_ip)), "not-service");
  expect_untouched("GRE to a LB address", other_protocol(at().load_balancer_ip, kGre, Bytes(8)), "protocol");
  expect_untouched("ping to a LB address", echo(at().pod, at().load_balancer_ip, false), "protocol");
  expect_untouched("ping to a pod", echo(at().pod, at().remote_backend, false), "protocol");
  expect_untouched("an echo reply to a ClusterIP", echo(at().pod, at().cluster_ip, true), "protocol");
  const Bytes packet = build(to_other_port(at().cluster_ip));
  expect("XDP leaves it to TC", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet},
         {.verdict = XDP_PASS, .packet = packet, .reasons = {{"not-service", 1}}});
}

// Proves: K-87
TEST_P(Address, AServiceAddressNobodyHasIsDropped) {
  serve_at(kAll);
  const auto expect_dropped = [&](const std::string& what, uint32_t ifindex, const Bytes& packet) {
    expect(what, {.ifindex = ifindex, .packet = packet},
           {.verdict = TC_ACT_SHOT, .packet = packet, .reasons = {{"unallocated", 1}}});
  };
  expect_dropped("a pod's packet", kPodLink, build(to_other_port(unallocated())));
  PacketSpec outside = to_other_port(unallocated());
  outside.source = at().outside;
  expect_dropped("from outside", kUplink, build(outside));
  expect_dropped("a ping", kPodLink, echo(at().pod, unallocated(), false));
  expect_dropped("GRE", kPodLink, other_protocol(unallocated(), kGre, Bytes(8)));
  const std::string beyond = GetParam().ipv6() ? "fd00:96::1:1" : "10.112.0.1";
  expect_untouched("beyond the ServiceCIDR", build(to_other_port(beyond)), "not-service");
  rig().set_service_cidrs({});
  expect_untouched("no ServiceCIDR", build(to_other_port(unallocated())), "not-service");
}

// Proves: K-86
TEST_P(Address, PingIsAnswered) {
  serve_at(kAll);
  for (const uint8_t ttl : {uint8_t{1}, uint8_t{64}, uint8_t{255}}) {
    expect("ping", {.packet = echo(at().pod, at().cluster_ip, false, ttl)},
           {.verdict = TC_ACT_REDIRECT,
            .packet = echo(at().cluster_ip, at().pod, true, 64, kClientMac, kNodeMac),
            .reasons = {{"echo", 1}}});
  }
  expect("with a complete checksum", {.complete_checksum = true, .packet = echo(at().pod, at().cluster_ip, false)},
         {.verdict = TC_ACT_REDIRECT,
          .packet = echo(at().cluster_ip, at().pod, true, 64, kClientMac, kNodeMac),
          .reasons = {{"echo", 1}}});
}

// Proves: K-86
TEST_P(Address, PingIsRejectedIfWanted) {
  serve_at(kAll & ~WG_POLICY_ANSWER_PING);
  const Bytes ping = echo(at().pod, at().cluster_ip, false);
  const size_t end = 14 + (GetParam().ipv6() ? 40u : 20u) + 8;
  const IcmpErrorSpec error{.destination_mac = kClientMac,
                            .source_mac = kNodeMac,
                            .source = at().cluster_ip,
                            .destination = at().pod,
                            .quoted = Bytes(ping.begin() + 14, ping.begin() + static_cast<ptrdiff_t>(end))};
  expect("ping", {.packet = ping},
         {.verdict = TC_ACT_REDIRECT, .packet = build_own_error(error), .reasons = {{"unknown-port", 1}}});
}

// Proves: K-88
TEST_P(Address, WithoutThePoliciesAllIsLeftAlone) {
  serve_at(0);
  expect_untouched("another port", build(to_other_port(at().cluster_ip)), "not-service");
  expect_untouched("no service's address", build(to_other_port(unallocated())), "not-service");
  expect_untouched("GRE", other_protocol(at().cluster_ip, kGre, Bytes(8)), "protocol");
}

// Proves: K-13, K-85, K-87
TEST_P(Address, AServiceThatIsGoneKeepsItsFlowsAndTakesNoNewOnes) {
  serve_at(kAll);
  PacketSpec spec = request(at().pod, at().cluster_ip);
  EXPECT_EQ(backend_of({.packet = build(spec)}), at().local_backend);
  forget("default/web");
  spec.tcp_flags = kAck;
  if (!GetParam().udp()) {
    EXPECT_EQ(backend_of({.packet = build(spec)}), at().local_backend);
  }
  spec.source_port += 1;
  spec.tcp_flags = kSyn;
  const auto reasons = run({.packet = build(spec)}).reasons;
  EXPECT_TRUE(reasons == (Reasons{{"unallocated", 1}}) || reasons == (Reasons{{"unknown-port", 1}}));
}

}  // namespace
}  // namespace waggle
