// SPDX-License-Identifier: Apache-2.0
#include "server/health_state.h"

#include <algorithm>

#include "base/json_writer.h"
#include "server/family_name.h"

namespace waggle {
namespace {

constexpr std::string_view kAutoscalerTaint = "ToBeDeletedByClusterAutoscaler";

// What Go writes for a time that never was.
std::string time_text(std::optional<SystemTime> time) {
  return time.has_value() ? rfc3339_nano(*time) : "0001-01-01T00:00:00Z";
}

}  // namespace

void HealthState::sync_wanted(Family family, Moment now) {
  auto& unserved = families_[index_of(family)].oldest_unserved;
  if (!unserved.has_value()) unserved = now.steady;
}

void HealthState::synced(Family family, Moment now) {
  families_[index_of(family)] = {.last_updated = now.wall, .oldest_unserved = std::nullopt};
}

void HealthState::node_seen(const Node& node) {
  node_eligible_ = !node.deleting && std::ranges::find(node.taint_keys, kAutoscalerTaint) == node.taint_keys.end();
}

bool HealthState::healthy(const FamilyHealth& family, Moment now) const {
  return !family.last_updated.has_value() || !family.oldest_unserved.has_value() ||
         now.steady - *family.oldest_unserved < threshold_;
}

bool HealthState::healthy(Moment now) const {
  return std::ranges::all_of(families_, [&](const FamilyHealth& family) { return healthy(family, now); });
}

bool HealthState::good(HealthQuestion question, Moment now) const {
  if (question == HealthQuestion::kHealthz && !node_eligible_) return false;
  if (question == HealthQuestion::kReadyz && !programmed_) return false;
  return healthy(now);
}

std::optional<SystemTime> HealthState::newest_update() const {
  // An empty optional is less than any time.
  return std::max(families_[0].last_updated, families_[1].last_updated);
}

HealthAnswer HealthState::answer(HealthQuestion question, Moment now) const {
  const bool is_good = good(question, now);
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object().field("lastUpdated", is_good ? rfc3339_nano(now.wall) : time_text(newest_update()));
  json.field("currentTime", rfc3339_nano(now.wall));
  if (question == HealthQuestion::kHealthz) json.field("nodeEligible", node_eligible_);
  if (question == HealthQuestion::kReadyz) json.field("programmed", programmed_);
  json.field("healthy", healthy(now));
  if (newest_update().has_value()) {
    json.key("status").begin_object();
    for (const Family family : kFamilies) {
      const FamilyHealth& one = families_[index_of(family)];
      if (!one.last_updated.has_value()) continue;
      json.key(family_name(family)).begin_object();
      json.field("lastUpdated", time_text(one.last_updated)).field("healthy", healthy(one, now)).end_object();
    }
    json.end_object();
  }
  json.end_object();
  return {.good = is_good, .body = json.text()};
}

}  // namespace waggle
