// SPDX-License-Identifier: Apache-2.0
// The kernel's side as the reconcile loop sees it: an interface at the I/O edge. The real one wraps a Dataplane; tests
// use a fake that records and fails on demand. Owned by the agent; one thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "model/address.h"

namespace waggle {

class KernelEdge {
 public:
  virtual ~KernelEdge() = default;

  virtual TableStore& tables() = 0;
  // What a previous run left; all zero when the tables are new.
  virtual Result<wg_control> control() = 0;
  virtual Result<std::vector<AttachedLink>> attached() = 0;

  virtual Result<AttachOutcome> attach_link(uint32_t ifindex) = 0;
  virtual Result<AttachOutcome> attach_xdp(uint32_t ifindex) = 0;
  virtual Result<void> detach_link(uint32_t ifindex) = 0;
  virtual Result<void> detach_xdp(uint32_t ifindex) = 0;
  virtual Result<std::vector<uint32_t>> prune() = 0;

  virtual Result<void> set_snat_address(wg_family family, uint32_t index, const IpAddress& address) = 0;
  virtual Result<void> set_link(const wg_link& link) = 0;
  virtual void clear_link(uint32_t ifindex) = 0;
  virtual void bump_nexthop_epoch() = 0;
  virtual void set_detector(const PodDetector& detector) = 0;
  // Answers how many found no room.
  virtual size_t set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs) = 0;

  // key: with WG_SOCK_BY_BACKEND.
  virtual Result<SockBackend> sock_backend(const wg_sock_key& key) = 0;

  // Sums over the CPUs. reason_counters: index: reason * WG_HOOK_COUNT + hook.
  virtual Result<wg_service_counter> service_counter(uint32_t service) = 0;
  virtual Result<std::vector<uint64_t>> reason_counters() = 0;

  // A pass over all flows beside the loop: sweep_over() answers nothing while it lasts and then, once, what was found.
  virtual void begin_sweep(const SweepRequest& request) = 0;
  virtual std::optional<Result<SweepResult>> sweep_over() = 0;
  [[nodiscard]] virtual int sweep_fd() const = 0;  // readable when it is over; -1: it is over at once
};

// bpf_root: where the dataplane's tables are pinned.
std::unique_ptr<KernelEdge> kernel_edge(Dataplane dataplane, std::filesystem::path bpf_root);

}  // namespace waggle
