// SPDX-License-Identifier: Apache-2.0
// Fragmented packets of flows: both families, both directions, every edge (contract K-14).
#include <fmt/format.h>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr uint32_t kMark = 0x4000;
constexpr size_t kPiece = 1400;

class Fragment : public VariantTest {
 protected:
  void SetUp() override {
    VariantTest::SetUp();
    rig().age_fragments(100);
  }
  void serve_on(const std::vector<std::string>& backends) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = backends});
  }
  [[nodiscard]] PacketSpec large(const std::string& source, const std::string& destination) const {
    PacketSpec spec = request(source, destination);
    for (size_t i = 0; i < 3000; ++i) spec.payload.push_back(static_cast<uint8_t>(i * 7));
    return spec;
  }
  // Every fragment of `in` becomes the same fragment of `out`.
  void expect_all(const std::string& what, RunInput input, const PacketSpec& in, const PacketSpec& out,
                  uint32_t mark = 0) {
    const std::vector<Bytes> before = build_fragments(in, kPiece);
    const std::vector<Bytes> after = build_fragments(out, kPiece);
    ASSERT_EQ(before.size(), 3u);
    for (size_t i = 0; i < before.size(); ++i) {
      input.packet = before[i];
      expect(fmt::format("{}, fragment {}", what, i), input, {.packet = after[i], .mark = mark});
    }
  }
  void expect_untouched(const std::string& what, const RunInput& input, const std::string& reason) {
    expect(what, input, {.packet = input.packet, .mark = input.mark, .reasons = {{reason, 1}}});
  }
  void expect_lost(const std::string& what, const RunInput& input) {
    expect(what, input,
           {.verdict = TC_ACT_SHOT, .packet = input.packet, .mark = input.mark, .reasons = {{"fragment-lost", 1}}});
  }
};
INSTANTIATE_TEST_SUITE_P(, Fragment, kVariants, variant_name);

// Proves: K-14
TEST_P(Fragment, RequestsAndRepliesFollowTheirFirstOne) {
  serve_on({at().local_backend, at().local_backend2});
  const PacketSpec in = large(at().pod, at().cluster_ip);
  const std::string backend = backend_of({.packet = build_fragments(in, kPiece).front()});
  expect_all("request", {}, in, to_backend(in, backend));
  expect_all("the same once more", {.complete_checksum = true}, in, to_backend(in, backend));
  PacketSpec tagged = in;
  tagged.vlans = {7};
  expect_all("in a VLAN", {}, tagged, to_backend(tagged, backend));
  const PacketSpec reply = reply_to(to_backend(in, backend));
  const PacketSpec shown = reply_to(in);
  expect_all("reply", {.hook = RunHook::kTcEgress}, reply, shown);
  expect_all("reply once more", {.hook = RunHook::kTcEgress, .complete_checksum = true}, reply, shown);
}

// Proves: K-14
TEST_P(Fragment, ThroughBothEdges) {
  serve_on({at().remote_backend});
  const PacketSpec in = large(at().outside, at().load_balancer_ip);
  const PacketSpec middle = to_backend(in, at().remote_backend);
  expect_all("client edge", {.ifindex = kUplink}, in, middle, kMark);
  PacketSpec seen = middle;
  seen.source = at().node;
  const Bytes first = build_fragments(middle, kPiece).front();
  seen.source_port = port_of(
      run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark, .packet = first}).packet, "source port");
  expect_all("backend edge", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark}, middle, seen);
  const PacketSpec reply = reply_to(seen);
  const PacketSpec inside = reply_to(middle);
  expect_all("backend edge, reply", {.ifindex = kUplink}, reply, inside);
  expect_all("client edge, reply", {.hook = RunHook::kTcEgress, .ifindex = kUplink}, inside, reply_to(in));
}

TEST_P(Fragment, Hairpin) {
  serve_on({at().pod});
  const PacketSpec in = large(at().pod, at().cluster_ip);
  const PacketSpec middle = to_backend(in, at().pod);
  expect_all("in", {}, in, middle, kMark);
  const RunOutput leaving =
      run({.hook = RunHook::kTcEgress, .mark = kMark, .packet = build_fragments(middle, kPiece).front()});
  PacketSpec seen = middle;
  seen.source = source_of(leaving.packet);
  seen.source_port = port_of(leaving.packet, "source port");
  expect_all("out", {.hook = RunHook::kTcEgress, .mark = kMark}, middle, seen);
  expect_all("reply in", {}, reply_to(seen), reply_to(middle));
  expect_all("reply out", {.hook = RunHook::kTcEgress}, reply_to(middle), reply_to(in));
}

