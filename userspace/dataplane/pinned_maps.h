// SPDX-License-Identifier: Apache-2.0
// The set of pinned maps: made, adopted, or only opened for reading. Owned by Dataplane or TableReader.
//
// Crash safety: every map is pinned as soon as it exists and `meta` last. A set without `meta` was never used by a
// program and is made anew; with `meta`, a missing map is made and the rest adopted.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/bpf_root.h"
#include "dataplane/map_specs.h"
#include "dataplane/sizes.h"
#include "waggle/abi/settings.h"

namespace waggle {

class PinnedMaps {
 public:
  // `fresh` is what a newly made `meta` will say. The caller holds the lock.
  static Result<PinnedMaps> create_or_adopt(const PinPaths& paths, const DataplaneSizes& sizes, const wg_meta& fresh);
  // Only opens what is there. Not with BPF_F_RDONLY: the kernel maps no memory of such a descriptor.
  static Result<PinnedMaps> open_existing(const PinPaths& paths);

  [[nodiscard]] bool has(const std::string& name) const { return maps_.contains(name); }
  // name: one of map_specs()
  [[nodiscard]] int fd(const std::string& name) const { return maps_.at(name).fd.get(); }
  [[nodiscard]] const MapSpec& spec(const std::string& name) const {
    return maps_.at(name).spec;
  }  // as the kernel has it
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const wg_meta& meta() const { return meta_; }
  [[nodiscard]] const DataplaneSizes& sizes() const { return sizes_; }
  [[nodiscard]] bool adopted() const { return adopted_; }
  [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }

 private:
  struct Map {
    UniqueFd fd;
    MapSpec spec;
  };

  Result<void> adopt_all(const PinPaths& paths, const std::vector<MapSpec>& wanted);
  Result<void> create_all(const PinPaths& paths, const std::vector<MapSpec>& wanted, const wg_meta& fresh);
  Result<void> create(const PinPaths& paths, const MapSpec& wanted, const wg_meta* first_value);
  Result<void> adopt(const PinPaths& paths, const MapSpec& wanted);
  Result<void> read_meta(const PinPaths& paths);
  void note_sizes(const std::vector<MapSpec>& wanted);
  void derive_sizes();

  std::map<std::string, Map> maps_;
  wg_meta meta_{};
  DataplaneSizes sizes_;
  bool adopted_ = false;
  std::vector<std::string> notices_;
};

// As the kernel describes it.
Result<MapSpec> map_spec_of(int map_fd);
Result<uint32_t> map_id_of(int map_fd);

}  // namespace waggle
