// SPDX-License-Identifier: Apache-2.0
// Packets amid TCP connections that have no flow, where connections that netfilter translates stay with it. What it
// does translate: tests/e2e/test_open_connections_outlive_the_takeover.py.
#include "dataplane/conntrack_lookup.h"
#include "packet_case.h"

namespace waggle {
namespace {

class Takeover : public VariantTest {
 protected:
  void SetUp() override {
    VariantTest::SetUp();
    ASSERT_TRUE(offers_conntrack_lookup()) << "these tests need a kernel with bpf_skb_ct_lookup";
    use_policy(WG_POLICY_KEEP_TRACKED);
    serve({.variant = GetParam(), .cluster_ips = {at().cluster_ip}, .endpoints = {at().local_backend}});
  }
  [[nodiscard]] RunInput input(RunHook hook, uint8_t tcp_flags) const {
    PacketSpec spec = request(at().outside, at().cluster_ip);
    spec.tcp_flags = tcp_flags;
    return {.hook = hook, .ifindex = kUplink, .packet = build(spec)};
  }
};
INSTANTIATE_TEST_SUITE_P(, Takeover, kVariants, variant_name);

// XDP cannot ask: it leaves the packet to TC, which opens a flow if nobody has the connection. Then XDP knows it, too.
TEST_P(Takeover, APacketAmidAnUnknownConnectionOpensAFlowAtTc) {
  const RunInput at_xdp = input(RunHook::kXdp, kAck), at_tc = input(RunHook::kTcIngress, kAck);
  if (!GetParam().udp()) {
    expect("left to TC", at_xdp, {.verdict = XDP_PASS, .packet = at_xdp.packet, .reasons = {{"to-stack", 1}}});
  }
  EXPECT_EQ(backend_of(at_tc), at().local_backend);
  const RunOutput again = run(at_xdp);
  EXPECT_EQ(again.verdict, XDP_PASS);
  EXPECT_EQ(destination_of(again.packet), at().local_backend);
}

TEST_P(Takeover, ASynOpensAFlowAtXdp) {
  const RunOutput out = run(input(RunHook::kXdp, kSyn));
  EXPECT_EQ(out.verdict, XDP_PASS);
  EXPECT_EQ(destination_of(out.packet), at().local_backend);
}

}  // namespace
}  // namespace waggle
