// SPDX-License-Identifier: Apache-2.0
// Several flows of one client socket whose replies look alike, or that are more than its place in the table holds:
// every reply must still show the frontend its own request went to.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "packet_case.h"

namespace waggle {
namespace {

class Ambiguity : public VariantTest {
 protected:
  void serve_named(const std::string& name, const std::string& frontend, std::vector<std::string> endpoints) {
    serve({.name = "default/" + name,
           .variant = GetParam(),
           .cluster_ips = {frontend},
           .endpoints = std::move(endpoints)});
  }
  [[nodiscard]] std::string frontend(int i) const {
    return GetParam().ipv6() ? fmt::format("fd00:96::1:{:x}", i) : fmt::format("10.97.0.{}", i);
  }
  [[nodiscard]] std::string backend(int i) const {
    return GetParam().ipv6() ? fmt::format("2001:db8:f1::1:{:x}", i) : fmt::format("10.244.1.{}", i);
  }
  // One request of the client to `frontend`: answers what the backend sees.
  PacketSpec ask(const std::string& frontend, uint16_t source_port = kClientPort) {
    PacketSpec in = request(at().pod, frontend);
    in.source_port = source_port;
    const RunOutput output = run({.packet = build(in)});
    PacketSpec seen = in;
    seen.destination = destination_of(output.packet);
    seen.destination_port = port_of(output.packet, "destination port");
    seen.source_port = port_of(output.packet, "source port");
    EXPECT_EQ(packet_difference(build(seen), output.packet), "");
    return seen;
  }
  // The backend answers what it saw: the client must see `frontend` and its own port.
  void expect_answer(const PacketSpec& seen, const std::string& frontend, uint16_t source_port = kClientPort) {
    const PacketSpec reply = reply_to(seen);
    PacketSpec shown = reply;
    shown.source = frontend;
    shown.source_port = kServicePort;
    shown.destination_port = source_port;
    expect("reply of " + frontend, {.hook = RunHook::kTcEgress, .packet = build(reply)}, {.packet = build(shown)});
  }
  [[nodiscard]] bool is_translated(const PacketSpec& seen) const {
    return seen.source_port >= rig().settings().snat_port_min;
  }
};
INSTANTIATE_TEST_SUITE_P(, Ambiguity, kTcVariants, variant_name);

TEST_P(Ambiguity, TwoFrontendsOneBackendTheSecondFlowGetsAnotherPort) {
  serve_named("a", at().cluster_ip, {at().local_backend});
  serve_named("b", at().cluster_ip2, {at().local_backend});
  const PacketSpec first = ask(at().cluster_ip);
  const PacketSpec second = ask(at().cluster_ip2);
  EXPECT_FALSE(is_translated(first));
  EXPECT_TRUE(is_translated(second));
  for (int i = 0; i < 3; ++i) {
    expect_answer(first, at().cluster_ip);
    expect_answer(second, at().cluster_ip2);
    EXPECT_EQ(ask(at().cluster_ip).source_port, first.source_port);
    EXPECT_EQ(ask(at().cluster_ip2).source_port, second.source_port);
  }
}

TEST_P(Ambiguity, TheReservationOfATranslatedPortLivesAsLongAsItsFlow) {
  serve_named("a", at().cluster_ip, {at().local_backend});
  serve_named("b", at().cluster_ip2, {at().local_backend});
  ask(at().cluster_ip);
  const PacketSpec second = ask(at().cluster_ip2);
  rig().age_flows(1000);
  ask(at().cluster_ip2);
  const auto reservations = rig().flows(GetParam().ipv6() ? FlowTable::kSnat6 : FlowTable::kSnat4);
  ASSERT_EQ(reservations.size(), 1u);
  const auto flows = rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
  uint32_t youngest = flows.front().head.seen;
  for (const FlowCopy& flow : flows) {
    if (static_cast<int32_t>(flow.head.seen - youngest) > 0) youngest = flow.head.seen;
  }
  EXPECT_LE(youngest - reservations.front().head.seen, rig().settings().hz);
  expect_answer(second, at().cluster_ip2);
}

TEST_P(Ambiguity, WithTwoBackendsBothFlowsWorkWhicheverTheyGet) {
  serve_named("a", at().cluster_ip, {at().local_backend, at().local_backend2});
  serve_named("b", at().cluster_ip2, {at().local_backend, at().local_backend2});
  int same = 0;
  for (uint16_t port = 2000; port < 2040; ++port) {
    const PacketSpec first = ask(at().cluster_ip, port);
    const PacketSpec second = ask(at().cluster_ip2, port);
    if (second.destination == first.destination) {
      EXPECT_TRUE(is_translated(second));
      ++same;
    }
    expect_answer(first, at().cluster_ip, port);
    expect_answer(second, at().cluster_ip2, port);
  }
  EXPECT_LT(same, 15) << "another backend is tried before a port is translated (1 in 16 expected)";
}

TEST_P(Ambiguity, AConnectionThatHasEndedDoesNotCount) {
  if (GetParam().udp()) return;
  serve_named("a", at().cluster_ip, {at().local_backend});
  serve_named("b", at().cluster_ip2, {at().local_backend});
  PacketSpec reset = request(at().pod, at().cluster_ip);
  ask(at().cluster_ip);
  reset.tcp_flags = kRst;
  run({.packet = build(reset)});
  const PacketSpec second = ask(at().cluster_ip2);
  EXPECT_FALSE(is_translated(second));
  expect_answer(second, at().cluster_ip2);
}

TEST_P(Ambiguity, OneClientPortToManyFrontendsOfOneBackend) {
  for (int i = 1; i <= 12; ++i) serve_named(fmt::format("s{}", i), frontend(i), {at().local_backend});
  std::vector<PacketSpec> seen;
  for (int i = 1; i <= 12; ++i) seen.push_back(ask(frontend(i)));
  for (int i = 1; i <= 12; ++i) {
    const PacketSpec& flow = seen[static_cast<size_t>(i) - 1];
    expect_answer(flow, frontend(i));
    EXPECT_EQ(ask(frontend(i)).source_port, flow.source_port);
  }
}

// An outside client whose two flows need a node address besides.
TEST_P(Ambiguity, TranslatedPortAndNodeAddressTogether) {
  if (GetParam().sctp()) return;  // TC's: sctp_test.cc
  for (const auto& [name, address] : {std::pair{"a", at().cluster_ip}, std::pair{"b", at().cluster_ip2}}) {
    serve_named(name, address, {at().remote_backend});
  }
  for (const std::string& address : {at().cluster_ip, at().cluster_ip2}) {
    const PacketSpec in = request(at().outside, address);
    const RunOutput out = run({.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(in)});
    ASSERT_EQ(out.verdict, XDP_TX);
    PacketSpec seen = in;
    seen.source = at().node;
    seen.source_port = port_of(out.packet, "source port");
    seen.destination = at().remote_backend;
    seen.destination_port = kBackendPort;
    const PacketSpec reply = reply_to(seen);
    PacketSpec shown = reply_to(in);
    shown.ttl -= 1;
    shown.source_mac = kUplinkMac;
    shown.destination_mac = kRouterMac;
    expect("XDP reply", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(reply)},
           {.verdict = XDP_TX, .packet = build(shown)});
    const Bytes middle = run({.ifindex = kUplink, .packet = build(reply)}).packet;
    EXPECT_EQ(destination_of(middle), at().outside);
    PacketSpec shown_by_tc = reply_to(in);
    expect("TC reply", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = middle},
           {.packet = build(shown_by_tc)});
    const uint32_t mark = rig().settings().snat_mark;
    const RunOutput request_at_tc = run({.ifindex = kUplink, .packet = build(in)});
    EXPECT_EQ(request_at_tc.mark, mark);
    expect("TC request at the backend edge",
           {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = mark, .packet = request_at_tc.packet},
           {.packet = build(seen)});
  }
}

