// SPDX-License-Identifier: Apache-2.0
#include "dataplane/table_writer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "dataplane/errors.h"
#include "dataplane/hash_entries.h"
#include "dataplane/source_ranges.h"

namespace waggle {
namespace {

// A packet must see the word whole, and everything stored before it.
void store(std::byte* place, const Write& write) {
  const bool word = write.size == sizeof(uint64_t) && reinterpret_cast<uintptr_t>(place) % sizeof(uint64_t) == 0;
  if (!word) {
    std::memcpy(place, write.bytes.data(), write.size);
    return;
  }
  uint64_t value = 0;
  std::memcpy(&value, write.bytes.data(), sizeof(value));
  __atomic_store_n(reinterpret_cast<uint64_t*>(place), value, __ATOMIC_RELEASE);
}

}  // namespace

Result<TableWriter> TableWriter::open(const PinnedMaps& maps) {
  auto grace = GracePeriod::open();
  if (!grace) return tl::unexpected(grace.error());
  auto aside = Aside::open();
  if (!aside) return tl::unexpected(aside.error());
  TableWriter writer(std::move(*grace), std::move(*aside));
  for (const Table table : kArrayTables) {
    const std::string name(table_name(table));
    const MapSpec& spec = maps.spec(name);
    writer.arrays_.push_back({table, maps.fd(name), spec.entries, spec.value_size,
                              MapWindow(maps.fd(name), array_bytes(spec.value_size, spec.entries), true)});
  }
  writer.names_fd_ = maps.fd(kServiceNamesMap);
  writer.names_entries_ = maps.spec(kServiceNamesMap).entries;
  writer.source_ranges_fd_ = maps.fd(kSourceRangesMap);
  writer.counters_fd_ = maps.fd("service_counters");
  const int cpus = ::libbpf_num_possible_cpus();
  if (cpus < 0) return system_failure("counting the CPUs", cpus);
  writer.no_counts_.resize(static_cast<size_t>(cpus));
  return writer;
}

TableWriter::ArrayTable* TableWriter::find(Table table) {
  for (auto& array : arrays_) {
    if (array.table == table) return &array;
  }
  return nullptr;
}

Result<void> TableWriter::apply(const Write& write) {
  content_.reset();
  if (write.table == Table::kServiceNames) return apply_name(write);
  if (write.table == Table::kSourceRanges) return apply_source_range(source_ranges_fd_, write);
  ArrayTable* array = find(write.table);
  if (write.index >= array->entries || write.offset > array->element || write.size > array->element - write.offset ||
      write.size > write.bytes.size()) {
    return failure(
        fmt::format("writing table {}: {} bytes at {} of element {} are outside of it ({} elements of {} bytes)",
                    table_name(write.table), write.size, write.offset, write.index, array->entries, array->element),
        ERANGE);
  }
  auto place = array->window.at(uint64_t{write.index} * array->element + write.offset, write.size);
  if (!place) return tl::unexpected(std::move(place.error()).in(table_name(write.table)));
  store(*place, write);
  return {};
}

Result<void> TableWriter::apply_name(const Write& write) {
  if (write.index >= names_entries_) {
    return failure(fmt::format("writing table {}: service {} is outside of it", kServiceNamesMap, write.index), ERANGE);
  }
  if (write.name == nullptr) return remove_name(write.index);
  if (::bpf_map_update_elem(names_fd_, &write.index, write.name.get(), BPF_ANY) == 0) {
    return {};
  }
  return system_failure(fmt::format("writing table {}", kServiceNamesMap), errno);
}

// The service that gets the index next must not begin with this one's counts. Nothing counts for it any more.
Result<void> TableWriter::remove_name(uint32_t service) {
  if (::bpf_map_update_elem(counters_fd_, &service, no_counts_.data(), BPF_ANY) != 0) {
    return system_failure(fmt::format("clearing entry {} of table service_counters", service), errno);
  }
  if (::bpf_map_delete_elem(names_fd_, &service) == 0 || errno == ENOENT) return {};
  return system_failure(fmt::format("writing table {}", kServiceNamesMap), errno);
}

Result<std::span<const std::byte>> TableWriter::content(Table table) {
  const ArrayTable* array = find(table);
  if (array == nullptr) return failure(fmt::format("table {} is no array", table_name(table)), EINVAL);
  content_.reset();
  auto mapping = Mapping::map(array->fd, 0, array_bytes(array->element, array->entries), false);
  if (!mapping) return tl::unexpected(std::move(mapping.error()).in(table_name(table)));
  content_ = std::move(*mapping);
  return content_.bytes();
}

Result<std::vector<std::pair<uint32_t, wg_service_name>>> TableWriter::service_names() {
  return hash_entries<uint32_t, wg_service_name>(names_fd_, kServiceNamesMap);
}

Result<std::vector<SourceRangeEntry>> TableWriter::source_ranges() { return read_source_ranges(source_ranges_fd_); }

void TableWriter::release_memory() {
  content_.reset();
  for (auto& array : arrays_) array.window.release();
}

Result<void> TableWriter::wait_for_readers() {
  release_memory();
  return grace_.wait();
}

void TableWriter::begin_wait() {
  release_memory();
  aside_.begin([this] { waited_ = grace_.wait(); });
}

std::optional<Result<void>> TableWriter::wait_over() {
  if (!aside_.over()) return std::nullopt;
  return waited_;
}

}  // namespace waggle
