// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_news.h"

#include <fmt/format.h>

#include "daemon/some_names.h"

namespace waggle {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr size_t kNamed = 5;

std::string counted(const std::set<ObjectName>& names, std::string_view what) {
  return fmt::format("{} {} ({})", names.size(), what, some_names(names, kNamed, &ObjectName::text));
}

}  // namespace

void ServiceNews::take(const State& before, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* service = std::get_if<Service>(&event)) {
      if (before.service(service->name) == nullptr || removed_.contains(service->name)) came(service->name);
    } else if (const auto* deletion = std::get_if<Deletion>(&event);
               deletion != nullptr && deletion->kind == ObjectKind::kService) {
      if (before.service(deletion->name) != nullptr || added_.contains(deletion->name)) went(deletion->name);
    }
  }
}

void ServiceNews::came(const ObjectName& name) {
  if (removed_.erase(name) == 0) added_.insert(name);
}

void ServiceNews::went(const ObjectName& name) {
  if (added_.erase(name) == 0) removed_.insert(name);
}

std::optional<std::string> ServiceNews::say(TimePoint now) {
  if (const auto due = next_wake(); !due || now < *due) return std::nullopt;
  std::string said = "services: ";
  if (!added_.empty()) said += counted(added_, "added");
  if (!added_.empty() && !removed_.empty()) said += ", ";
  if (!removed_.empty()) said += counted(removed_, "removed");
  added_.clear();
  removed_.clear();
  said_at_ = now;
  return said;
}

std::optional<TimePoint> ServiceNews::next_wake() const {
  if (added_.empty() && removed_.empty()) return std::nullopt;
  return said_at_ + kPause;
}

}  // namespace waggle