class Spill : public Ambiguity {};
INSTANTIATE_TEST_SUITE_P(, Spill, kTcVariants, variant_name);

TEST_P(Spill, OneClientPortToFortyServicesKeepsEveryFlow) {
  for (int i = 1; i <= 40; ++i) serve_named(fmt::format("s{}", i), frontend(i), {backend(i), backend(i + 100)});
  std::vector<PacketSpec> seen;
  for (int i = 1; i <= 40; ++i) seen.push_back(ask(frontend(i)));
  EXPECT_GE(rig().spilled(), 2u * (40 - 16));
  for (int round = 0; round < 2; ++round) {
    for (int i = 1; i <= 40; ++i) {
      const PacketSpec& flow = seen[static_cast<size_t>(i) - 1];
      EXPECT_EQ(ask(frontend(i)).destination, flow.destination);
      expect_answer(flow, frontend(i));
    }
  }
}

TEST_P(Spill, SpilledFlowsAreToldApartFromThoseInTheTable) {
  for (int i = 1; i <= 24; ++i) serve_named(fmt::format("s{}", i), frontend(i), {backend(i)});
  for (int i = 1; i <= 24; ++i) ask(frontend(i));
  EXPECT_GE(rig().spilled(), 16u);
  for (int i = 1; i <= 24; ++i) {
    serve_named("same", frontend(100 + i), {backend(i)});
    const PacketSpec seen = ask(frontend(100 + i));
    EXPECT_EQ(seen.destination, backend(i));
    expect_answer(seen, frontend(100 + i));
  }
}

