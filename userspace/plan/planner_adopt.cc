// SPDX-License-Identifier: Apache-2.0
// Taking over what a previous run left in the tables. What no crash and no run can have left there is set right by the
// next plan, which is always one over all services.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "plan/planner_impl.h"

namespace waggle {
namespace {

template <typename Entry>
Result<std::span<const Entry>> entries_of(TableStore& store, Table table, uint32_t expected) {
  const auto content = store.content(table);
  if (!content) return tl::unexpected(Error(content.error()).in(fmt::format("table {}", table_name(table))));
  if (content->size() != size_t{expected} * sizeof(Entry)) {
    return failure(
        fmt::format("table {} has {} bytes where {} entries of {} bytes are expected; it was made with other "
                    "sizes: run `waggle cleanup` or restore the previous sizes",
                    table_name(table), content->size(), expected, sizeof(Entry)));
  }
  return std::span(reinterpret_cast<const Entry*>(content->data()), expected);
}

template <size_t size>
std::string text_of(const char (&field)[size]) {
  return std::string(field, strnlen(field, size));
}

}  // namespace

Result<void> Planner::Impl::adopt(TableStore& store) {
  // Nobody may still be reading what the previous run freed last.
  if (auto waited = store.wait_for_readers(); !waited) return waited;
  return adopt_backends(store)
      .and_then([&] { return adopt_services(store); })
      .and_then([&] { return adopt_names(store); })
      .and_then([&] { return adopt_frontends(store); })
      .and_then([&] { return adopt_source_ranges(store); })
      .map([&] {
        forget_tombstones();
        services.adopt_free_indexes();
        needs_all = true;
      });
}

Result<void> Planner::Impl::adopt_backends(TableStore& store) {
  const auto entries = entries_of<wg_backend>(store, Table::kBackends, config.sizes.backends);
  if (!entries) return tl::unexpected(entries.error());
  backends.adopt(*entries);
  const auto words = entries_of<uint64_t>(store, Table::kReplyGate, config.sizes.reply_gate_words);
  if (!words) return tl::unexpected(words.error());
  backends.adopt_gate(*words);
  return {};
}

Result<void> Planner::Impl::adopt_services(TableStore& store) {
  const auto entries = entries_of<wg_service>(store, Table::kServices, config.sizes.services);
  if (!entries) return tl::unexpected(entries.error());
  services.adopt_services(*entries);
  const auto slots = entries_of<wg_slot>(store, Table::kSlots, config.sizes.slots);
  if (!slots) return tl::unexpected(slots.error());
  services.adopt_slots(*slots);
  for (uint32_t index = 1; index < backends.size(); ++index) {
    if (backends.at(index).state != WG_BACKEND_EMPTY) services.adopt_backend(index);
  }
  services.adopt_sets();
  return {};
}

Result<void> Planner::Impl::adopt_names(TableStore& store) {
  const auto names = store.service_names();
  if (!names) return tl::unexpected(names.error());
  for (const auto& [index, name] : *names) {
    if (index > 0 && index < config.sizes.services) adopt_name(index, name);
  }
  return {};
}

// A name without a live service was on its way out; the index waits for release() without an object to come back to.
void Planner::Impl::adopt_name(uint32_t index, const wg_service_name& name) {
  ServiceEntry& entry = services.adopt_use(index);
  entry.named = true;
  entry.named_port = ntohs(name.port);
  entry.port_name = text_of(name.port_name);
  if ((entry.raw.flags & WG_SERVICE_LIVE) == 0) return;
  const ObjectName object_name{text_of(name.name_space), text_of(name.name)};
  ServiceObject& object = objects[object_name];
  object.name = object_name;
  object.indexes.push_back(index);
  entry.object = &object;
  unconfirmed.insert(object_name);
}

// A service that the previous run had removed, and of which only flows remain, is not kept: nothing can be unread of
// it.
void Planner::Impl::forget_tombstones() {
  std::erase_if(unconfirmed, [this](const ObjectName& name) {
    const auto& indexes = objects.at(name).indexes;
    return std::none_of(indexes.begin(), indexes.end(),
                        [this](uint32_t index) { return adopted_frontends.contains(index); });
  });
}

Result<void> Planner::Impl::adopt_source_ranges(TableStore& store) {
  const auto entries = store.source_ranges();
  if (!entries) return tl::unexpected(entries.error());
  services.source_ranges().adopt(*entries);
  return {};
}

Result<void> Planner::Impl::adopt_frontends(TableStore& store) {
  const auto words = entries_of<uint64_t>(store, Table::kFrontendGate, config.sizes.frontend_gate_words);
  if (!words) return tl::unexpected(words.error());
  frontend_gate.adopt_words(*words);
  for (FrontendTable* table : {&frontends4, &frontends6}) {
    const Family family = table == &frontends4 ? Family::kIpv4 : Family::kIpv6;
    const auto content =
        family == Family::kIpv4
            ? entries_of<wg_frontend_bucket4>(store, Table::kFrontends4, config.sizes.frontend_buckets4)
                  .map([](auto buckets) { return std::as_bytes(buckets); })
            : entries_of<wg_frontend_bucket6>(store, Table::kFrontends6, config.sizes.frontend_buckets6)
                  .map([](auto buckets) { return std::as_bytes(buckets); });
    if (!content) return tl::unexpected(content.error());
    for (FrontendEntry* entry : table->adopt(*content)) {
      ++services.adopt_use(entry->service).frontends;
      if (entry->live) adopted_frontends[entry->service].push_back(entry);
      mark(*entry);
    }
  }
  return {};
}

}  // namespace waggle
