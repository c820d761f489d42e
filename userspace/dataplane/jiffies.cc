// SPDX-License-Identifier: Apache-2.0
#include "dataplane/jiffies.h"

#include <bpf/bpf.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "dataplane/errors.h"
#include "dataplane/options.h"

namespace waggle {

uint32_t jiffies_per_second() {
  constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
  timespec tick{};
  ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  const auto tick_ns = static_cast<uint64_t>(tick.tv_nsec);
  return tick_ns == 0 ? 1 : static_cast<uint32_t>((kNanosecondsPerSecond + tick_ns / 2) / tick_ns);
}

Result<JiffiesClock> JiffiesClock::open() {
  bpf_insn call{};
  call.code = BPF_JMP | BPF_CALL;
  call.imm = BPF_FUNC_jiffies64;
  bpf_insn leave{};
  leave.code = BPF_JMP | BPF_EXIT;
  const std::array program = {call, leave};
  JiffiesClock clock;
  clock.program_ = UniqueFd(
      ::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "jiffies", "Dual BSD/GPL", program.data(), program.size(), nullptr));
  if (!clock.program_.valid()) return system_failure("loading the program that reads jiffies", errno);
  return clock;
}

Result<uint32_t> JiffiesClock::now() const {
  const std::array<char, 64> packet{};  // a TC program runs on a packet, at least an Ethernet header
  auto options = sized_options<bpf_test_run_opts>();
  options.data_in = packet.data();
  options.data_size_in = packet.size();
  options.repeat = 1;
  if (const int result = ::bpf_prog_test_run_opts(program_.get(), &options); result != 0) {
    return system_failure("reading jiffies", result);
  }
  return options.retval;
}

}  // namespace waggle
