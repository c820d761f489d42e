// SPDX-License-Identifier: Apache-2.0
// Which services came and went, for the log: one line however many they are, and at most one a second. One that gets or
// loses another proxy's label goes or comes, too. Owned by the agent, which hands it the source's events and logs what
// it has to say.
#pragma once

#include <map>
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
  enum class Standing { kAbsent, kOfAnotherProxy, kOurs };
  using Names = std::set<ObjectName>;

  static Standing standing_of(const Service* service);
  void note(const ObjectName& name, Standing before, Standing now);

  Names added_;
  Names removed_;
  Names left_;   // to another proxy
  Names taken_;  // from another proxy
  TimePoint said_at_{};
};

}  // namespace waggle
