// SPDX-License-Identifier: Apache-2.0
// Everything one phase of the benchmark measures: tables of their real size, flows in them, the product's programs and
// the comparison's over the same service tables, the floor. Owned by run_phase; made anew for each phase and load.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "packet_cost/cases.h"
#include "packet_cost/flow_fill.h"
#include "packet_cost/loaded_object.h"
#include "packet_cost/map_set.h"
#include "packet_cost/service_tables.h"
#include "packet_cost/wrapped.h"
#include "waggle/abi/counter.h"
#include "waggle/abi/settings.h"

namespace waggle {

struct RigConfig {
  wg_family family = WG_IPV4;
  bool snat = false;        // backends on other nodes
  uint32_t live_flows = 0;  // the tables are sized for: half of the flow table's slots
  uint32_t uplink_ifindex = 0;
  Feature feature = Feature::kPlain;
};

// Sums over services and CPUs.
struct RigCounters {
  wg_service_counter services{};
  uint64_t not_service = 0;
  uint64_t evicted_live = 0;
};

// The programs of a hook that answer the same packets. The floor and the LRU variant know plain services only.
struct Contestants {
  int empty;
  int floor;
  int product;
  int lru;
};

class Rig {
 public:
  static Result<Rig> make(const RigConfig& config);

  // Established flows first .. last - 1 into both kinds of table.
  Result<void> fill(uint32_t first, uint32_t last);
  // Every slot of the flow table taken by an established flow, and every entry of the LRU hash.
  Result<void> fill_up();
  // Every flow was last seen this long ago: within the second, its next packet does not write the clock.
  Result<void> set_seen(uint32_t seconds_ago) const;
  [[nodiscard]] Contestants contestants(TestHook hook, bool egress) const;
  [[nodiscard]] Result<RigCounters> counters(TestHook hook) const;

 private:
  Rig(const RigConfig& config, MapSet maps) : config_(config), maps_(std::move(maps)) {}
  Result<void> load_programs();
  Result<void> write_control() const;
  [[nodiscard]] Result<FillRequest> fill_request() const;

  RigConfig config_;
  MapSet maps_;
  wg_settings settings_{};
  ServiceTables services_;
  std::map<BenchObject, LoadedObject> objects_;
};

}  // namespace waggle
