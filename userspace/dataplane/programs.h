// SPDX-License-Identifier: Apache-2.0
// The loaded programs. Owned by Dataplane. Loading puts the settings into .rodata and gives every program the pinned
// maps; afterwards only the program descriptors are kept, the objects' memory is freed.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/pinned_maps.h"
#include "waggle/abi/settings.h"

namespace waggle {

class Programs {
 public:
  static Result<Programs> load(const PinnedMaps& maps, const wg_settings& settings);
  [[nodiscard]] int fd(const std::string& name) const { return fds_.at(name).get(); }

 private:
  std::map<std::string, UniqueFd> fds_;
};

}  // namespace waggle
