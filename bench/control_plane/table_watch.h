// SPDX-License-Identifier: Apache-2.0
// Watches the pinned tables from outside of the agent: their memory is mapped read-only and looked at again and again,
// so that the moment of a publication is seen without asking anybody. Owned by the benchmark's main; for one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/table_reader.h"
#include "waggle/abi/frontend.h"
#include "waggle/abi/service.h"

namespace waggle {

int64_t monotonic_ns();  // CLOCK_MONOTONIC, as the test API server says its times

struct MapBytes {
  uint64_t flow_tables = 0;  // flows, their reservations, spills, and those of sockets
  uint64_t others = 0;
};

class TableWatch {
 public:
  static Result<std::unique_ptr<TableWatch>> open(const std::filesystem::path& bpf_root);

  [[nodiscard]] size_t live_frontends() const;   // IPv4
  [[nodiscard]] uint64_t slots_in_sets() const;  // endpoints that the sets of all services name
  // By the service's name, for single-port services.
  Result<std::map<std::string, uint32_t>> service_indexes();
  [[nodiscard]] uint64_t cluster_set(uint32_t service) const;
  [[nodiscard]] Result<MapBytes> map_bytes() const;

 private:
  TableWatch(TableReader services, TableReader frontends)
      : services_reader_(std::move(services)), frontends_reader_(std::move(frontends)) {}
  Result<void> map();

  TableReader services_reader_;  // a reader keeps one table mapped
  TableReader frontends_reader_;
  std::span<const wg_service> services_;
  std::span<const wg_frontend_bucket4> frontends_;
};

}  // namespace waggle
