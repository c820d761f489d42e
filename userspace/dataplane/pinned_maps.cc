// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pinned_maps.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "dataplane/errors.h"
#include "dataplane/options.h"
#include "waggle/abi/flow.h"
#include "waggle/abi/types.h"

namespace waggle {
namespace fs = std::filesystem;

namespace {

Result<bpf_map_info> map_info(int map_fd) {
  bpf_map_info info{};
  uint32_t length = sizeof(info);
  if (::bpf_obj_get_info_by_fd(map_fd, &info, &length) != 0) return system_failure("asking about a table", errno);
  return info;
}

Result<UniqueFd> open_pin(const fs::path& path) {
  UniqueFd fd(::bpf_obj_get(path.c_str()));
  if (!fd.valid()) return system_failure(fmt::format("opening table {}", path.string()), errno);
  return fd;
}

tl::unexpected<Error> wrong_version(const PinPaths& paths, uint32_t version) {
  return failure(
      fmt::format("tables at {} have version {}, this program needs {}; run `waggle cleanup` or keep the matching "
                  "version",
                  paths.maps.string(), version, WG_ABI_VERSION));
}

bool pin_exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

}  // namespace

Result<MapSpec> map_spec_of(int map_fd) {
  auto info = map_info(map_fd);
  if (!info) return tl::unexpected(info.error());
  return MapSpec{info->name, info->type, info->key_size, info->value_size, info->max_entries, info->map_flags};
}

Result<uint32_t> map_id_of(int map_fd) {
  return map_info(map_fd).map([](const bpf_map_info& info) { return info.id; });
}

std::vector<std::string> PinnedMaps::names() const {
  std::vector<std::string> names;
  for (const auto& [name, map] : maps_) names.push_back(name);
  return names;
}

Result<PinnedMaps> PinnedMaps::create_or_adopt(const PinPaths& paths, const DataplaneSizes& sizes,
                                               const wg_meta& fresh) {
  PinnedMaps maps;
  const auto wanted = map_specs(sizes);
  maps.adopted_ = pin_exists(paths.maps / kMetaMap);
  auto done = maps.adopted_ ? maps.adopt_all(paths, wanted) : maps.create_all(paths, wanted, fresh);
  if (!done) return tl::unexpected(done.error());
  maps.derive_sizes();
  if (maps.adopted_) maps.note_sizes(wanted);
  return maps;
}

Result<PinnedMaps> PinnedMaps::open_existing(const PinPaths& paths) {
  if (!pin_exists(paths.maps / kMetaMap)) {
    return failure(
        fmt::format("no tables at {}: no agent has run with this BPF root, or it was cleaned up", paths.maps.string()),
        ENOENT);
  }
  PinnedMaps maps;
  maps.adopted_ = true;
  if (auto read = maps.read_meta(paths); !read) return tl::unexpected(read.error());
  for (const auto& spec : map_specs(DataplaneSizes{})) {
    if (auto opened = maps.adopt(paths, spec); !opened) return tl::unexpected(opened.error());
  }
  maps.derive_sizes();
  return maps;
}

Result<void> PinnedMaps::adopt_all(const PinPaths& paths, const std::vector<MapSpec>& wanted) {
  if (auto read = read_meta(paths); !read) return read;
  for (const auto& spec : wanted) {
    const bool there = pin_exists(paths.maps / spec.name);
    if (!there) notices_.push_back(fmt::format("table {} was missing and is made anew", spec.name));
    auto done = there ? adopt(paths, spec) : create(paths, spec, nullptr);
    if (!done) return done;
  }
  return {};
}

Result<void> PinnedMaps::create_all(const PinPaths& paths, const std::vector<MapSpec>& wanted, const wg_meta& fresh) {
  for (const auto& name : pin_names(paths.maps)) {
    if (::unlink((paths.maps / name).c_str()) != 0) {
      return system_failure(fmt::format("removing half-made table {}", (paths.maps / name).string()), errno);
    }
    notices_.push_back(fmt::format("table {} of an interrupted start is made anew", name));
  }
  for (const auto& spec : wanted) {
    if (auto made = create(paths, spec, spec.name == kMetaMap ? &fresh : nullptr); !made) return made;
  }
  meta_ = fresh;
  return {};
}

Result<void> PinnedMaps::create(const PinPaths& paths, const MapSpec& wanted, const wg_meta* first_value) {
  auto options = sized_options<bpf_map_create_opts>();
  options.map_flags = wanted.flags;
  const auto type = static_cast<bpf_map_type>(wanted.type);
  UniqueFd fd(
      ::bpf_map_create(type, wanted.name.c_str(), wanted.key_size, wanted.value_size, wanted.entries, &options));
  if (!fd.valid()) {
    return system_failure(
        fmt::format("creating table {} with {} entries of {} bytes", wanted.name, wanted.entries, wanted.value_size),
        errno);
  }
  const uint32_t zero = 0;
  if (first_value != nullptr && ::bpf_map_update_elem(fd.get(), &zero, first_value, BPF_ANY) != 0) {
    return system_failure(fmt::format("filling table {}", wanted.name), errno);
  }
  if (::bpf_obj_pin(fd.get(), (paths.maps / wanted.name).c_str()) != 0) {
    return system_failure(fmt::format("pinning table {}", (paths.maps / wanted.name).string()), errno);
  }
  maps_[wanted.name] = Map{std::move(fd), wanted};
  return {};
}

Result<void> PinnedMaps::adopt(const PinPaths& paths, const MapSpec& wanted) {
  auto fd = open_pin(paths.maps / wanted.name);
  if (!fd) return tl::unexpected(fd.error());
  auto found = map_spec_of(fd->get());
  if (!found) return tl::unexpected(found.error());
  found->name = wanted.name;
  if (found->type != wanted.type || found->key_size != wanted.key_size || found->value_size != wanted.value_size) {
    return failure(
        fmt::format("table {} is {} with {}-byte keys and {}-byte values, this program needs {} with {} and {}; "
                    "run `waggle cleanup` first",
                    (paths.maps / wanted.name).string(), map_type_name(found->type), found->key_size, found->value_size,
                    map_type_name(wanted.type), wanted.key_size, wanted.value_size));
  }
  maps_[wanted.name] = Map{std::move(*fd), std::move(*found)};
  return {};
}

Result<void> PinnedMaps::read_meta(const PinPaths& paths) {
  const fs::path path = paths.maps / kMetaMap;
  auto fd = open_pin(path);
  if (!fd) return tl::unexpected(fd.error());
  auto spec = map_spec_of(fd->get());
  if (!spec) return tl::unexpected(spec.error());
  // Another version's meta may have another size: read it whole, trust only the leading version.
  std::vector<std::byte> value(std::max<size_t>(spec->value_size, sizeof(wg_meta)));
  const uint32_t zero = 0;
  if (::bpf_map_lookup_elem(fd->get(), &zero, value.data()) != 0) {
    return system_failure(fmt::format("reading table {}", path.string()), errno);
  }
  std::memcpy(&meta_, value.data(), sizeof(meta_));
  if (meta_.abi_version != WG_ABI_VERSION) return wrong_version(paths, meta_.abi_version);
  return {};
}

void PinnedMaps::note_sizes(const std::vector<MapSpec>& wanted) {
  for (const auto& spec : wanted) {
    const uint32_t actual = maps_.at(spec.name).spec.entries;
    if (actual == spec.entries) continue;
    notices_.push_back(
        fmt::format("table {} keeps its {} entries (configured: {}); `waggle cleanup` before the next start "
                    "resizes it",
                    spec.name, actual, spec.entries));
  }
}

void PinnedMaps::derive_sizes() {
  const auto entries = [this](const char* name) { return maps_.at(name).spec.entries; };
  sizes_.plan = {entries("frontends4"), entries("frontends6"), entries("services"),     entries("slots"),
                 entries("backends"),   entries("reply_gate"), entries("frontend_gate")};
  sizes_.flow_slots4 = entries("flows4") * WG_FLOW_WAYS;
  sizes_.flow_slots6 = entries("flows6") * WG_FLOW_WAYS;
  sizes_.snat_slots4 = entries("snat4") * WG_FLOW_WAYS;
  sizes_.snat_slots6 = entries("snat6") * WG_FLOW_WAYS;
  sizes_.spill_entries = entries("flow_spill");
  sizes_.sock_entries = entries("sock_flows");
  sizes_.nexthops = entries("nexthops");
  sizes_.affinity_entries = entries("affinity");
  sizes_.fragment_entries = entries("fragments");
  sizes_.plan.source_ranges = entries("source_ranges");
}

}  // namespace waggle
