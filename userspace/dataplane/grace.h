// SPDX-License-Identifier: Apache-2.0
// Waits until every run of a BPF program that began before the call has ended. Owned by TableWriter.
//
// The kernel promises this for an update of a map-in-map: the system call returns after an RCU grace period, so that
// user space may reuse what the old inner map held (maybe_wait_bpf_programs in kernel/bpf/syscall.c, since 4.20). We
// keep one such map for nothing but that. membarrier(MEMBARRIER_CMD_GLOBAL), the other system call that is
// synchronize_rcu in disguise, skips the wait on a one-CPU machine, where a preempted socket hook may still hold old
// contents, and does not exist with nohz_full.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

class GracePeriod {
 public:
  static Result<GracePeriod> open();
  [[nodiscard]] Result<void> wait() const;  // about 10 ms; any thread

 private:
  UniqueFd outer_;
  UniqueFd inner_;
};

}  // namespace waggle
