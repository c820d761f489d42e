// SPDX-License-Identifier: Apache-2.0
// The pinned tables, read only: what the CLI shows. Works with no agent running and never disturbs one. Owned by one
// command; not for the reconcile loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/flow_sweep.h"
#include "plan/table.h"
#include "waggle/abi/affinity.h"
#include "waggle/abi/fragment.h"
#include "waggle/abi/settings.h"
#include "waggle/abi/sock.h"

namespace waggle {

// A pinned map as the kernel describes it.
struct MapInfo {
  std::string name;         // of the pin
  std::string type;         // "array", "lru_hash" ...
  uint32_t key_size = 0;    // bytes
  uint32_t value_size = 0;  // bytes
  uint32_t max_entries = 0;
  uint64_t memory_bytes = 0;  // as charged by the kernel
};

class TableReader final : public TableStore {
 public:
  // Fails in words if nothing is pinned there or the tables are of another version.
  static Result<TableReader> open(const std::filesystem::path& bpf_root);
  ~TableReader() override;
  TableReader(TableReader&&) noexcept;
  TableReader& operator=(TableReader&&) noexcept;

  Result<void> apply(const Write& write) override;  // always refused
  Result<std::span<const std::byte>> content(Table table) override;
  Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() override;
  Result<std::vector<SourceRangeEntry>> source_ranges() override;
  Result<void> wait_for_readers() override;  // always refused

  [[nodiscard]] const DataplaneSizes& sizes() const;
  [[nodiscard]] const wg_meta& meta() const;
  [[nodiscard]] Result<wg_control> control() const;
  [[nodiscard]] Result<wg_service_counter> service_counter(uint32_t service) const;
  [[nodiscard]] Result<std::vector<uint64_t>> reason_counters() const;  // index: reason * WG_HOOK_COUNT + hook

  Result<void> for_each_flow(FlowTable table, const FlowVisitor& visit) const;
  [[nodiscard]] Result<uint32_t> jiffies_now() const;  // what FlowCopy::age_s wants
  Result<std::vector<std::pair<wg_spill_key, wg_spill_value>>> spilled_flows() const;
  Result<std::vector<std::pair<wg_sock_key, wg_sock_value>>> sock_flows() const;
  [[nodiscard]] Result<std::vector<std::pair<wg_affinity_key, wg_affinity_value>>> affinities() const;
  [[nodiscard]] Result<std::vector<std::pair<wg_fragment_key, wg_fragment_value>>> fragments() const;
  [[nodiscard]] Result<std::vector<wg_nexthop>> nexthops() const;  // resolved ones

  [[nodiscard]] Result<std::vector<MapInfo>> maps() const;  // sorted by name
  [[nodiscard]] Result<std::vector<AttachedLink>> attached() const;
  [[nodiscard]] bool cgroup_attached() const;
  // Who holds the lock right now; 0: nobody, or an agent that cannot be seen from this pid namespace.
  [[nodiscard]] int agent_pid() const;

 private:
  struct Impl;
  explicit TableReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waggle
