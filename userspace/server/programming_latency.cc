// SPDX-License-Identifier: Apache-2.0
#include "server/programming_latency.h"

namespace waggle {
namespace {

constexpr size_t kMostWaiting = 100'000;  // while nothing can be written, changes must not fill the memory

}  // namespace

void ProgrammingLatency::changed(const ObjectName& service, Family family, std::string_view trigger_time) {
  const auto since = parse_rfc3339(trigger_time);
  if (!since.has_value() || *since <= started_ || count_ == kMostWaiting) return;
  waiting_[service].push_back({.family = family, .since = *since});
  ++count_;
}

void ProgrammingLatency::forget(const ObjectName& service) {
  const auto found = waiting_.find(service);
  if (found == waiting_.end()) return;
  count_ -= found->second.size();
  waiting_.erase(found);
}

std::vector<ProgrammingLatency::Observation> ProgrammingLatency::programmed(SystemTime now) {
  std::vector<Observation> observations;
  observations.reserve(count_);
  for (const auto& [service, changes] : waiting_) {
    for (const Waiting& change : changes)
      observations.push_back({change.family, std::chrono::duration<double>(now - change.since).count()});
  }
  waiting_.clear();
  count_ = 0;
  return observations;
}

}  // namespace waggle
