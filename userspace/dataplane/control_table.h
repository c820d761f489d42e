// SPDX-License-Identifier: Apache-2.0
// Writer of table `control`, through memory shared with the programs. Owned by Dataplane.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "dataplane/mapping.h"
#include "waggle/abi/settings.h"
#include "waggle/abi/types.h"

namespace waggle {

class ControlTable {
 public:
  static Result<ControlTable> open(int map_fd);

  Result<void> set_snat_address(wg_family family, uint32_t index, const std::array<uint32_t, WG_ADDRESS_WORDS>& words);
  Result<void> set_link(const wg_link& link);
  void clear_link(uint32_t ifindex);
  void bump_nexthop_epoch();
  // pod_cidrs: by wg_family.
  void set_detector(wg_detector detector, const std::array<std::optional<wg_prefix>, 2>& pod_cidrs);
  // Answers how many found no room.
  size_t set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs);

 private:
  explicit ControlTable(Mapping mapping) : mapping_(std::move(mapping)) {}
  [[nodiscard]] wg_control* control() const { return reinterpret_cast<wg_control*>(mapping_.data()); }
  // The place that holds this ifindex (0: a free place) among those where `home` may live; nullptr: none.
  [[nodiscard]] wg_link* find(uint32_t home, uint32_t ifindex) const;

  Mapping mapping_;
};

}  // namespace waggle
