// SPDX-License-Identifier: Apache-2.0
// What becomes of packets to a service that nobody serves.
#include "packet_case.h"

namespace waggle {
namespace {

class Reject : public VariantTest {
 protected:
  [[nodiscard]] size_t quoted() const { return GetParam().udp() ? 8 : 20; }
  void serve_nobody() {
    serve({.variant = GetParam(), .cluster_ips = {at().cluster_ip}, .load_balancer_ips = {at().load_balancer_ip}});
  }
};
INSTANTIATE_TEST_SUITE_P(, Reject, kTcVariants, variant_name);

// Proves: K-15
TEST_P(Reject, WithoutEndpointsTheClientGetsPortUnreachable) {
  serve_nobody();
  const PacketSpec from_pod = request(at().pod, at().cluster_ip);
  expect("a pod", {.packet = build(from_pod)},
         {.verdict = TC_ACT_REDIRECT,
          .packet = build_port_unreachable(from_pod, quoted()),
          .reasons = {{"no-endpoints", 1}}});
  PacketSpec from_outside = request(at().outside, at().load_balancer_ip);
  from_outside.payload.assign(1200, 'x');
  from_outside.tcp_options = {2, 4, 5, 0xb4};
  expect("an outside client", {.ifindex = kUplink, .packet = build(from_outside)},
         {.verdict = TC_ACT_REDIRECT,
          .packet = build_port_unreachable(from_outside, quoted()),
          .reasons = {{"no-endpoints", 1}}});
}

TEST_P(Reject, XdpLeavesItToTc) {
  serve_nobody();
  const Bytes packet = build(request(at().outside, at().load_balancer_ip));
  expect("XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet},
         {.verdict = XDP_PASS, .packet = packet, .reasons = {{GetParam().sctp() ? "protocol" : "to-stack", 1}}});
}

// Proves: X-111
TEST_P(Reject, AServedServiceIsRejectedAfterItsLastEndpointWent) {
  serve({.variant = GetParam(), .cluster_ips = {at().cluster_ip}, .endpoints = {at().local_backend}});
  EXPECT_EQ(backend_of({.packet = build(request(at().pod, at().cluster_ip))}), at().local_backend);
  serve({.variant = GetParam(), .cluster_ips = {at().cluster_ip}});
  PacketSpec next = request(at().pod, at().cluster_ip);
  next.source_port += 1;
  EXPECT_EQ(run({.packet = build(next)}).packet, build_port_unreachable(next, quoted()));
}

// Proves: K-15
TEST_P(Reject, TagsOptionsAndExtensionHeadersAreQuoted) {
  serve_nobody();
  PacketSpec tagged = request(at().pod, at().cluster_ip);
  tagged.vlans = {5};
  PacketSpec twice = tagged;
  twice.vlans = {5, 6};
  PacketSpec longer = request(at().pod, at().cluster_ip);
  if (GetParam().ipv6()) {
    longer.extensions = {{.type = 60}, {.type = 0, .content = Bytes(20, 0)}};
  } else {
    longer.ip_options = {1, 1, 1, 1, 1, 1, 1, 0};
  }
  PacketSpec both = longer;
  both.vlans = {7};
  for (const PacketSpec& spec : {tagged, twice, longer, both}) {
    expect("not a plain header", {.packet = build(spec)},
           {.verdict = TC_ACT_REDIRECT,
            .packet = build_port_unreachable(spec, quoted()),
            .reasons = {{"no-endpoints", 1}}});
  }
}

TEST_P(Reject, WhatIsTooLongToQuoteIsDroppedUntouched) {
  if (!GetParam().ipv6()) return;
  serve_nobody();
  PacketSpec spec = request(at().pod, at().cluster_ip);
  spec.extensions = {{.type = 60, .content = Bytes(150, 0)}};
  expect("long headers", {.packet = build(spec)},
         {.verdict = TC_ACT_SHOT, .packet = build(spec), .reasons = {{"rewrite", 1}}});
}

TEST_P(Reject, ResetOfAnUnknownConnectionIsNotAnswered) {
  if (GetParam().udp()) return;
  serve_nobody();
  PacketSpec reset = request(at().pod, at().cluster_ip);
  reset.tcp_flags = kRst;
  expect("RST", {.packet = build(reset)}, {.packet = build(reset), .reasons = {{"no-flow", 1}}});
}

// Proves: K-16, K-17, K-22
TEST_P(Reject, LocalPolicyWithoutALocalEndpointDrops) {
  serve({.variant = GetParam(),
         .cluster_ips = {at().cluster_ip},
         .load_balancer_ips = {at().load_balancer_ip},
         .endpoints = {at().remote_backend},
         .internal_policy = TrafficPolicy::kLocal,
         .external_policy = TrafficPolicy::kLocal});
  const Bytes inside = build(request(at().pod, at().cluster_ip));
  const Bytes outside = build(request(at().outside, at().load_balancer_ip));
  expect("internal", {.packet = inside},
         {.verdict = TC_ACT_SHOT, .packet = inside, .reasons = {{"no-local-endpoints", 1}}});
  expect("external", {.ifindex = kUplink, .packet = outside},
         {.verdict = TC_ACT_SHOT, .packet = outside, .reasons = {{"no-local-endpoints", 1}}});
  expect("external at XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = outside},
         {.verdict = XDP_PASS, .packet = outside, .reasons = {{GetParam().sctp() ? "protocol" : "to-stack", 1}}});
}

TEST_P(Reject, LocalPolicyChoosesOnlyLocalEndpointsAndOnlyWhereItApplies) {
  serve({.variant = GetParam(),
         .cluster_ips = {at().cluster_ip},
         .load_balancer_ips = {at().load_balancer_ip},
         .endpoints = {at().local_backend, at().remote_backend, at().remote_backend2},
         .external_policy = TrafficPolicy::kLocal});
  bool remote_seen = false;
  for (uint16_t port = 40000; port < 40030; ++port) {
    PacketSpec external = request(at().outside, at().load_balancer_ip);
    external.source_port = port;
    EXPECT_EQ(backend_of({.ifindex = kUplink, .packet = build(external)}), at().local_backend);
    PacketSpec internal = request(at().pod, at().cluster_ip);
    internal.source_port = port;
    remote_seen = backend_of({.packet = build(internal)}) != at().local_backend || remote_seen;
  }
  EXPECT_TRUE(remote_seen);
}

TEST(RejectLimit, MoreErrorsThanAllowedAreDropped) {
  const auto rig = ProgramRig::open({.reject_per_second = 0});
  ASSERT_TRUE(rig) << rig.error().message;
  ASSERT_TRUE((*rig)->apply(events_of({.cluster_ips = {"10.96.0.10"}})));
  PacketSpec spec{.source = "10.244.1.10", .destination = "10.96.0.10", .source_port = 1000, .destination_port = 80};
  const auto output = (*rig)->run({.packet = build(spec)});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->verdict, TC_ACT_SHOT);
  EXPECT_EQ(output->packet, build(spec));
  EXPECT_EQ(output->reasons, (Reasons{{"reject-limited", 1}}));
}

}  // namespace
}  // namespace waggle
