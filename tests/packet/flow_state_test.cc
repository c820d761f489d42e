// SPDX-License-Identifier: Apache-2.0
// What a flow remembers from packet to packet: its backend, its state, and when it must let go of them.
#include <fmt/format.h>

#include <set>

#include "dataplane/flow_entry.h"
#include "packet_case.h"

namespace waggle {
namespace {

class FlowState : public VariantTest {
 protected:
  void serve_on(std::vector<std::string> endpoints, std::vector<std::string> terminating = {}) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .endpoints = std::move(endpoints),
           .terminating_endpoints = std::move(terminating)});
  }
  [[nodiscard]] PacketSpec packet(uint8_t tcp_flags, uint16_t port = kClientPort) const {
    PacketSpec spec = request(at().pod, at().cluster_ip);
    spec.tcp_flags = tcp_flags;
    spec.source_port = port;
    return spec;
  }
  std::string send(uint8_t tcp_flags, uint16_t port = kClientPort) {
    return backend_of({.packet = build(packet(tcp_flags, port))});
  }
  // The backend answers to the client; it must show the service's address.
  void answer(const std::string& backend, uint8_t tcp_flags) {
    PacketSpec spec = reply_to(packet(tcp_flags));
    spec.source = backend;
    spec.source_port = kBackendPort;
    spec.tcp_flags = tcp_flags;
    EXPECT_EQ(source_of(run({.hook = RunHook::kTcEgress, .packet = build(spec)}).packet), at().cluster_ip);
  }
  [[nodiscard]] std::vector<FlowCopy> flows() const {
    return rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
  }
  [[nodiscard]] std::string state() const {
    const auto all = flows();
    return all.size() == 1 ? std::string(flow_state_name(all.front().state())) : fmt::format("{} flows", all.size());
  }
};
using TcpFlow = FlowState;
using UdpFlow = FlowState;
INSTANTIATE_TEST_SUITE_P(, FlowState, kTcVariants, variant_name);

