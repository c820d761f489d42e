// SPDX-License-Identifier: Apache-2.0
// Which services came and went, for the log: one line however many they are, and at most one a second. Owned by the
// agent, which hands it the source's events and logs what it has to say.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "model/state.h"

namespace waggle {

class ServiceNews {
 public:
  // `before`: the state to which the events are not applied yet.
  void take(const State& before, const std::vector<Event>& events);

  // What gathered, if it is time for it: "services: 2 added (shop/api, shop/web), 1 removed (shop/old)".
  std::optional<std::string> say(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

 private:
  void came(const ObjectName& name);
  void went(const ObjectName& name);

  std::set<ObjectName> added_;
  std::set<ObjectName> removed_;
  TimePoint said_at_{};
};

}  // namespace waggle
