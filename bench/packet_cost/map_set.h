// SPDX-License-Identifier: Apache-2.0
// The maps of one phase: the product's tables and the comparison's LRU hash, made here, pinned nowhere. Owned by Rig;
// the objects that are loaded borrow the descriptors.
#pragma once

#include <linux/bpf.h>

#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/map_specs.h"
#include "dataplane/mapping.h"

namespace waggle {

class MapSet {
 public:
  // lru_entries: of the LRU hash of `family`; the other family's is as small as can be.
  static Result<MapSet> create(const DataplaneSizes& sizes, wg_family family, uint32_t lru_entries);

  [[nodiscard]] bool has(const std::string& name) const { return maps_.contains(name); }
  [[nodiscard]] int fd(const std::string& name) const { return maps_.at(name).fd.get(); }
  [[nodiscard]] const MapSpec& spec(const std::string& name) const { return maps_.at(name).spec; }
  // The whole of an array map.
  [[nodiscard]] Result<Mapping> map(const std::string& name) const;

 private:
  struct Map {
    UniqueFd fd;
    MapSpec spec;
  };
  Result<void> add(const MapSpec& spec);

  std::map<std::string, Map> maps_;
};

}  // namespace waggle
