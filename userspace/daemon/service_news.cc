// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_news.h"

#include <fmt/format.h>

#include "daemon/some_names.h"

namespace waggle {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr size_t kNamed = 5;

void add_counted(std::string& said, const std::set<ObjectName>& names, std::string_view what) {
  if (names.empty()) return;
  said += fmt::format("{}{} {} ({})", said.empty() ? "" : ", ", names.size(), what,
                      some_names(names, kNamed, &ObjectName::text));
}

}  // namespace

ServiceNews::Standing ServiceNews::standing_of(const Service* service) {
  if (service == nullptr) return Standing::kAbsent;
  return service->has_proxy_name ? Standing::kOfAnotherProxy : Standing::kOurs;
}

void ServiceNews::take(const State& before, const std::vector<Event>& events) {
  std::map<ObjectName, Standing> known;  // by the events so far
  const auto follow = [&](const ObjectName& name, Standing now) {
    const auto [at, is_first] = known.try_emplace(name, Standing::kAbsent);
    if (is_first) at->second = standing_of(before.service(name));
    note(name, at->second, now);
    at->second = now;
  };
  for (const Event& event : events) {
    const auto* deletion = std::get_if<Deletion>(&event);
    if (const auto* service = std::get_if<Service>(&event))
      follow(service->name, standing_of(service));
    else if (deletion != nullptr && deletion->kind == ObjectKind::kService)
      follow(deletion->name, Standing::kAbsent);
  }
}

// What comes back before it was said to be gone is no news, nor is what went before it was said to have come.
void ServiceNews::note(const ObjectName& name, Standing before, Standing now) {
  const bool was_ours = before == Standing::kOurs;
  const bool is_ours = now == Standing::kOurs;
  if (was_ours == is_ours) return;
  const bool undone =
      is_ours ? removed_.erase(name) + left_.erase(name) > 0 : added_.erase(name) + taken_.erase(name) > 0;
  if (undone) return;
  if (is_ours)
    (before == Standing::kAbsent ? added_ : taken_).insert(name);
  else
    (now == Standing::kAbsent ? removed_ : left_).insert(name);
}

std::optional<std::string> ServiceNews::say(TimePoint now) {
  if (const auto due = next_wake(); !due || now < *due) return std::nullopt;
  std::string said;
  add_counted(said, added_, "added");
  add_counted(said, removed_, "removed");
  add_counted(said, left_, "left to another proxy");
  add_counted(said, taken_, "taken back from another proxy");
  for (Names* names : {&added_, &removed_, &left_, &taken_}) names->clear();
  said_at_ = now;
  return "services: " + said;
}

std::optional<TimePoint> ServiceNews::next_wake() const {
  if (added_.empty() && removed_.empty() && left_.empty() && taken_.empty()) return std::nullopt;
  return said_at_ + kPause;
}

}  // namespace waggle
