// SPDX-License-Identifier: Apache-2.0
#include "control_plane/table_watch.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

namespace waggle {
namespace {

constexpr std::array<std::string_view, 6> kFlowMaps = {"flows4", "flows6",     "snat4",
                                                       "snat6",  "flow_spill", "sock_flows"};

template <typename Row>
std::span<const Row> rows_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const Row*>(bytes.data()), bytes.size() / sizeof(Row)};
}

// Those of ports; the entry beside each that stands for the whole ClusterIP does not count.
bool is_live(const wg_frontend4& frontend) {
  if (frontend.protocol == WG_FRONTEND_ANY_PROTOCOL) return false;
  return (__atomic_load_n(&frontend.kind, __ATOMIC_ACQUIRE) & WG_FRONTEND_KIND_MASK) == WG_FRONTEND_LIVE;
}

}  // namespace

int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Result<std::unique_ptr<TableWatch>> TableWatch::open(const std::filesystem::path& bpf_root) {
  auto services = TableReader::open(bpf_root);
  if (!services) return tl::unexpected(services.error());
  auto frontends = TableReader::open(bpf_root);
  if (!frontends) return tl::unexpected(frontends.error());
  std::unique_ptr<TableWatch> watch(new TableWatch(std::move(*services), std::move(*frontends)));
  if (auto mapped = watch->map(); !mapped) return tl::unexpected(mapped.error());
  return watch;
}

Result<void> TableWatch::map() {
  const auto services = services_reader_.content(Table::kServices);
  if (!services) return tl::unexpected(services.error());
  const auto frontends = frontends_reader_.content(Table::kFrontends4);
  if (!frontends) return tl::unexpected(frontends.error());
  services_ = rows_of<wg_service>(*services);
  frontends_ = rows_of<wg_frontend_bucket4>(*frontends);
  return {};
}

size_t TableWatch::live_frontends() const {
  size_t live = 0;
  for (const wg_frontend_bucket4& bucket : frontends_)
    live += static_cast<size_t>(std::ranges::count_if(bucket.way, is_live));
  return live;
}

uint64_t TableWatch::slots_in_sets() const {
  uint64_t slots = 0;
  for (uint32_t index = 0; index < services_.size(); ++index) slots += wg_set_count(cluster_set(index));
  return slots;
}

Result<std::map<std::string, uint32_t>> TableWatch::service_indexes() {
  const auto names = services_reader_.service_names();
  if (!names) return tl::unexpected(names.error());
  std::map<std::string, uint32_t> indexes;
  for (const auto& [index, name] : *names) indexes.emplace(name.name, index);
  return indexes;
}

uint64_t TableWatch::cluster_set(uint32_t service) const {
  return __atomic_load_n(&services_[service].cluster_set, __ATOMIC_ACQUIRE);
}

Result<MapBytes> TableWatch::map_bytes() const {
  const auto maps = services_reader_.maps();
  if (!maps) return tl::unexpected(maps.error());
  MapBytes bytes;
  for (const MapInfo& map : *maps)
    (std::ranges::find(kFlowMaps, map.name) != kFlowMaps.end() ? bytes.flow_tables : bytes.others) += map.memory_bytes;
  return bytes;
}

}  // namespace waggle
