// SPDX-License-Identifier: Apache-2.0
#include "dataplane/table_reader.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "dataplane/bpf_root.h"
#include "dataplane/cgroup_attach.h"
#include "dataplane/counters.h"
#include "dataplane/errors.h"
#include "dataplane/flow_tables.h"
#include "dataplane/hash_entries.h"
#include "dataplane/jiffies.h"
#include "dataplane/links.h"
#include "dataplane/mapping.h"
#include "dataplane/pinned_maps.h"
#include "dataplane/source_ranges.h"
#include "dataplane/table_writer.h"

namespace waggle {
namespace {

uint64_t charged_bytes(int map_fd) {
  std::ifstream info(fmt::format("/proc/self/fdinfo/{}", map_fd));
  std::string line;
  while (std::getline(info, line)) {
    if (line.starts_with("memlock:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

tl::unexpected<Error> read_only() { return failure("the tables are open for reading only", EACCES); }

}  // namespace

struct TableReader::Impl {
  PinPaths paths;
  PinnedMaps maps;
  Mapping content;  // of the last content()
};

TableReader::TableReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableReader::~TableReader() = default;
TableReader::TableReader(TableReader&&) noexcept = default;
TableReader& TableReader::operator=(TableReader&&) noexcept = default;

Result<TableReader> TableReader::open(const std::filesystem::path& bpf_root) {
  const PinPaths paths(bpf_root);
  if (!is_bpf_filesystem(bpf_root)) {
    return failure(
        fmt::format("BPF root {} is not a BPF file system: no agent has run with it, or it is not mounted here",
                    bpf_root.string()),
        ENOENT);
  }
  auto maps = PinnedMaps::open_existing(paths);
  if (!maps) return tl::unexpected(maps.error());
  return TableReader(std::make_unique<Impl>(Impl{paths, std::move(*maps), {}}));
}

Result<void> TableReader::apply(const Write&) { return read_only(); }
Result<void> TableReader::wait_for_readers() { return read_only(); }

Result<std::span<const std::byte>> TableReader::content(Table table) {
  const std::string name(table_name(table));
  if (table == Table::kServiceNames || table == Table::kSourceRanges)
    return failure(fmt::format("table {} is no array", name), EINVAL);
  const MapSpec& spec = impl_->maps.spec(name);
  auto mapping = Mapping::map(impl_->maps.fd(name), 0, array_bytes(spec.value_size, spec.entries), false);
  if (!mapping) return tl::unexpected(std::move(mapping.error()).in(name));
  impl_->content = std::move(*mapping);
  return impl_->content.bytes();
}

Result<std::vector<std::pair<uint32_t, wg_service_name>>> TableReader::service_names() {
  return hash_entries<uint32_t, wg_service_name>(impl_->maps.fd(kServiceNamesMap), kServiceNamesMap);
}

Result<std::vector<SourceRangeEntry>> TableReader::source_ranges() {
  return read_source_ranges(impl_->maps.fd(kSourceRangesMap));
}

const DataplaneSizes& TableReader::sizes() const { return impl_->maps.sizes(); }
const wg_meta& TableReader::meta() const { return impl_->maps.meta(); }

Result<wg_control> TableReader::control() const {
  wg_control control{};
  const uint32_t zero = 0;
  if (::bpf_map_lookup_elem(impl_->maps.fd("control"), &zero, &control) != 0) {
    return system_failure("reading table control", errno);
  }
  return control;
}

Result<wg_service_counter> TableReader::service_counter(uint32_t service) const {
  return read_service_counter(impl_->maps, service);
}

Result<std::vector<uint64_t>> TableReader::reason_counters() const { return read_reason_counters(impl_->maps); }

Result<void> TableReader::for_each_flow(FlowTable table, const FlowVisitor& visit) const {
  return visit_flows(impl_->maps, table, visit);
}

Result<uint32_t> TableReader::jiffies_now() const {
  auto clock = JiffiesClock::open();
  if (!clock) return tl::unexpected(clock.error());
  return clock->now();
}

Result<std::vector<std::pair<wg_spill_key, wg_spill_value>>> TableReader::spilled_flows() const {
  return hash_entries<wg_spill_key, wg_spill_value>(impl_->maps.fd("flow_spill"), "flow_spill");
}

Result<std::vector<std::pair<wg_sock_key, wg_sock_value>>> TableReader::sock_flows() const {
  return hash_entries<wg_sock_key, wg_sock_value>(impl_->maps.fd("sock_flows"), "sock_flows");
}

Result<std::vector<std::pair<wg_affinity_key, wg_affinity_value>>> TableReader::affinities() const {
  return hash_entries<wg_affinity_key, wg_affinity_value>(impl_->maps.fd("affinity"), "affinity");
}

Result<std::vector<std::pair<wg_fragment_key, wg_fragment_value>>> TableReader::fragments() const {
  return hash_entries<wg_fragment_key, wg_fragment_value>(impl_->maps.fd("fragments"), "fragments");
}

Result<std::vector<wg_nexthop>> TableReader::nexthops() const {
  std::vector<wg_nexthop> resolved;
  for (uint32_t index = 0; index < impl_->maps.spec("nexthops").entries; ++index) {
    wg_nexthop hop{};
    if (::bpf_map_lookup_elem(impl_->maps.fd("nexthops"), &index, &hop) != 0) {
      return system_failure("reading table nexthops", errno);
    }
    const bool filled = hop.version != 0 && hop.version % 2 == 0;
    if (filled) resolved.push_back(hop);
  }
  return resolved;
}

Result<std::vector<MapInfo>> TableReader::maps() const {
  std::vector<MapInfo> infos;
  for (const auto& name : impl_->maps.names()) {
    const MapSpec& spec = impl_->maps.spec(name);
    infos.push_back({name, map_type_name(spec.type), spec.key_size, spec.value_size, spec.entries,
                     charged_bytes(impl_->maps.fd(name))});
  }
  return infos;
}

Result<std::vector<AttachedLink>> TableReader::attached() const {
  auto control_map_id = map_id_of(impl_->maps.fd("control"));
  if (!control_map_id) return tl::unexpected(control_map_id.error());
  return list_attached(impl_->paths, *control_map_id);
}

bool TableReader::cgroup_attached() const { return cgroup_links_attached(impl_->paths); }
int TableReader::agent_pid() const { return lock_owner(impl_->paths); }

}  // namespace waggle
