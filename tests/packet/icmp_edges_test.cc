// SPDX-License-Identifier: Apache-2.0
// ICMP errors where both edges of a flow are one: XDP forwards it alone, or the node itself is its client (contract
// K-14).
#include <fmt/format.h>

#include "icmp_case.h"

namespace waggle {
namespace {

class IcmpEdges : public IcmpTest {
 protected:
  // As it arrives at the first uplink, and goes out by an uplink again.
  template <typename Spec>
  [[nodiscard]] static Spec arriving(Spec spec) {
    spec.destination_mac = kUplinkMac;
    return spec;
  }
  [[nodiscard]] static Bytes sent_on(IcmpErrorSpec spec) {
    spec.ttl -= 1;
    return build(spec);
  }
  [[nodiscard]] static RunInput input(const IcmpErrorSpec& spec) { return {.ifindex = kUplink, .packet = build(spec)}; }
  // A flow of an outside client that TC has sent on alone: as its backend sees it.
  PacketSpec opened(const PacketSpec& in, const std::string& backend) {
    const RunOutput out = run({.ifindex = kUplink, .packet = build(arriving(in))});
    EXPECT_EQ(out.verdict, TC_ACT_REDIRECT);
    PacketSpec seen = to_backend(in, backend);
    seen.source = at().node;
    seen.source_port = port_of(out.packet, "source port");
    return seen;
  }
  void set_xdp(bool on) {
    const unsigned flags = WG_LINK_UPLINK | (on ? WG_LINK_XDP : 0);
    ASSERT_TRUE(rig().control().set_link(
        {.ifindex = kUplink, .flags = static_cast<uint8_t>(flags), .snat4 = 0, .snat6 = 0, .reserved = 0}));
  }
};
INSTANTIATE_TEST_SUITE_P(, IcmpEdges, kTcVariants, variant_name);

// Proves: K-14
TEST_P(IcmpEdges, AboutARequestPastTheStack) {
  serve_on(at().silent_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = opened(in, at().silent_backend);
  for (const IcmpKind& kind : kinds()) {
    for (const size_t quoted : {8u, 16u, 20u, 500u}) {
      IcmpErrorSpec spec = arriving(error(router(), seen, quoted));
      spec.type = kind.type;
      spec.code = kind.code;
      spec.rest = kind.rest;
      expect(fmt::format("type {}, {} bytes of L4", kind.type, quoted), input(spec),
             {.verdict = TC_ACT_REDIRECT, .packet = sent_on(as(spec, at().load_balancer_ip, in, quoted))});
    }
  }
}

// Proves: K-14
TEST_P(IcmpEdges, AboutAReplyPastTheStack) {
  serve_on(at().silent_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = opened(in, at().silent_backend);
  for (const std::string& from : {at().outside, router()}) {
    for (const size_t quoted : {8u, 500u}) {
      const IcmpErrorSpec spec = arriving(error(from, reply_to(in), quoted));
      expect("from " + from, input(spec),
             {.verdict = TC_ACT_REDIRECT, .packet = sent_on(as(spec, at().node, reply_to(seen), quoted))});
    }
  }
}

TEST_P(IcmpEdges, ACompleteChecksumStaysRight) {
  serve_on(at().silent_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = opened(in, at().silent_backend);
  IcmpErrorSpec spec = arriving(error(router(), seen, 500));
  RunInput summed = input(spec);
  summed.complete_checksum = true;
  expect("about a request", summed,
         {.verdict = TC_ACT_REDIRECT, .packet = sent_on(as(spec, at().load_balancer_ip, in, 500))});
  spec = arriving(error(router(), reply_to(in), 500));
  summed.packet = build(spec);
  expect("about a reply", summed,
         {.verdict = TC_ACT_REDIRECT, .packet = sent_on(as(spec, at().node, reply_to(seen), 500))});
}

TEST_P(IcmpEdges, ThroughTheStackWhereItsFlowGoesThere) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = opened(in, at().remote_backend);
  const PacketSpec middle = to_backend(in, at().remote_backend);
  const IcmpErrorSpec about_request = arriving(error(router(), seen, 8));
  const IcmpErrorSpec about_reply = arriving(error(router(), reply_to(in), 8));
  const auto by_the_stack = [&](const std::string& what, uint8_t ttl) {
    IcmpErrorSpec spec = about_request;
    spec.ttl = ttl;
    expect("about a request, " + what, input(spec), {.packet = build(as(spec, router(), middle, 8))});
    spec = about_reply;
    spec.ttl = ttl;
    expect("about a reply, " + what, input(spec),
           {.packet = build(as(spec, router(), reply_to(middle), 8)), .mark = kMark});
  };
  by_the_stack("no hop left", 1);
  set_xdp(false);
  by_the_stack("no XDP", 64);
  set_xdp(true);
  expect("past it", input(about_request),
         {.verdict = TC_ACT_REDIRECT, .packet = sent_on(as(about_request, at().load_balancer_ip, in, 8))});
}

// A reply that has no hop left or is too large for the way to its client; the stack knows it by the client's address.
// Proves: K-14
TEST_P(IcmpEdges, WhatTheNodeItselfSaysAboutAReplyReachesTheBackend) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = opened(in, at().remote_backend);
  for (const size_t quoted : {8u, 500u}) {
    const IcmpErrorSpec spec = error(at().node2, reply_to(to_backend(in, at().remote_backend)), quoted);
    RunInput leaving{.hook = RunHook::kTcEgress, .ifindex = kUplink, .from_host = true, .packet = build(spec)};
    expect("the node's", leaving, {.packet = build(as(spec, at().node, reply_to(seen), quoted))});
    leaving.from_host = false;
    expect_untouched("forwarded", leaving);
  }
}

// Proves: K-14
TEST_P(IcmpEdges, AboutTheNodesOwnRequestReachesItsSocketWhicheverAddressItHas) {
  serve_on(at().remote_backend);
  for (const std::string& process : {at().node, at().node2}) {
    const PacketSpec in = request(process, at().cluster_ip);
    const RunOutput out = run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .from_host = true, .packet = build(in)});
    PacketSpec seen = to_backend(in, at().remote_backend);
    seen.source = at().node;
    seen.source_port = port_of(out.packet, "source port");
    ASSERT_NE(seen.source_port, in.source_port);
    for (const size_t quoted : {8u, 500u}) {
      for (const std::string& from : {router(), at().remote_backend}) {
        const IcmpErrorSpec spec = error(from, seen, quoted);
        expect("from " + from, input(spec), {.packet = build(as(spec, at().cluster_ip, in, quoted))});
      }
    }
    PacketSpec another = seen;
    another.source_port += 1;
    expect_untouched("about another port", input(error(router(), another, 8)));
  }
}

// The kernel would drop what a pod's link brings from a service's address.
TEST_P(IcmpEdges, WhatAPodsLinkBringsIsDeliveredWhereTheKernelExpectsIt) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().node, at().cluster_ip);
  const RunOutput out = run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .from_host = true, .packet = build(in)});
  PacketSpec seen = to_backend(in, at().local_backend);
  seen.source_port = port_of(out.packet, "source port");
  const IcmpErrorSpec spec = error(at().local_backend, seen, 8);
  expect("by the pod's link", {.packet = build(spec)},
         {.verdict = TC_ACT_REDIRECT, .packet = build(arriving(as(spec, at().cluster_ip, in, 8)))});
}

}  // namespace
}  // namespace waggle
