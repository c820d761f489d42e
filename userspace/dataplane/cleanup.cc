// SPDX-License-Identifier: Apache-2.0
#include "dataplane/cleanup.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "dataplane/bpf_root.h"
#include "dataplane/errors.h"
#include "dataplane/link_pins.h"
#include "dataplane/pinned_maps.h"
#include "dataplane/tc_attach.h"

namespace waggle {
namespace fs = std::filesystem;

namespace {

Result<unsigned> remove_links(const PinPaths& paths) {
  unsigned removed = 0;
  for (const auto& name : pin_names(paths.links)) {
    auto gone = remove_link(paths.links / name);
    if (!gone) return tl::unexpected(gone.error());
    removed += *gone ? 1 : 0;
  }
  return removed;
}

Result<unsigned> remove_maps(const PinPaths& paths) {
  unsigned removed = 0;
  for (const auto& name : pin_names(paths.maps)) {
    if (::unlink((paths.maps / name).c_str()) != 0 && errno != ENOENT) {
      return system_failure(fmt::format("removing table {}", (paths.maps / name).string()), errno);
    }
    ++removed;
  }
  return removed;
}

// They hang on devices, not on pins; table `control` tells which are ours.
Result<unsigned> remove_clsact(const PinPaths& paths) {
  const UniqueFd control(::bpf_obj_get((paths.maps / "control").c_str()));
  if (!control.valid()) return 0;
  auto id = map_id_of(control.get());
  if (!id) return tl::unexpected(id.error());
  unsigned removed = 0;
  for (const auto& link : attached_clsact(*id)) {
    auto gone = detach_clsact(link.ifindex, *id);
    if (!gone) return tl::unexpected(gone.error());
    removed += *gone;
  }
  return removed;
}

Result<void> remove_directories(const PinPaths& paths) {
  for (const auto& directory : {paths.maps, paths.links, paths.base}) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) continue;
    return system_failure(fmt::format("removing directory {}", directory.string()), errno);
  }
  return {};
}

}  // namespace

Result<CleanupCounts> cleanup_dataplane(const fs::path& bpf_root) {
  const PinPaths paths(bpf_root);
  std::error_code error;
  if (!is_bpf_filesystem(bpf_root) || !fs::exists(paths.base, error)) return CleanupCounts{};
  auto lock = lock_pins(paths);
  if (!lock) return tl::unexpected(lock.error());
  auto links = remove_links(paths);
  if (!links) return tl::unexpected(links.error());
  auto filters = remove_clsact(paths);
  if (!filters) return tl::unexpected(filters.error());
  auto maps = remove_maps(paths);
  if (!maps) return tl::unexpected(maps.error());
  if (auto removed = remove_directories(paths); !removed) return tl::unexpected(removed.error());
  return CleanupCounts{*links + *filters, *maps};
}

}  // namespace waggle
