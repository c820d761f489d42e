// SPDX-License-Identifier: Apache-2.0
// ICMP and ICMPv6 errors about packets of a flow: both families, both directions, every edge (contract K-14).
#include <fmt/format.h>

#include "icmp_case.h"

namespace waggle {
namespace {

class Icmp : public IcmpTest {};
INSTANTIATE_TEST_SUITE_P(, Icmp, kTcVariants, variant_name);

// Proves: K-14
TEST_P(Icmp, AboutARequestReachesTheClientAsTheFrontends) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  run({.packet = build(in)});
  const PacketSpec middle = to_backend(in, at().local_backend);
  for (const std::string& from : {at().local_backend, at().node, router()}) {
    for (const IcmpKind& kind : kinds()) {
      for (const size_t quoted : {8u, 16u, 20u, 24u, 500u}) {
        IcmpErrorSpec spec = error(from, middle, quoted);
        spec.type = kind.type;
        spec.code = kind.code;
        spec.rest = kind.rest;
        expect(fmt::format("type {} from {}, {} bytes of L4", kind.type, from, quoted),
               {.hook = RunHook::kTcEgress, .packet = build(spec)},
               {.packet = build(as(spec, at().cluster_ip, in, quoted))});
      }
    }
  }
}

// Proves: K-14
TEST_P(Icmp, AboutARequestComesBackThroughBothEdges) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = seen_by_remote_backend(in, kUplink);
  const PacketSpec middle = to_backend(in, at().remote_backend);
  for (const size_t quoted : {8u, 500u}) {
    const IcmpErrorSpec spec = error(router(), seen, quoted);
    const IcmpErrorSpec inside = as(spec, router(), middle, quoted);
    expect("backend edge", {.ifindex = kUplink, .packet = build(spec)}, {.packet = build(inside)});
    expect("XDP leaves it to TC", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(spec)},
           {.verdict = XDP_PASS, .packet = build(spec), .reasons = {{"protocol", 1}}});
    expect("client edge", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = build(inside)},
           {.packet = build(as(spec, at().load_balancer_ip, in, quoted))});
  }
}

// Proves: K-14
TEST_P(Icmp, AboutAReplyReachesTheLocalBackend) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  run({.ifindex = kUplink, .packet = build(in)});
  const PacketSpec reply = reply_to(to_backend(in, at().local_backend));
  const PacketSpec shown = reply_to(in);
  for (const std::string& from : {at().outside, router()}) {
    for (const size_t quoted : {8u, 500u}) {
      const IcmpErrorSpec spec = error(from, shown, quoted);
      expect("from " + from, {.ifindex = kUplink, .packet = build(spec)},
             {.packet = build(as(spec, from, reply, quoted))});
    }
  }
}

// Proves: K-14
TEST_P(Icmp, AboutAReplyReachesTheRemoteBackendFromTheNode) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = seen_by_remote_backend(in, kUplink);
  const PacketSpec middle = to_backend(in, at().remote_backend);
  for (const size_t quoted : {8u, 500u}) {
    const IcmpErrorSpec spec = error(router(), reply_to(in), quoted);
    const IcmpErrorSpec inside = as(spec, router(), reply_to(middle), quoted);
    expect("client edge", {.ifindex = kUplink, .packet = build(spec)}, {.packet = build(inside), .mark = kMark});
    expect("backend edge", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark | 7, .packet = build(inside)},
           {.packet = build(as(spec, at().node, reply_to(seen), quoted)), .mark = 7});
  }
}

// Proves: K-14
TEST_P(Icmp, HairpinBothWays) {
  serve_on(at().pod);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  const PacketSpec middle = to_backend(in, at().pod);
  run({.packet = build(in)});
  const RunOutput leaving = run({.hook = RunHook::kTcEgress, .mark = kMark, .packet = build(middle)});
  PacketSpec seen = middle;
  seen.source = source_of(leaving.packet);
  seen.source_port = port_of(leaving.packet, "source port");
  const IcmpErrorSpec about_request = error(at().pod, seen, 8);
  const IcmpErrorSpec inside = as(about_request, at().pod, middle, 8);
  expect("about a request, in", {.packet = build(about_request)}, {.packet = build(inside)});
  expect("about a request, out", {.hook = RunHook::kTcEgress, .packet = build(inside)},
         {.packet = build(as(inside, at().cluster_ip, in, 8))});
  const IcmpErrorSpec about_reply = error(at().pod, reply_to(in), 8);
  const IcmpErrorSpec back = as(about_reply, at().pod, reply_to(middle), 8);
  expect("about a reply, in", {.packet = build(about_reply)}, {.packet = build(back), .mark = kMark});
  expect("about a reply, out", {.hook = RunHook::kTcEgress, .mark = kMark, .packet = build(back)},
         {.packet = build(as(back, seen.source, reply_to(seen), 8))});
}

// Two frontends, one client port, one backend: the second flow has another source port inside.
TEST_P(Icmp, ATranslatedSourcePortIsTranslatedInTheQuoteToo) {
  for (const auto& [name, address] :
       {std::pair{"default/a", at().cluster_ip}, std::pair{"default/b", at().cluster_ip2}}) {
    serve({.name = name, .variant = GetParam(), .cluster_ips = {address}, .endpoints = {at().local_backend}});
  }
  run({.packet = build(request(at().pod, at().cluster_ip))});
  const PacketSpec in = request(at().pod, at().cluster_ip2);
  PacketSpec middle = to_backend(in, at().local_backend);
  middle.source_port = port_of(run({.packet = build(in)}).packet, "source port");
  ASSERT_NE(middle.source_port, in.source_port);
  const IcmpErrorSpec about_request = error(router(), middle, 500);
  expect("about a request", {.hook = RunHook::kTcEgress, .packet = build(about_request)},
         {.packet = build(as(about_request, at().cluster_ip2, in, 500))});
  const IcmpErrorSpec about_reply = error(at().pod, reply_to(in), 500);
  expect("about a reply", {.packet = build(about_reply)},
         {.packet = build(as(about_reply, at().pod, reply_to(middle), 500))});
}

