// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/cases.h"

namespace waggle {
namespace {

constexpr uint8_t kAck = 0x10;
constexpr uint8_t kSyn = 0x02;
constexpr uint32_t kIdle = 2;
constexpr bool kIngress = false;
constexpr bool kEgress = true;

using enum TestHook;
using enum Expect;
using enum Feature;

Case established(const char* name, TestHook hook, bench_fragment fragment, uint32_t payload) {
  return {.name = name,
          .hook = hook,
          .egress = kIngress,
          .packet = BENCH_PACKET_REQUEST,
          .tcp_flags = kAck,
          .expect = kRequest,
          .fragment = fragment,
          .payload = payload};
}

Case new_flow(const char* name, TestHook hook, bool few_clients = false, uint8_t tcp_flags = kSyn) {
  return {.name = name,
          .hook = hook,
          .egress = kIngress,
          .packet = BENCH_PACKET_REQUEST,
          .tcp_flags = tcp_flags,
          .expect = kNewFlow,
          .few_clients = few_clients};
}

// Amid a connection: connection tracking is asked for each packet. Affinity: a client's first flow to a service, and
// the next ones, which ask for the backend of the last. SCTP: what it costs to carry the change of the ports over 64
// and 1400 bytes.
std::vector<Phase> feature_phases() {
  return {
      {TableState::kEmpty,
       false,
       {new_flow("affinity_first", kXdp), new_flow("affinity_first", kTc), new_flow("affinity_known", kXdp, true),
        new_flow("affinity_known", kTc, true)},
       kAffinity},
      {TableState::kEmpty, false, {new_flow("ranges_4", kXdp), new_flow("ranges_4", kTc)}, kFewRanges},
      {TableState::kEmpty, false, {new_flow("ranges_64", kXdp), new_flow("ranges_64", kTc)}, kManyRanges},
      {TableState::kEstablished,
       false,
       {established("fragment_first", kTc, BENCH_FIRST_FRAGMENT, 0),
        established("fragment_later", kTc, BENCH_LATER_FRAGMENT, 0)},
       kFragments},
      {TableState::kEstablished,
       false,
       {established("sctp_64", kTc, BENCH_WHOLE, 64), established("sctp_1400", kTc, BENCH_WHOLE, 1400)},
       kSctp},
      {TableState::kEmpty, false, {new_flow("amid_connection", kTc, false, kAck)}, kTakeover},
  };
}

std::vector<Phase> with_features(std::vector<Phase> plain) {
  for (auto& phase : feature_phases()) plain.push_back(std::move(phase));
  return plain;
}

}  // namespace

const std::vector<Phase>& phases() {
  static const std::vector<Phase> all = with_features({
      {TableState::kEstablished,
       false,
       {{"established", kXdp, kIngress, BENCH_PACKET_REQUEST, kAck, kRequest},
        {"established", kTc, kIngress, BENCH_PACKET_REQUEST, kAck, kRequest},
        {"established_idle", kXdp, kIngress, BENCH_PACKET_REQUEST, kAck, kRequest, kIdle},
        {"reply", kTc, kEgress, BENCH_PACKET_REPLY, kAck, kReply},
        {"non_service", kXdp, kIngress, BENCH_PACKET_OTHER, kAck, kNotService},
        {"non_service", kTc, kIngress, BENCH_PACKET_OTHER, kAck, kNotService},
        {"non_service_reply", kTc, kEgress, BENCH_PACKET_OTHER_REPLY, kAck, kNotService}}},
      {TableState::kEstablished,
       true,
       {{"established_snat", kXdp, kIngress, BENCH_PACKET_REQUEST, kAck, kRequest},
        {"reply_snat", kXdp, kIngress, BENCH_PACKET_SNAT_REPLY, kAck, kReply},
        {"established_snat_idle", kXdp, kIngress, BENCH_PACKET_REQUEST, kAck, kRequest, kIdle},
        {"reply_snat_idle", kXdp, kIngress, BENCH_PACKET_SNAT_REPLY, kAck, kReply, kIdle}}},
      {TableState::kEmpty,
       false,
       {{"new_flow", kXdp, kIngress, BENCH_PACKET_REQUEST, kSyn, kNewFlow},
        {"new_flow", kTc, kIngress, BENCH_PACKET_REQUEST, kSyn, kNewFlow}}},
      {TableState::kEmpty, true, {{"new_flow_snat", kXdp, kIngress, BENCH_PACKET_REQUEST, kSyn, kNewFlow}}},
      {TableState::kFull,
       false,
       {{"new_flow_full", kXdp, kIngress, BENCH_PACKET_REQUEST, kSyn, kEviction},
        {"new_flow_full", kTc, kIngress, BENCH_PACKET_REQUEST, kSyn, kEviction}}},
  });
  return all;
}

}  // namespace waggle
