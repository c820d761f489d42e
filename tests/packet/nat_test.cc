// SPDX-License-Identifier: Apache-2.0
// Translation of requests and replies where no node address is needed: whole packets, at TC and XDP.
#include "packet_case.h"

namespace waggle {
namespace {

class Nat : public VariantTest {
 protected:
  void SetUp() override {
    VariantTest::SetUp();
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = {at().local_backend}});
  }
  // The same packet after DNAT to the local backend.
  [[nodiscard]] PacketSpec translated(PacketSpec spec) const {
    spec.destination = at().local_backend;
    spec.destination_port = kBackendPort;
    return spec;
  }
  // What the backend's answer becomes at the client edge.
  [[nodiscard]] static PacketSpec shown(PacketSpec reply, const std::string& frontend) {
    reply.source = frontend;
    reply.source_port = kServicePort;
    return reply;
  }
};
INSTANTIATE_TEST_SUITE_P(, Nat, kTcVariants, variant_name);

// Proves: K-01, K-50
TEST_P(Nat, RequestFromAPodGoesToTheBackend) {
  const PacketSpec in = request(at().pod, at().cluster_ip);
  expect("first packet", {.packet = build(in)}, {.packet = build(translated(in))});
  PacketSpec next = in;
  next.tcp_flags = kAck | kPsh;
  next.payload = {1, 2, 3};
  expect("next packet", {.packet = build(next)}, {.packet = build(translated(next))});
}

TEST_P(Nat, ReplyShowsTheFrontend) {
  const PacketSpec in = request(at().pod, at().cluster_ip);
  run({.packet = build(in)});
  const PacketSpec reply = reply_to(translated(in));
  expect("reply", {.hook = RunHook::kTcEgress, .packet = build(reply)},
         {.packet = build(shown(reply, at().cluster_ip))});
}

TEST_P(Nat, OutsideClientReachesTheLocalBackendAsItself) {
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  expect("at TC", {.ifindex = kUplink, .packet = build(in)}, {.packet = build(translated(in))});
  const PacketSpec reply = reply_to(translated(in));
  expect("reply", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = build(reply)},
         {.packet = build(shown(reply, at().load_balancer_ip))});
}

TEST_P(Nat, XdpTranslatesToTheLocalBackendAndPasses) {
  if (GetParam().sctp()) return;  // TC's
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  expect("first packet", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(in)},
         {.verdict = XDP_PASS, .packet = build(translated(in))});
  const PacketSpec reply = reply_to(translated(in));
  expect("reply at TC", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = build(reply)},
         {.packet = build(shown(reply, at().load_balancer_ip))});
}

}  // namespace
}  // namespace waggle
