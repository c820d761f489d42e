// SPDX-License-Identifier: Apache-2.0
// What is particular to SCTP; what it has in common with TCP is tested beside it (kTcVariants).
#include <fmt/format.h>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr uint32_t kMark = 0x4000;

class Sctp : public VariantTest {
 protected:
  void serve_on(const std::string& backend, uint16_t target_port = kBackendPort) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .target_port = target_port,
           .endpoints = {backend}});
  }
  [[nodiscard]] static PacketSpec chunk(PacketSpec spec, uint8_t type) {
    spec.sctp_chunk = type;
    return spec;
  }
  [[nodiscard]] std::vector<FlowCopy> flows() const {
    return rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
  }
};
INSTANTIATE_TEST_SUITE_P(, Sctp,
                         testing::Values(Variant{Family::kIpv4, Protocol::kSctp},
                                         Variant{Family::kIpv6, Protocol::kSctp}),
                         variant_name);

// Proves: K-105
TEST_P(Sctp, PacketsOfEveryLengthKeepARightChecksum) {
  serve_on(at().local_backend);
  PacketSpec in = request(at().pod, at().cluster_ip);
  expect("INIT", {.packet = build(in)}, {.packet = build(to_backend(in, at().local_backend))});
  for (const size_t payload : {0u, 1u, 3u, 200u, 243u, 1400u, 3300u}) {
    PacketSpec data = chunk(in, kSctpData);
    data.payload = Bytes(payload, 0xa5);
    expect(fmt::format("{} bytes", payload), {.packet = build(data)},
           {.packet = build(to_backend(data, at().local_backend))});
    PacketSpec reply = reply_to(to_backend(data, at().local_backend));
    PacketSpec shown = reply;
    shown.source = at().cluster_ip;
    shown.source_port = kServicePort;
    expect(fmt::format("{} bytes back", payload), {.hook = RunHook::kTcEgress, .packet = build(reply)},
           {.packet = build(shown)});
  }
}

// Proves: K-13, K-105
TEST_P(Sctp, OnlyAnInitOpensAFlow) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  for (const uint8_t type : {kSctpData, kSctpInitAck, kSctpHeartbeat, kSctpAbort, kSctpShutdown, kSctpShutdownAck,
                             kSctpCookieEcho, kSctpShutdownComplete}) {
    const Bytes packet = build(chunk(in, type));
    expect(fmt::format("chunk type {}", type), {.packet = packet}, {.packet = packet, .reasons = {{"no-flow", 1}}});
  }
  EXPECT_TRUE(flows().empty());
  run({.packet = build(in)});
  EXPECT_EQ(flows().size(), 1u);
}

// Proves: K-13
TEST_P(Sctp, ChunksEndTheAssociation) {
  struct Step {
    char from;
    uint8_t chunk;
    const char* state;
  };
  const std::vector<std::vector<Step>> stories = {
      {{'c', kSctpInit, "half-open"},
       {'b', kSctpInitAck, "established"},
       {'c', kSctpCookieEcho, "established"},
       {'c', kSctpShutdown, "client-fin"},
       {'b', kSctpData, "client-fin"},
       {'b', kSctpShutdownAck, "closed"},
       {'c', kSctpShutdownComplete, "closed"}},
      {{'c', kSctpInit, "half-open"},
       {'b', kSctpInitAck, "established"},
       {'b', kSctpShutdown, "backend-fin"},
       {'c', kSctpShutdownAck, "closed"}},
      {{'c', kSctpInit, "half-open"}, {'b', kSctpAbort, "closed"}, {'c', kSctpInit, "half-open"}},
      {{'c', kSctpInit, "half-open"}, {'b', kSctpInitAck, "established"}, {'c', kSctpShutdownComplete, "closed"}},
  };
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  for (const auto& story : stories) {
    rig().forget_all_flows();
    for (const Step& step : story) {
      const bool from_client = step.from == 'c';
      const PacketSpec spec = from_client ? in : reply_to(to_backend(in, at().local_backend));
      run({.hook = from_client ? RunHook::kTcIngress : RunHook::kTcEgress, .packet = build(chunk(spec, step.chunk))});
      ASSERT_EQ(flows().size(), 1u);
      EXPECT_EQ(flow_state_name(flows().front().state()), step.state) << "chunk " << int{step.chunk};
    }
  }
}

