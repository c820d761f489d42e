// SPDX-License-Identifier: Apache-2.0
// loadBalancerSourceRanges: who may open flows to an address that has them.
#include "packet_case.h"

namespace waggle {
namespace {

class SourceRange : public VariantTest {
 protected:
  void serve_filtered(const std::vector<std::string>& endpoints, TrafficPolicy external = TrafficPolicy::kCluster) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = endpoints,
           .external_policy = external});
    set_frontend_flags("default/web", at().load_balancer_ip, WG_FRONTEND_EXTERNAL | WG_FRONTEND_FILTERED);
  }
  void allow(const std::string& cidr, const std::string& service = "default/web") {
    const Cidr range = Cidr::parse(cidr).value();
    wg_source_range_key key{.prefix_bits = WG_SOURCE_RANGE_SERVICE_BITS + range.prefix_length,
                            .service = view_of(service).index,
                            .address = {}};
    std::ranges::copy(range.address.words(), key.address);
    rig().put("source_ranges", key, wg_source_range_value{1});
  }
  [[nodiscard]] std::string range_of_outside() const {
    return GetParam().ipv6() ? "2001:db8:cc::/48" : "203.0.113.0/24";
  }
  [[nodiscard]] PacketSpec from(const std::string& source) const { return request(source, at().load_balancer_ip); }
  void expect_dropped(const std::string& what, uint32_t ifindex, const PacketSpec& spec) {
    expect(what, {.ifindex = ifindex, .packet = build(spec)},
           {.verdict = TC_ACT_SHOT, .packet = build(spec), .reasons = {{"source-range", 1}}});
  }
};
INSTANTIATE_TEST_SUITE_P(, SourceRange, kVariants, variant_name);

// Proves: K-75, K-76, K-78, K-81
TEST_P(SourceRange, OnlySourcesInARangeGetThrough) {
  serve_filtered({at().local_backend});
  expect_dropped("nobody is allowed", kUplink, from(at().outside));
  allow(range_of_outside());
  EXPECT_EQ(backend_of({.ifindex = kUplink, .packet = build(from(at().outside))}), at().local_backend);
  expect_dropped("a pod", kPodLink, from(at().pod));
  EXPECT_EQ(backend_of({.packet = build(request(at().pod, at().cluster_ip))}), at().local_backend);
}

// Proves: K-75
TEST_P(SourceRange, XdpLeavesTheDropToTc) {
  serve_filtered({at().local_backend});
  const Bytes packet = build(from(at().outside));
  expect("XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet},
         {.verdict = XDP_PASS, .packet = packet, .reasons = {{"to-stack", 1}}});
  allow(range_of_outside());
  EXPECT_EQ(backend_of({.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet}), at().local_backend);
}

// Proves: K-75
TEST_P(SourceRange, ARangeIsOfOneService) {
  serve_filtered({at().local_backend});
  serve({.name = "default/other", .variant = GetParam(), .cluster_ips = {at().cluster_ip2}});
  allow(range_of_outside(), "default/other");
  expect_dropped("another's range", kUplink, from(at().outside));
}

// Proves: K-81
TEST_P(SourceRange, TwoHalvesAreEverybody) {
  serve_filtered({at().local_backend});
  for (const char* half : GetParam().ipv6() ? std::array{"::/1", "8000::/1"} : std::array{"0.0.0.0/1", "128.0.0.0/1"}) {
    allow(half);
  }
  EXPECT_EQ(backend_of({.packet = build(from(at().pod))}), at().local_backend);
  EXPECT_EQ(backend_of({.ifindex = kUplink, .packet = build(from(at().outside))}), at().local_backend);
}

// Proves: K-79
TEST_P(SourceRange, ComesBeforeTheReject) {
  serve_filtered({});
  expect_dropped("outside the ranges", kUplink, from(at().outside));
  allow(range_of_outside());
  EXPECT_EQ(run({.ifindex = kUplink, .packet = build(from(at().outside))}).reasons, (Reasons{{"no-endpoints", 1}}));
}

// Proves: K-83
TEST_P(SourceRange, ComesBeforeTheTrafficPolicy) {
  serve_filtered({at().remote_backend}, TrafficPolicy::kLocal);
  expect_dropped("outside the ranges", kUplink, from(at().outside));
  rig().set_detector(WG_DETECT_LINKS);
  expect_dropped("a local pod, too", kPodLink, from(at().pod));
  allow(range_of_outside());
  const Bytes packet = build(from(at().outside));
  expect("inside the ranges", {.ifindex = kUplink, .packet = packet},
         {.verdict = TC_ACT_SHOT, .packet = packet, .reasons = {{"no-local-endpoints", 1}}});
}

// Proves: K-80
TEST_P(SourceRange, EstablishedFlowsGoOn) {
  serve({.variant = GetParam(),
         .cluster_ips = {at().cluster_ip},
         .load_balancer_ips = {at().load_balancer_ip},
         .endpoints = {at().local_backend}});
  PacketSpec spec = from(at().outside);
  EXPECT_EQ(backend_of({.ifindex = kUplink, .packet = build(spec)}), at().local_backend);
  set_frontend_flags("default/web", at().load_balancer_ip, WG_FRONTEND_EXTERNAL | WG_FRONTEND_FILTERED);
  spec.tcp_flags = kAck;
  EXPECT_EQ(backend_of({.ifindex = kUplink, .packet = build(spec)}), at().local_backend);
  spec.source_port += 1;
  expect_dropped("a new flow", kUplink, spec);
}

}  // namespace
}  // namespace waggle