TEST_P(FlowState, KeepsItsBackendAndDifferentFlowsSpread) {
  serve_on({at().local_backend, at().local_backend2, at().remote_backend});
  std::set<std::string> seen;
  for (uint16_t port = 40000; port < 40040; ++port) {
    const std::string backend = send(kSyn, port);
    seen.insert(backend);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(send(kAck, port), backend);
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST_P(FlowState, CountsPacketsBytesAndNewFlows) {
  serve_on({at().local_backend});
  const std::vector<ServiceView> services = services_view(rig().tables()).value();
  ASSERT_EQ(services.size(), 1u);
  const uint32_t service = services.front().index;
  const wg_service_counter before = rig().service_counter(service);
  send(kSyn);
  send(kAck);
  answer(at().local_backend, kAck);
  const wg_service_counter after = rig().service_counter(service);
  const uint64_t opening = build(packet(kSyn)).size() - 14;
  const uint64_t bytes = build(packet(kAck)).size() - 14;
  EXPECT_EQ(after.new_flows - before.new_flows, 1u);
  EXPECT_EQ(after.request_packets - before.request_packets, 2u);
  EXPECT_EQ(after.request_bytes - before.request_bytes, opening + bytes);
  EXPECT_EQ(after.reply_packets - before.reply_packets, 1u);
  EXPECT_EQ(after.reply_bytes - before.reply_bytes, bytes);
}

// Proves: K-13, X-176
TEST_P(FlowState, SurvivesTheLossOfItsFrontendButTakesNoNewFlows) {
  serve_on({at().local_backend});
  EXPECT_EQ(send(kSyn), at().local_backend);
  const PacketSpec other = packet(kSyn, kClientPort + 1);
  forget("default/web");
  EXPECT_EQ(send(kAck), at().local_backend);
  answer(at().local_backend, kAck);
  expect("new flow to a tombstone", {.packet = build(other)}, {.packet = build(other), .reasons = {{"no-flow", 1}}});
}

TEST_P(FlowState, ExpiredEntryThatIsStillThereGoesOn) {
  serve_on({at().local_backend, at().local_backend2});
  const std::string backend = send(kSyn);
  rig().age_flows(100'000);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(send(kAck), backend);
}

TEST_P(FlowState, ForgottenFlowIsOpenedAnewByItsNextPacket) {
  serve_on({at().local_backend});
  send(kSyn);
  rig().forget_all_flows();
  // An association lives on several paths: only its INIT opens a flow.
  EXPECT_EQ(send(GetParam().sctp() ? kSyn : kAck), at().local_backend);
  EXPECT_EQ(state(), "half-open");
}

// The same client socket address may speak to the backend directly when its connection through the service has ended:
// the backend's answer is then not the service's.
TEST_P(FlowState, ThatHasEndedDoesNotTakeTheAnswersOfADirectConnection) {
  if (GetParam().udp()) return;  // no ends
  serve_on({at().local_backend});
  send(kSyn);
  answer(at().local_backend, kSyn | kAck);
  send(kFin | kAck);
  answer(at().local_backend, kFin | kAck);
  EXPECT_EQ(state(), "closed");
  PacketSpec direct = reply_to(packet(kAck));
  direct.source = at().local_backend;
  direct.source_port = kBackendPort;
  for (const uint8_t flags : {uint8_t{kSyn | kAck}, kAck}) {
    direct.tcp_flags = flags;
    expect("direct answer", {.hook = RunHook::kTcEgress, .packet = build(direct)},
           {.packet = build(direct), .reasons = {{"no-flow", 1}}});
  }
  EXPECT_TRUE(flows().empty());
}

// The same for UDP, where nothing says that the old one has ended: it goes once it has been silent.
TEST_P(FlowState, ThatIsSilentDoesNotTakeTheAnswersOfADirectDatagram) {
  if (!GetParam().udp()) return;
  serve_on({at().local_backend});
  const PacketSpec through_service = packet(kSyn);
  PacketSpec direct = through_service;
  direct.destination = at().local_backend;
  direct.destination_port = kBackendPort;
  const PacketSpec direct_answer = reply_to(direct);
  send(kSyn);
  expect("a direct datagram", {.packet = build(direct)}, {.packet = build(direct), .reasons = {{"not-service", 1}}});
  EXPECT_EQ(flows().size(), 1u) << "in use";
  answer(at().local_backend, 0);
  rig().age_flows(3);
  expect("another", {.packet = build(direct)}, {.packet = build(direct), .reasons = {{"not-service", 1}}});
  expect("its answer", {.hook = RunHook::kTcEgress, .packet = build(direct_answer)},
         {.packet = build(direct_answer), .reasons = {{"no-flow", 1}}});
  EXPECT_EQ(send(kSyn), at().local_backend) << "the service's flow begins anew";
  answer(at().local_backend, 0);
}

TEST_P(FlowState, IsEstablishedByItsFirstReply) {
  serve_on({at().local_backend});
  send(kSyn);
  EXPECT_EQ(state(), "half-open");
  send(kAck);
  EXPECT_EQ(state(), "half-open");
  answer(at().local_backend, kSyn | kAck);
  EXPECT_EQ(state(), "established");
}

// TCP: what each packet makes of the state.
struct Step {
  char from = 'c';  // c: client, b: backend
  uint8_t flags = 0;
  const char* state = "";
};
struct Story {
  const char* name = "";
  std::vector<Step> steps = {};
};

TEST_P(FlowState, FollowsTheLifeOfAConnection) {
  if (GetParam().udp()) {
    send(kSyn);
    return;
  }
  const Story stories[] = {
      {"client closes first",
       {{'c', kSyn, "half-open"},
        {'b', kSyn | kAck, "established"},
        {'c', kAck, "established"},
        {'c', kFin | kAck, "client-fin"},
        {'b', kAck, "client-fin"},
        {'c', kFin | kAck, "client-fin"},
        {'b', kFin | kAck, "closed"},
        {'c', kAck, "closed"}}},
      {"backend closes first",
       {{'c', kSyn, "half-open"},
        {'b', kSyn | kAck, "established"},
        {'b', kFin | kAck, "backend-fin"},
        {'b', kFin | kAck, "backend-fin"},
        {'c', kAck, "backend-fin"},
        {'c', kFin | kAck, "closed"}}},
      {"client resets", {{'c', kSyn, "half-open"}, {'b', kSyn | kAck, "established"}, {'c', kRst, "closed"}}},
      {"backend refuses", {{'c', kSyn, "half-open"}, {'b', kRst | kAck, "closed"}}},
      {"client gives up before an answer", {{'c', kSyn, "half-open"}, {'c', kFin | kAck, "client-fin"}}},
      {"SYN repeated", {{'c', kSyn, "half-open"}, {'c', kSyn, "half-open"}, {'b', kSyn | kAck, "established"}}},
  };
  for (const Story& story : stories) {
    rig().forget_all_flows();
    serve_on({at().local_backend});
    for (size_t i = 0; i < story.steps.size(); ++i) {
      const Step& step = story.steps[i];
      if (step.from == 'c') {
        EXPECT_EQ(send(step.flags), at().local_backend);
      } else {
        answer(at().local_backend, step.flags);
      }
      EXPECT_EQ(state(), step.state) << story.name << ", step " << i + 1;
    }
  }
}

TEST_P(FlowState, RepeatedSynKeepsItsBackendNewSynAfterTheEndChoosesAnew) {
  if (GetParam().udp()) return;
  for (const uint8_t end : {uint8_t{kFin | kAck}, kRst}) {
    serve_on({at().local_backend, at().local_backend2});
    const std::string first = send(kSyn);
    const std::string other = first == at().local_backend ? at().local_backend2 : at().local_backend;
    for (int i = 0; i < 8; ++i) EXPECT_EQ(send(kSyn), first);
    serve_on({other}, {first});
    EXPECT_EQ(send(kSyn), first) << "the backend still serves";
    send(end);
    EXPECT_EQ(send(kAck), first) << "the end of the old connection goes where it belongs";
    EXPECT_EQ(send(kSyn), other);
    EXPECT_EQ(state(), "half-open");
    rig().forget_all_flows();
  }
}

// Proves: K-123, K-125, X-173
TEST_P(FlowState, LeavesABackendThatIsGoneIfItMay) {
  serve_on({at().local_backend});
  EXPECT_EQ(send(kSyn), at().local_backend);
  answer(at().local_backend, kAck);
  serve_on({at().local_backend2});
  const std::string after = GetParam().udp() ? at().local_backend2 : at().local_backend;
  EXPECT_EQ(send(kAck), after) << "TCP keeps its backend, UDP leaves it";
  EXPECT_EQ(send(kSyn), at().local_backend2) << "a new connection leaves it, too";
  EXPECT_EQ(flows().size(), 1u);
}

// Proves: K-122, X-177
TEST_P(FlowState, KeepsABackendThatIsTerminating) {
  serve_on({at().local_backend});
  EXPECT_EQ(send(kSyn), at().local_backend);
  serve_on({at().local_backend2}, {at().local_backend});
  EXPECT_EQ(send(kAck), at().local_backend);
  EXPECT_EQ(send(kSyn, kClientPort + 1), at().local_backend2);
}

// Proves: X-175
TEST_P(FlowState, GoesOnWhenTheLastBackendIsGoneIfItMay) {
  serve_on({at().local_backend});
  send(kSyn);
  serve_on({});
  const PacketSpec next = packet(kAck);
  if (GetParam().udp()) {
    EXPECT_EQ(run({.packet = build(next)}).verdict, TC_ACT_REDIRECT) << "refused";
  } else {
    EXPECT_EQ(backend_of({.packet = build(next)}), at().local_backend);
  }
}

TEST_P(FlowState, KeepsAMissingUdpChecksumMissing) {
  if (!GetParam().udp()) return;
  serve_on({at().local_backend});
  PacketSpec in = packet(0);
  in.udp_checksum = false;
  PacketSpec out = in;
  out.destination = at().local_backend;
  out.destination_port = kBackendPort;
  expect("at TC", {.packet = build(in)}, {.packet = build(out)});
  expect("at XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(in)},
         {.verdict = XDP_PASS, .packet = build(out)});
  const PacketSpec reply = reply_to(out);
  PacketSpec shown = reply;
  shown.source = at().cluster_ip;
  shown.source_port = kServicePort;
  expect("reply", {.hook = RunHook::kTcEgress, .packet = build(reply)}, {.packet = build(shown)});
}

// A NIC may hand up the sum of the whole packet; every change must leave it right.
TEST_P(FlowState, KeepsACompleteChecksumRight) {
  serve_on({at().local_backend});
  const PacketSpec in = packet(kSyn);
  PacketSpec out = in;
  out.destination = at().local_backend;
  out.destination_port = kBackendPort;
  expect("request", {.complete_checksum = true, .packet = build(in)}, {.packet = build(out)});
  const PacketSpec reply = reply_to(out);
  PacketSpec shown = reply;
  shown.source = at().cluster_ip;
  shown.source_port = kServicePort;
  expect("reply", {.hook = RunHook::kTcEgress, .complete_checksum = true, .packet = build(reply)},
         {.packet = build(shown)});
}

}  // namespace
}  // namespace waggle
