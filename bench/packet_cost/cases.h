// SPDX-License-Identifier: Apache-2.0
// What is measured: phases (how the tables stand) and the cases of each (which packet at which hook).
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/bench_flow.h"
#include "packet_cost/wrapped.h"

namespace waggle {

enum class Expect : uint8_t { kRequest, kReply, kNotService, kNewFlow, kEviction };

struct Case {
  const char* name;
  TestHook hook;
  bool egress;
  bench_packet packet;
  uint8_t tcp_flags;
  Expect expect;
  uint32_t idle_s = 0;  // seconds since each flow's last packet
};

enum class TableState : uint8_t {
  kEstablished,  // as many live flows as the case goes through
  kEmpty,        // at first; the case fills it up to the sized-for number of live flows
  kFull,         // of live flows
};

struct Phase {
  TableState table;
  bool snat;
  std::vector<Case> cases;
};

const std::vector<Phase>& phases();

}  // namespace waggle
