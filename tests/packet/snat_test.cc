// SPDX-License-Identifier: Apache-2.0
// Flows whose replies would not find their way back by themselves: the node's address goes in between, at TC.
#include <algorithm>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr uint32_t kMark = 0x4000;

class Snat : public VariantTest {
 protected:
  [[nodiscard]] static PacketSpec from_frontend(PacketSpec spec, const PacketSpec& request) {
    spec.source = request.destination;
    spec.source_port = request.destination_port;
    return spec;
  }
  [[nodiscard]] std::vector<FlowCopy> reservations() const {
    return rig().flows(GetParam().ipv6() ? FlowTable::kSnat6 : FlowTable::kSnat4);
  }
  [[nodiscard]] bool is_ours(uint16_t port) const {
    return port >= rig().settings().snat_port_min &&
           port - rig().settings().snat_port_min <= rig().settings().snat_port_mask;
  }
  // One packet of `request`'s direction through both edges; answers it as the backend sees it.
  PacketSpec forward(const PacketSpec& request, uint32_t in, uint32_t out, const std::string& backend,
                     const std::string& node);
  // The backend's answer to what forward() answered, back to the client.
  void backward(const PacketSpec& request, const PacketSpec& seen_by_backend, uint32_t in, uint32_t out,
                uint8_t flags = kSyn | kAck);
};
INSTANTIATE_TEST_SUITE_P(, Snat, kTcVariants, variant_name);

PacketSpec Snat::forward(const PacketSpec& request, uint32_t in, uint32_t out, const std::string& backend,
                         const std::string& node) {
  const PacketSpec middle = to_backend(request, backend);
  expect("client edge", {.ifindex = in, .packet = build(request)}, {.packet = build(middle), .mark = kMark});
  const RunInput leaving{.hook = RunHook::kTcEgress, .ifindex = out, .mark = kMark | 7, .packet = build(middle)};
  PacketSpec seen = middle;
  seen.source = node;
  seen.source_port = port_of(run(leaving).packet, "source port");
  EXPECT_TRUE(is_ours(seen.source_port)) << seen.source_port;
  expect("backend edge", leaving, {.packet = build(seen), .mark = 7});
  return seen;
}

void Snat::backward(const PacketSpec& request, const PacketSpec& seen_by_backend, uint32_t in, uint32_t out,
                    uint8_t flags) {
  PacketSpec reply = reply_to(seen_by_backend);
  reply.tcp_flags = flags;
  PacketSpec middle = reply;
  middle.destination = request.source;
  middle.destination_port = request.source_port;
  expect("backend edge, reply", {.ifindex = in, .packet = build(reply)}, {.packet = build(middle)});
  expect("client edge, reply", {.hook = RunHook::kTcEgress, .ifindex = out, .packet = build(middle)},
         {.packet = build(from_frontend(middle, request))});
}

TEST_P(Snat, OutsideClientAndRemoteBackend) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
  backward(in, seen, kUplink, kUplink);
  PacketSpec next = in;
  next.tcp_flags = kAck;
  EXPECT_EQ(forward(next, kUplink, kUplink, at().remote_backend, at().node).source_port, seen.source_port);
  ASSERT_EQ(reservations().size(), 1u);
  EXPECT_EQ(flow_state_name(reservations().front().state()), "established");
}

// Proves: K-59
TEST_P(Snat, TakesTheAddressOfTheLinkThatLeadsToTheBackend) {
  serve_on(at().far_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = forward(in, kUplink, kUplink2, at().far_backend, at().node2);
  backward(in, seen, kUplink2, kUplink);
}

// Proves: K-58, X-118
TEST_P(Snat, HairpinToTheClientItself) {
  serve_on(at().pod);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  const PacketSpec seen = forward(in, kPodLink, kPodLink, at().pod, at().node);
  backward(in, seen, kPodLink, kPodLink);
}

TEST_P(Snat, APodsFlowToAnotherNodeKeepsThePodsAddress) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().pod, at().cluster_ip);
  expect("no mark", {.packet = build(in)}, {.packet = build(to_backend(in, at().remote_backend))});
  EXPECT_TRUE(reservations().empty());
}

// Proves: K-59
TEST_P(Snat, EveryClientGetsAPortOfItsOwn) {
  serve_on(at().remote_backend);
  std::set<uint16_t> ports;
  for (uint16_t port = 40000; port < 40100; ++port) {
    PacketSpec in = request(at().outside, at().load_balancer_ip);
    in.source_port = port;
    const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
    EXPECT_TRUE(ports.insert(seen.source_port).second);
    backward(in, seen, kUplink, kUplink);
  }
}

TEST_P(Snat, ReservationFollowsTheStateOfItsFlow) {
  if (GetParam().udp()) return;
  serve_on(at().remote_backend);
  PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
  EXPECT_EQ(flow_state_name(reservations().front().state()), "half-open");
  backward(in, seen, kUplink, kUplink, kSyn | kAck);
  EXPECT_EQ(flow_state_name(reservations().front().state()), "established");
  in.tcp_flags = kFin | kAck;
  forward(in, kUplink, kUplink, at().remote_backend, at().node);
  EXPECT_EQ(flow_state_name(reservations().front().state()), "client-fin");
  backward(in, seen, kUplink, kUplink, kFin | kAck);
  EXPECT_EQ(flow_state_name(reservations().front().state()), "closed");
}