TEST_P(Fragment, WithoutItsFirstOneItIsDroppedWhereItHasNowhereToGo) {
  serve_on({at().remote_backend});
  const Bytes to_cluster_ip = build_fragments(large(at().pod, at().cluster_ip), kPiece).back();
  const Bytes to_load_balancer = build_fragments(large(at().outside, at().load_balancer_ip), kPiece).back();
  const PacketSpec middle = to_backend(large(at().outside, at().load_balancer_ip), at().remote_backend);
  expect_lost("to a ClusterIP", {.packet = to_cluster_ip});
  expect_untouched("to an address that may be others', too", {.ifindex = kUplink, .packet = to_load_balancer},
                   "fragment");
  expect_untouched("from a backend",
                   {.hook = RunHook::kTcEgress, .packet = build_fragments(reply_to(middle), kPiece).back()},
                   "fragment");
  expect_lost("marked", {.hook = RunHook::kTcEgress,
                         .ifindex = kUplink,
                         .mark = kMark,
                         .packet = build_fragments(middle, kPiece).back()});
}

TEST_P(Fragment, ThePortsOfAnEarlierDatagramAreForgottenOrReplaced) {
  serve_on({at().local_backend});
  const PacketSpec in = large(at().pod, at().cluster_ip);
  const std::vector<Bytes> fragments = build_fragments(in, kPiece);
  run({.packet = fragments[0]});
  rig().age_fragments(31);
  expect_lost("half a minute later", {.packet = fragments[1]});
  run({.packet = fragments[0]});
  PacketSpec other = in;
  other.source_port += 1;
  expect_all("another datagram with the same number", {}, other, to_backend(other, at().local_backend));
  other.ip_id += 1;
  expect_lost("another number", {.packet = build_fragments(other, kPiece).back()});
}

TEST_P(Fragment, OfWhatComesToNothingIsDropped) {
  serve_on({});
  const std::vector<Bytes> fragments = build_fragments(large(at().pod, at().cluster_ip), kPiece);
  EXPECT_EQ(run({.packet = fragments[0]}).verdict, TC_ACT_REDIRECT);
  expect_lost("after a rejected one", {.packet = fragments[1]});
}

TEST_P(Fragment, OfOthersPasses) {
  serve_on({at().local_backend});
  const std::vector<Bytes> fragments = build_fragments(large(at().pod, at().remote_backend), kPiece);
  expect_untouched("first", {.packet = fragments[0]}, "not-service");
  expect_untouched("later", {.packet = fragments[1]}, "fragment");
  expect_untouched("first, leaving", {.hook = RunHook::kTcEgress, .packet = fragments[0]}, "not-service");
  expect_untouched("later, leaving", {.hook = RunHook::kTcEgress, .packet = fragments[1]}, "fragment");
}

TEST_P(Fragment, AFirstOneWithoutAWholeHeaderPasses) {
  if (GetParam().udp()) return;  // eight bytes are one
  serve_on({at().local_backend});
  const std::vector<Bytes> fragments = build_fragments(large(at().pod, at().cluster_ip), 16);
  expect_untouched("first", {.packet = fragments[0]}, "malformed");
  expect_lost("later", {.packet = fragments[1]});
}

TEST_P(Fragment, AnAtomicOneIsAPacketLikeOthers) {
  if (!GetParam().ipv6()) return;
  serve_on({at().local_backend});
  const PacketSpec in = large(at().pod, at().cluster_ip);
  expect("whole", {.packet = build_fragments(in, 4000).front()},
         {.packet = build_fragments(to_backend(in, at().local_backend), 4000).front()});
  expect_lost("it left no ports", {.packet = build_fragments(in, kPiece).back()});
}

TEST_P(Fragment, XdpLeavesItToTc) {
  serve_on({at().local_backend});
  for (const Bytes& packet : build_fragments(large(at().outside, at().load_balancer_ip), kPiece)) {
    expect("XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = packet},
           {.verdict = XDP_PASS, .packet = packet, .reasons = {{"fragment", 1}}});
  }
}

TEST(FragmentOfSctp, IsLeftAlone) {
  const auto opened = ProgramRig::open();
  ASSERT_TRUE(opened) << opened.error().message;
  const Places& at = places(Family::kIpv4);
  const PacketSpec spec{.source = at.pod,
                        .destination = at.remote_backend,
                        .protocol = Protocol::kSctp,
                        .source_port = kClientPort,
                        .destination_port = kServicePort};
  for (const Bytes& packet : build_fragments(spec, 8)) {
    const auto output = (*opened)->run({.packet = packet});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->packet, packet);
    EXPECT_EQ(output->reasons, (Reasons{{"fragment", 1}}));
  }
}

}  // namespace
}  // namespace waggle
