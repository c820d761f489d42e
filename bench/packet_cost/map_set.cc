// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/map_set.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>

#include "bpf/lru_entry.h"
#include "dataplane/errors.h"

namespace waggle {
namespace {

constexpr uint32_t kUnusedEntries = 1024;

}  // namespace

Result<void> MapSet::add(const MapSpec& spec) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = spec.flags);
  UniqueFd fd(::bpf_map_create(static_cast<bpf_map_type>(spec.type), spec.name.c_str(), spec.key_size, spec.value_size,
                               spec.entries, &options));
  if (!fd.valid()) return system_failure(fmt::format("making table {} of {} entries", spec.name, spec.entries), errno);
  maps_.emplace(spec.name, Map{std::move(fd), spec});
  return {};
}

Result<MapSet> MapSet::create(const DataplaneSizes& sizes, wg_family family, uint32_t lru_entries) {
  std::vector<MapSpec> specs = map_specs(sizes);
  specs.push_back({"lru4", BPF_MAP_TYPE_LRU_HASH, sizeof(lru_key4), sizeof(lru_value4),
                   family == WG_IPV4 ? lru_entries : kUnusedEntries, 0});
  specs.push_back({"lru6", BPF_MAP_TYPE_LRU_HASH, sizeof(lru_key6), sizeof(lru_value6),
                   family == WG_IPV6 ? lru_entries : kUnusedEntries, 0});
  MapSet set;
  for (const auto& spec : specs)
    if (auto added = set.add(spec); !added) return tl::unexpected(added.error());
  return set;
}

Result<Mapping> MapSet::map(const std::string& name) const {
  const MapSpec& of = spec(name);
  return Mapping::map(fd(name), 0, array_bytes(of.value_size, of.entries), true);
}

}  // namespace waggle
