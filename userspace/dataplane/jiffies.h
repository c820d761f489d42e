// SPDX-License-Identifier: Apache-2.0
// The programs' clock, seen from user space: how many jiffies a second, and what jiffies are now. Owned by Dataplane
// (for sweeps) and TableReader (for ages).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

// CONFIG_HZ of the running kernel. The resolution of the coarse clocks is by definition one tick (KTIME_LOW_RES), so
// this is exact and needs neither /proc/config.gz, which many kernels lack, nor a measurement, which would only be
// near.
uint32_t jiffies_per_second();

// Reads jiffies by running a two-instruction program (bpf_jiffies64) through BPF_PROG_TEST_RUN: no file shows the value
// without the kernel's own offset, and this is the very clock the programs write into flows.
class JiffiesClock {
 public:
  static Result<JiffiesClock> open();
  [[nodiscard]] Result<uint32_t> now() const;  // low 32 bits

 private:
  UniqueFd program_;
};

}  // namespace waggle