// A sender that leaves the checksum to the device puts zero there; the device sums it up with the rest.
TEST_P(Sctp, AChecksumThatIsStillToComeStaysZero) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  Bytes packet = build(in);
  Bytes out = build(to_backend(in, at().local_backend));
  set_field(packet, "SCTP checksum", 0);
  set_field(out, "SCTP checksum", 0);
  expect("to come", {.packet = packet}, {.packet = out});
}

TEST_P(Sctp, WithoutAnotherPortTheChecksumStays) {
  serve_on(at().local_backend, kServicePort);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  PacketSpec out = in;
  out.destination = at().local_backend;
  expect("only the address", {.packet = build(in)}, {.packet = build(out)});
}

// Proves: K-105
TEST_P(Sctp, BothEdgesKeepACompleteChecksumRight) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec middle = to_backend(in, at().remote_backend);
  expect("client edge", {.ifindex = kUplink, .complete_checksum = true, .packet = build(in)},
         {.packet = build(middle), .mark = kMark});
  const RunInput leaving{.hook = RunHook::kTcEgress,
                         .ifindex = kUplink,
                         .mark = kMark,
                         .complete_checksum = true,
                         .packet = build(middle)};
  PacketSpec seen = middle;
  seen.source = at().node;
  seen.source_port = port_of(run(leaving).packet, "source port");
  expect("backend edge", leaving, {.packet = build(seen)});
  const PacketSpec reply = reply_to(seen);
  PacketSpec back = reply;
  back.destination = in.source;
  back.destination_port = in.source_port;
  expect("backend edge, reply", {.ifindex = kUplink, .complete_checksum = true, .packet = build(reply)},
         {.packet = build(back)});
}

// One client port, one backend, two frontends: the second association gets another source port, at an outside client
// the node's address on top.
TEST_P(Sctp, ATranslatedSourcePortIsTranslatedBack) {
  for (const std::string& source : {at().pod, at().outside}) {
    SCOPED_TRACE(source);
    SetUp();
    serve({.name = "default/a",
           .variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .endpoints = {at().remote_backend}});
    serve({.name = "default/b",
           .variant = GetParam(),
           .cluster_ips = {at().cluster_ip2},
           .endpoints = {at().remote_backend}});
    const bool is_pod = source == at().pod;
    const uint32_t link = is_pod ? kPodLink : kUplink;
    run({.ifindex = link, .packet = build(request(source, at().cluster_ip))});
    const PacketSpec in = request(source, at().cluster_ip2);
    PacketSpec middle = to_backend(in, at().remote_backend);
    middle.source_port = port_of(run({.ifindex = link, .packet = build(in)}).packet, "source port");
    EXPECT_EQ(middle.source_port != in.source_port, true);
    expect("client edge", {.ifindex = link, .packet = build(in)},
           {.packet = build(middle), .mark = is_pod ? 0 : kMark});
    const PacketSpec reply = reply_to(middle);
    PacketSpec shown = reply_to(in);
    expect("reply", {.hook = RunHook::kTcEgress, .ifindex = link, .packet = build(reply)}, {.packet = build(shown)});
  }
}

TEST_P(Sctp, XdpLeavesItToTc) {
  serve_on(at().local_backend);
  const Bytes packet = build(request(at().outside, at().load_balancer_ip));
  expect("XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet},
         {.verdict = XDP_PASS, .packet = packet, .reasons = {{"protocol", 1}}});
}

TEST_P(Sctp, HeadersThatAreCutShortOrContradictThemselvesPass) {
  serve_on(at().local_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  const Bytes whole = build(in);
  const size_t l4 = GetParam().ipv6() ? 54 : 34;
  for (size_t size = l4; size < whole.size(); ++size) {
    const Bytes packet(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    expect(fmt::format("{} bytes", size), {.packet = packet}, {.packet = packet, .reasons = {{"truncated", 1}}});
  }
  const bool ipv6 = GetParam().ipv6();
  const char* length = ipv6 ? "IPv6 payload length" : "IPv4 total length";
  for (const uint64_t bytes : {11u, 15u, 31u}) {
    Bytes packet = whole;
    set_field(packet, length, bytes + (ipv6 ? 0 : 20));
    if (!ipv6) fix_ipv4_checksum(packet);
    expect(fmt::format("says it has {} bytes", bytes), {.packet = packet},
           {.packet = packet, .reasons = {{"malformed", 1}}});
  }
}

}  // namespace
}  // namespace waggle