TEST_P(Snat, ReservationStaysAsYoungAsItsFlow) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  forward(in, kUplink, kUplink, at().remote_backend, at().node);
  rig().age_flows(1000);
  const uint32_t old = reservations().front().head.seen;
  forward(in, kUplink, kUplink, at().remote_backend, at().node);
  EXPECT_GE(reservations().front().head.seen - old, 999 * rig().settings().hz);
}

// Proves: K-102
TEST_P(Snat, ReplyWithoutAFlowIsDropped) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
  rig().forget_flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
  const Bytes reply = build(reply_to(seen));
  expect("orphan at TC", {.ifindex = kUplink, .packet = reply},
         {.verdict = TC_ACT_SHOT, .packet = reply, .reasons = {{"snat-orphan", 1}}});
  expect("orphan at XDP goes to TC", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = reply},
         {.verdict = XDP_PASS, .packet = reply, .reasons = {{GetParam().sctp() ? "protocol" : "to-stack", 1}}});
}

TEST_P(Snat, AFlowWhosePortIsAnothersByNowStartsAnew) {
  serve_on(at().remote_backend);
  PacketSpec in = request(at().outside, at().load_balancer_ip);
  const uint16_t first = forward(in, kUplink, kUplink, at().remote_backend, at().node).source_port;
  rig().forget_flows(GetParam().ipv6() ? FlowTable::kSnat6 : FlowTable::kSnat4);
  rig().age_flows(5);  // the next packet looks after the clock, and after the reservation with it
  in.tcp_flags = GetParam().sctp() ? kSyn : kAck;
  const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
  EXPECT_NE(seen.source_port, first) << "(one in 1024: it may be the same by chance)";
  backward(in, seen, kUplink, kUplink);
}

// Proves: K-59
TEST_P(Snat, OthersMarksAndPacketsStayAsTheyAre) {
  serve_on(at().remote_backend);
  const PacketSpec stranger = request(at().pod, at().remote_backend2);
  expect("a mark without a flow",
         {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark, .packet = build(stranger)},
         {.packet = build(stranger), .mark = kMark, .reasons = {{"no-flow", 1}}});
  PacketSpec to_our_port = request(at().outside, at().node);
  to_our_port.destination_port = rig().settings().snat_port_min;
  for (const uint32_t link : {kUplink, kPodLink}) {
    expect("a port of our range, no backend's packet", {.ifindex = link, .packet = build(to_our_port)},
           {.packet = build(to_our_port), .reasons = {{"not-service", 1}}});
  }
  PacketSpec from_backend = to_our_port;
  from_backend.source = at().remote_backend;
  from_backend.source_port = kBackendPort;
  expect("from a backend, but to nobody's port", {.ifindex = kUplink, .packet = build(from_backend)},
         {.packet = build(from_backend), .reasons = {{"not-service", 1}}});
}

TEST_P(Snat, WithoutANodeAddressOfThisFamilyTheFlowIsRefusedAndNothingKept) {
  serve_on(at().remote_backend);
  const wg_family family = GetParam().ipv6() ? WG_IPV6 : WG_IPV4;
  ASSERT_TRUE(rig().control().set_snat_address(family, 0, {}));
  const Bytes in = build(request(at().outside, at().load_balancer_ip));
  expect("dropped", {.ifindex = kUplink, .packet = in},
         {.verdict = TC_ACT_SHOT, .packet = in, .reasons = {{"snat-address", 1}}});
  ASSERT_TRUE(rig().control().set_snat_address(family, 0, address_of(at().node).words()));
  EXPECT_TRUE(reservations().empty());
}

TEST_P(Snat, KeepsACompleteChecksumRight) {
  serve_on(at().remote_backend);
  const PacketSpec in = request(at().outside, at().load_balancer_ip);
  const PacketSpec seen = forward(in, kUplink, kUplink, at().remote_backend, at().node);
  const Bytes middle = build(to_backend(in, at().remote_backend));
  expect("request",
         {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark, .complete_checksum = true, .packet = middle},
         {.packet = build(seen)});
  PacketSpec back = reply_to(seen);
  PacketSpec to_client = back;
  to_client.destination = in.source;
  to_client.destination_port = in.source_port;
  expect("reply", {.ifindex = kUplink, .complete_checksum = true, .packet = build(back)}, {.packet = build(to_client)});
}