TEST_P(Icmp, QuotedOptionsAndExtensionHeadersAndTagsAreWalked) {
  serve_on(at().local_backend);
  PacketSpec in = request(at().pod, at().cluster_ip);
  in.ip_options = Bytes(GetParam().ipv6() ? 0 : 8, 1);
  if (GetParam().ipv6()) in.extensions = {{.type = 0}, {.type = 60, .content = Bytes(20)}};
  run({.packet = build(in)});
  IcmpErrorSpec spec = error(router(), to_backend(in, at().local_backend), 8);
  spec.vlans = {5, 6};
  expect("walked", {.hook = RunHook::kTcEgress, .packet = build(spec)},
         {.packet = build(as(spec, at().cluster_ip, in, 8))});
}

TEST_P(Icmp, ACompleteChecksumStaysRight) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  run({.ifindex = kUplink, .packet = build(in)});
  const PacketSpec middle = to_backend(in, at().local_backend);
  for (const size_t quoted : {8u, 500u}) {
    const IcmpErrorSpec about_request = error(router(), middle, quoted);
    expect("about a request",
           {.hook = RunHook::kTcEgress, .ifindex = kUplink, .complete_checksum = true, .packet = build(about_request)},
           {.packet = build(as(about_request, at().load_balancer_ip, in, quoted))});
    const IcmpErrorSpec about_reply = error(router(), reply_to(in), quoted);
    expect("about a reply", {.ifindex = kUplink, .complete_checksum = true, .packet = build(about_reply)},
           {.packet = build(as(about_reply, router(), reply_to(middle), quoted))});
  }
}

TEST_P(Icmp, AnErrorNeitherKeepsAFlowAliveNorCounts) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  run({.packet = build(in)});
  rig().age_flows(1000);
  const FlowTable table = GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4;
  const FlowCopy before = rig().flows(table).front();
  const IcmpErrorSpec spec = error(router(), to_backend(in, at().local_backend), 8);
  expect("translated", {.hook = RunHook::kTcEgress, .packet = build(spec)},
         {.packet = build(as(spec, at().cluster_ip, in, 8))});
  const FlowCopy after = rig().flows(table).front();
  EXPECT_EQ(after.head.seen, before.head.seen);
  EXPECT_EQ(after.head.control, before.head.control);
}

TEST_P(Icmp, WhatIsAboutNoFlowIsLeftAlone) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  const PacketSpec middle = to_backend(in, at().local_backend);
  expect_untouched("no flow yet", {.hook = RunHook::kTcEgress, .packet = build(error(router(), middle, 8))});
  run({.packet = build(in)});
  PacketSpec other = middle;
  other.source_port += 1;
  expect_untouched("another client port", {.hook = RunHook::kTcEgress, .packet = build(error(router(), other, 8))});
  IcmpErrorSpec astray = error(router(), middle, 8);
  astray.destination = at().outside;
  expect_untouched("to another than the sender", {.hook = RunHook::kTcEgress, .packet = build(astray)});
  PacketSpec forged = reply_to(in);
  forged.destination_port += 1;
  expect_untouched("a reply nobody sent", {.packet = build(error(router(), forged, 8))});
  expect_untouched("a mark without a flow", {.hook = RunHook::kTcEgress,
                                             .ifindex = kUplink,
                                             .mark = kMark,
                                             .packet = build(error(router(), reply_to(other), 8))});
}

TEST_P(Icmp, WhatCannotBeReadForSureIsLeftAlone) {
  serve_on(at().local_backend);
  const bool ipv6 = GetParam().ipv6();
  const PacketSpec in = request(at().pod, at().cluster_ip);
  run({.packet = build(in)});
  const IcmpErrorSpec good = error(router(), to_backend(in, at().local_backend), 8);
  const auto untouched = [&](const std::string& what, const IcmpErrorSpec& spec) {
    expect_untouched(what, {.hook = RunHook::kTcEgress, .packet = build(spec)});
  };
  for (size_t size = 0; size < good.quoted.size(); ++size) {
    IcmpErrorSpec cut = good;
    cut.quoted.resize(size);
    untouched(fmt::format("{} quoted bytes", size), cut);
  }
  for (const uint8_t type : ipv6 ? Bytes{0, 5, 128, 135} : Bytes{0, 4, 5, 8, 13}) {
    IcmpErrorSpec other = good;
    other.type = type;
    untouched(fmt::format("type {}", type), other);
  }
  IcmpErrorSpec odd = good;
  odd.quoted[0] = ipv6 ? 0x45 : 0x60;
  untouched("another version", odd);
  odd = good;
  odd.quoted[ipv6 ? 6 : 9] = 50;
  untouched("a protocol without ports", odd);
  const PacketSpec middle = to_backend(in, at().local_backend);
  const std::vector<Bytes> fragments = build_fragments(middle, 8);
  odd.quoted.assign(fragments.back().begin() + 14, fragments.back().end());
  untouched("a later fragment", odd);
}

}  // namespace
}  // namespace waggle
