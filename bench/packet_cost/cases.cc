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

}  // namespace

const std::vector<Phase>& phases() {
  static const std::vector<Phase> all = {
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
  };
  return all;
}

}  // namespace waggle