TEST(SnatPorts, WhenAllAreTakenNewFlowsAreDroppedAndOldOnesGoOn) {
  const auto opened = ProgramRig::open({.snat_ports = 16});
  ASSERT_TRUE(opened) << opened.error().message;
  ProgramRig& rig = **opened;
  const Places& at = places(Family::kIpv4);
  ASSERT_TRUE(rig.apply(events_of(
      {.cluster_ips = {at.cluster_ip}, .load_balancer_ips = {at.load_balancer_ip}, .endpoints = {at.remote_backend}})));
  PacketSpec spec{.source = at.outside, .destination = at.load_balancer_ip, .destination_port = kServicePort};
  int dropped = 0;
  for (uint16_t port = 1000; port < 1020; ++port) {
    spec.source_port = port;
    const auto output = rig.run({.ifindex = kUplink, .packet = build(spec)}).value();
    if (output.verdict == TC_ACT_UNSPEC) continue;
    ++dropped;
    EXPECT_EQ(output.reasons, (Reasons{{"snat-ports", 1}}));
    EXPECT_EQ(output.packet, build(spec));
  }
  EXPECT_EQ(dropped, 4);
  EXPECT_EQ(rig.flows(FlowTable::kSnat4).size(), 16u);
  EXPECT_EQ(rig.flows(FlowTable::kFlows4).size(), 16u);
}

// One outside client after the other connects to one backend on another node, over 16 node ports.
class FewPorts : public testing::Test {
 protected:
  static constexpr uint16_t kPorts = 16;

  void SetUp() override {
    auto opened = ProgramRig::open({.snat_ports = kPorts});
    ASSERT_TRUE(opened) << opened.error().message;
    rig_ = std::move(*opened);
    ASSERT_TRUE(rig_->apply(events_of({.cluster_ips = {at_.cluster_ip},
                                       .load_balancer_ips = {at_.load_balancer_ip},
                                       .endpoints = {at_.remote_backend}})));
  }
  [[nodiscard]] PacketSpec from_client(uint16_t client_port, uint8_t flags) const {
    return {.source = at_.outside,
            .destination = at_.load_balancer_ip,
            .source_port = client_port,
            .destination_port = kServicePort,
            .tcp_flags = flags};
  }
  // Both edges; the node port the backend sees, 0 if the packet was dropped.
  uint16_t send(uint16_t client_port, uint8_t flags) {
    const auto first = rig_->run({.ifindex = kUplink, .packet = build(from_client(client_port, flags))}).value();
    if (first.verdict != TC_ACT_UNSPEC || first.mark == 0) return 0;
    const auto second =
        rig_->run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = first.mark, .packet = first.packet});
    return port_of(second.value().packet, "source port");
  }
  void answer(uint16_t node_port, uint8_t flags) {
    PacketSpec reply{.source = at_.remote_backend,
                     .destination = at_.node,
                     .source_port = kBackendPort,
                     .destination_port = node_port,
                     .tcp_flags = flags};
    const auto first = rig_->run({.ifindex = kUplink, .packet = build(reply)}).value();
    ASSERT_TRUE(rig_->run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = first.packet}));
  }
  // A whole connection, ended by the server: where it went.
  uint16_t connect_and_close(uint16_t client_port) {
    const uint16_t port = send(client_port, kSyn);
    if (port == 0) return 0;
    answer(port, kSyn | kAck);
    answer(port, kFin | kAck);
    send(client_port, kFin | kAck);
    return port;
  }

  const Places& at_ = places(Family::kIpv4);
  std::unique_ptr<ProgramRig> rig_;
};

TEST_F(FewPorts, TheOneThatWasClosedLongestAgoIsTakenNext) {
  std::vector<uint16_t> order;
  for (uint16_t i = 0; i < kPorts; ++i) order.push_back(connect_and_close(static_cast<uint16_t>(1000 + i)));
  EXPECT_EQ(std::set<uint16_t>(order.begin(), order.end()).size(), kPorts) << "each once";
  EXPECT_EQ(std::ranges::count(order, 0), 0);
  for (uint16_t i = 0; i < 5 * kPorts; ++i) {
    EXPECT_EQ(connect_and_close(static_cast<uint16_t>(2000 + i)), order[i % kPorts]) << i;
  }
}

TEST_F(FewPorts, LiveOnesAreNeverTaken) {
  std::set<uint16_t> live;
  for (uint16_t i = 0; i < 5; ++i) {
    live.insert(send(static_cast<uint16_t>(1000 + i), kSyn));
    if (i % 2 == 0) answer(*live.rbegin(), kSyn | kAck);
  }
  EXPECT_EQ(live.size(), 5u);
  for (uint16_t i = 0; i < 100; ++i) {
    const uint16_t port = connect_and_close(static_cast<uint16_t>(2000 + i));
    EXPECT_NE(port, 0) << i;
    EXPECT_FALSE(live.contains(port)) << i;
  }
}

TEST_F(FewPorts, AClosedConnectionWhosePortIsAnothersDoesNotDisturbIt) {
  const uint16_t port = connect_and_close(1000);
  uint16_t taken = 0;
  for (uint16_t i = 0; i < kPorts && taken != port; ++i) taken = send(static_cast<uint16_t>(2000 + i), kSyn);
  ASSERT_EQ(taken, port);
  EXPECT_NE(send(1000, kFin | kAck), port) << "sent again by the old client";
}

}  // namespace
}  // namespace waggle
