// SPDX-License-Identifier: Apache-2.0
// Packets of the node's own processes that no socket hook has translated: at TC egress, and their replies at ingress.
#include "packet_case.h"

namespace waggle {
namespace {

class HostEdge : public VariantTest {
 protected:
  void serve_on(const std::vector<std::string>& backends, TrafficPolicy internal = TrafficPolicy::kCluster,
                TrafficPolicy external = TrafficPolicy::kCluster) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = backends,
           .internal_policy = internal,
           .external_policy = external});
  }
  // What leaves the node's own stack by the first uplink.
  [[nodiscard]] static RunInput leaving(const PacketSpec& spec) {
    return {.hook = RunHook::kTcEgress, .ifindex = kUplink, .from_host = true, .packet = build(spec)};
  }
  // Runs a request: as the backend sees it.
  PacketSpec translated(const PacketSpec& request, const std::string& backend) {
    const RunOutput output = run(leaving(request));
    PacketSpec seen = request;
    seen.source = at().node;
    seen.source_port = port_of(output.packet, "source port");
    seen.destination = backend;
    seen.destination_port = kBackendPort;
    EXPECT_EQ(output.verdict, TC_ACT_REDIRECT);
    EXPECT_EQ(packet_difference(build(seen), output.packet), "");
    EXPECT_EQ(output.mark, 0u);
    EXPECT_GE(seen.source_port, rig().settings().snat_port_min);
    return seen;
  }
  // The reply to `seen`, and what the process gets of it.
  [[nodiscard]] static std::pair<PacketSpec, PacketSpec> reply(const PacketSpec& request, const PacketSpec& seen) {
    const PacketSpec from_backend = reply_to(seen);
    PacketSpec received = from_backend;
    received.source = request.destination;
    received.source_port = request.destination_port;
    received.destination = request.source;
    received.destination_port = request.source_port;
    return {from_backend, received};
  }
};
INSTANTIATE_TEST_SUITE_P(, HostEdge, kTcVariants, variant_name);

// Proves: K-19, K-51, K-54
TEST_P(HostEdge, BothEdgesAtOnceAndBack) {
  serve_on({at().remote_backend});
  for (const std::string& frontend : {at().cluster_ip, at().load_balancer_ip}) {
    PacketSpec spec = request(at().node, frontend);
    const PacketSpec seen = translated(spec, at().remote_backend);
    const auto [from_backend, received] = reply(spec, seen);
    expect("the reply", {.ifindex = kUplink, .packet = build(from_backend)}, {.packet = build(received)});
    if (GetParam().protocol == Protocol::kTcp) spec.tcp_flags = kAck;
    EXPECT_EQ(translated(spec, at().remote_backend).source_port, seen.source_port) << "the same flow";
    rig().forget_all_flows();
    const RunOutput orphan = run({.ifindex = kUplink, .packet = build(from_backend)});
    EXPECT_EQ(packet_difference(build(from_backend), orphan.packet), "");
  }
}

// What leaves by an overlay's link shows the backend that link's address, whatever address the process has.
TEST_P(HostEdge, AProcessMayHaveAnotherAddressThanTheWayOut) {
  serve_on({at().remote_backend});
  const PacketSpec spec = request(at().silent_backend, at().cluster_ip);
  const auto [from_backend, received] = reply(spec, translated(spec, at().remote_backend));
  expect("the reply", {.ifindex = kUplink, .packet = build(from_backend)}, {.packet = build(received)});
}

TEST_P(HostEdge, AReplyByAPodsLinkIsDeliveredWhereTheKernelExpectsIt) {
  serve_on({at().local_backend});
  const PacketSpec spec = request(at().node, at().cluster_ip);
  const auto [from_backend, received] = reply(spec, translated(spec, at().local_backend));
  PacketSpec delivered = received;
  delivered.destination_mac = kUplinkMac;
  expect("by the pod's link", {.ifindex = kPodLink, .packet = build(from_backend)},
         {.verdict = TC_ACT_REDIRECT, .packet = build(delivered)});
}

// Proves: K-15, K-19
TEST_P(HostEdge, NobodyServesIsToldTheProcess) {
  serve_on({});
  const PacketSpec spec = request(at().node, at().cluster_ip);
  expect("rejected", leaving(spec),
         {.verdict = TC_ACT_REDIRECT,
          .packet = build_port_unreachable(spec, GetParam().udp() ? 8 : 20),
          .reasons = {{"no-endpoints", 1}}});
}

// Proves: K-16, K-18, K-24
TEST_P(HostEdge, TheNodeIsServedFromTheClusterSetByExternalAddresses) {
  serve_on({at().remote_backend}, TrafficPolicy::kLocal, TrafficPolicy::kLocal);
  translated(request(at().node, at().load_balancer_ip), at().remote_backend);
  const PacketSpec inside = request(at().node, at().cluster_ip);
  expect("iTP Local", leaving(inside),
         {.verdict = TC_ACT_SHOT, .packet = build(inside), .reasons = {{"no-local-endpoints", 1}}});
}

// Proves: K-85, K-87
TEST_P(HostEdge, OtherPortsAndAddressesOfServices) {
  use_policy(WG_POLICY_REJECT_UNKNOWN | WG_POLICY_DROP_UNALLOCATED);
  rig().set_service_cidrs({Cidr::parse("10.96.0.0/16").value(), Cidr::parse("fd00:96::/64").value()});
  serve_on({at().remote_backend});
  PacketSpec spec = request(at().node, at().cluster_ip);
  spec.destination_port = 81;
  EXPECT_EQ(run(leaving(spec)).reasons, (Reasons{{"unknown-port", 1}}));
  spec.destination = at().cluster_ip2;
  expect("no service's", leaving(spec),
         {.verdict = TC_ACT_SHOT, .packet = build(spec), .reasons = {{"unallocated", 1}}});
}

// Proves: K-09
TEST_P(HostEdge, OtherPacketsStayAsTheyAre) {
  serve_on({at().remote_backend});
  const PacketSpec elsewhere = request(at().node, at().remote_backend);
  expect("to a backend itself", leaving(elsewhere), {.packet = build(elsewhere), .reasons = {{"not-service", 1}}});
  const PacketSpec forwarded = request(at().outside, at().cluster_ip);
  expect("forwarded, not the node's own", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = build(forwarded)},
         {.packet = build(forwarded), .reasons = {{"not-service", 1}}});
}

TEST_P(HostEdge, AServerOfTheNodeItselfStillAnswers) {
  serve_on({at().node});
  const PacketSpec in = request(at().pod, at().cluster_ip);
  EXPECT_EQ(backend_of({.packet = build(in)}), at().node);
  PacketSpec seen = in;
  seen.destination = at().node;
  seen.destination_port = kBackendPort;
  const PacketSpec answer = reply_to(seen);
  PacketSpec shown = answer;
  shown.source = at().cluster_ip;
  shown.source_port = kServicePort;
  expect("its answer", {.hook = RunHook::kTcEgress, .ifindex = kPodLink, .from_host = true, .packet = build(answer)},
         {.packet = build(shown)});
}

}  // namespace
}  // namespace waggle
