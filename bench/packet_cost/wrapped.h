// SPDX-License-Identifier: Apache-2.0
// A program under test behind the wrapper that writes it a fresh packet each time (bench/bpf/wrapper.h), and the
// measuring of one stretch of packets. Owned by measure_case, for the length of a case.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bpf/bench_flow.h"
#include "packet_cost/loaded_object.h"

namespace waggle {

enum class TestHook : uint8_t { kTc, kXdp };
const char* test_hook_name(TestHook hook);

struct Stretch {
  double ns = 0;         // CPU time of this thread for one packet, the kernel's test loop included
  uint32_t verdict = 0;  // of the last packet
};

// Runs a program `repeats` times on one packet buffer, as long as the packets of the set-up.
Result<Stretch> run_program(TestHook hook, int program_fd, const bench_setup& setup, uint32_t repeats);

class Wrapped {
 public:
  // target: stays open as long as this.
  static Result<Wrapped> make(TestHook hook, const bench_setup& setup, int target);
  // The flows to go through, from now on: first .. first + count - 1; count is a power of two.
  void go_through(uint32_t first, uint32_t count);
  Result<Stretch> run(uint32_t repeats) const;

 private:
  Wrapped(TestHook hook, LoadedObject object, Mapping order, const bench_setup& setup)
      : hook_(hook), object_(std::move(object)), order_(std::move(order)), setup_(setup) {}
  TestHook hook_;
  LoadedObject object_;
  Mapping order_;  // struct bench_order
  bench_setup setup_;
};

}  // namespace waggle
