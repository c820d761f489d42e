// SPDX-License-Identifier: Apache-2.0
// What is measured: phases (how the tables stand) and the cases of each (which packet at which hook).
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/bench_flow.h"
#include "packet_cost/wrapped.h"
#include "waggle/abi/types.h"

namespace waggle {

enum class Expect : uint8_t { kRequest, kReply, kNotService, kNewFlow, kEviction };

struct Case {
  const char* name;
  TestHook hook;
  bool egress;
  bench_packet packet;
  uint8_t tcp_flags;
  Expect expect;
  uint32_t idle_s = 0;                    // seconds since each flow's last packet
  bench_fragment fragment = BENCH_WHOLE;  // of which kind every packet is
  uint32_t payload = 0;                   // as in bench_setup
  bool few_clients = false;               // clients that come back, as in bench_setup
};

// What the services of a phase ask for beside being there. Those that ask for something are measured without the
// comparisons, which do not know it: beside the plain cases of the same table.
enum class Feature : uint8_t { kPlain, kAffinity, kFewRanges, kManyRanges, kFragments, kSctp, kTakeover };
constexpr uint8_t protocol_of(Feature feature) {
  return feature == Feature::kSctp ? WG_PROTOCOL_SCTP : WG_PROTOCOL_TCP;
}

enum class TableState : uint8_t {
  kEstablished,  // as many live flows as the case goes through
  kEmpty,        // at first; the case fills it up to the sized-for number of live flows
  kFull,         // of live flows
};

struct Phase {
  TableState table;
  bool snat;
  std::vector<Case> cases;
  Feature feature = Feature::kPlain;

  // Cases that features are compared with, and those.
  [[nodiscard]] bool is_about_features() const {
    return feature != Feature::kPlain || (!snat && table != TableState::kFull);
  }
};

const std::vector<Phase>& phases();

}  // namespace waggle