TEST_P(Spill, UdpLeavesAGoneBackendThereToo) {
  for (int i = 1; i <= 24; ++i) serve_named(fmt::format("s{}", i), frontend(i), {backend(i)});
  for (int i = 1; i <= 24; ++i) ask(frontend(i));
  for (int i = 1; i <= 24; ++i) serve_named(fmt::format("s{}", i), frontend(i), {backend(100 + i)});
  for (int i = 1; i <= 24; ++i) {
    PacketSpec next = request(at().pod, frontend(i));
    next.tcp_flags = kAck;
    const std::string now = backend_of({.packet = build(next)});
    EXPECT_EQ(now, GetParam().udp() ? backend(100 + i) : backend(i));
    EXPECT_EQ(ask(frontend(i)).destination, backend(100 + i)) << "and a new connection";
  }
}

// The sweep takes the spilled bit off buckets that no longer need it, beside programs that spill.
class SpillSweep : public Ambiguity {
 protected:
  static constexpr int kFlows = 24;  // 16 fit

  void SetUp() override {
    Ambiguity::SetUp();
    for (int i = 1; i <= kFlows; ++i) serve_named(fmt::format("s{}", i), frontend(i), {backend(i), backend(i + 100)});
    for (int i = 1; i <= kFlows; ++i) seen.push_back(ask(frontend(i)));
    ASSERT_GE(rig().spilled(), 2u * (kFlows - 16));
  }
  // Every flow still has the backend it began with.
  void expect_all(const std::string& when) {
    SCOPED_TRACE(when);
    for (int i = 1; i <= kFlows; ++i) {
      const PacketSpec& flow = seen[static_cast<size_t>(i) - 1];
      EXPECT_EQ(ask(frontend(i)).destination, flow.destination);
      expect_answer(flow, frontend(i));
    }
  }
  static uint64_t swept(const std::function<void()>& meanwhile = [] {}) {
    const auto result = rig().sweep(meanwhile);
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->unspilled : 0;
  }
  [[nodiscard]] size_t bits() const {
    const auto flows = rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
    return static_cast<size_t>(
        std::ranges::count_if(flows, [](const FlowCopy& flow) { return (flow.head.control & WG_FLOW_SPILLED) != 0; }));
  }
  std::vector<PacketSpec> seen;
};
INSTANTIATE_TEST_SUITE_P(, SpillSweep, kTcVariants, variant_name);

TEST_P(SpillSweep, TheBitGoesWithTheLastSpilledFlow) {
  ASSERT_EQ(bits(), 1u);
  rig().take_spilled();
  EXPECT_EQ(swept(), 1u);
  EXPECT_EQ(bits(), 0u);
  EXPECT_EQ(swept(), 0u);
}

TEST_P(SpillSweep, SpilledFlowsStayFoundThroughEverySweep) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(swept([this] { expect_all("during the sweep"); }), 0u);
    expect_all("after the sweep");
  }
}

// A program had set the bit before the sweep came by, and puts its flow there only while the sweep is under way.
TEST_P(SpillSweep, AFlowOnItsWayIntoTheSpillTableStaysFound) {
  const auto on_the_way = rig().take_spilled();
  EXPECT_EQ(swept([&] {
              rig().put_spilled(on_the_way);
              expect_all("during the sweep");
            }),
            0u);
  expect_all("after the sweep");
}

// A program sets the bit during the sweep, and puts its flow there when the sweep has read the spill table.
TEST_P(SpillSweep, AFlowThatSpillsDuringTheSweepStaysFound) {
  rig().take_spilled();
  ProgramRig::SpillEntries on_the_way;
  EXPECT_EQ(swept([&] {
              for (int i = 1; i <= kFlows; ++i) seen[static_cast<size_t>(i) - 1] = ask(frontend(i));
              on_the_way = rig().take_spilled();
            }),
            1u);
  EXPECT_FALSE(on_the_way.empty());
  EXPECT_EQ(bits(), 1u);
  rig().put_spilled(on_the_way);
  expect_all("after the sweep");
}

}  // namespace
}  // namespace waggle
