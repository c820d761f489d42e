// SPDX-License-Identifier: Apache-2.0
// Whether the service proxy and its node are healthy, by kube-proxy's rules (contract O-30..O-38): pure, the time is
// handed in. Owned by Servers; answered at /healthz, /livez, /readyz and by the healthCheckNodePort listeners.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "model/address.h"
#include "model/objects.h"
#include "server/moment.h"

namespace waggle {

enum class HealthQuestion : uint8_t {
  kHealthz,  // healthy, and the node shall get traffic
  kLivez,    // healthy
  kReadyz,   // healthy, and the tables have held at least once what the source wants
};

struct HealthAnswer {
  bool good = false;
  std::string body;  // one line of JSON
};

class HealthState {
 public:
  // threshold: 2 x syncPeriod.
  explicit HealthState(std::chrono::nanoseconds threshold) : threshold_(threshold) {}

  // The family's sync loop begins; counts as an update.
  void loop_started(Family family, Moment now) { synced(family, now); }
  // Something changed that the tables do not show yet. The clock runs from the oldest such moment (O-33).
  void sync_wanted(Family family, Moment now);
  void synced(Family family, Moment now);
  void programmed() { programmed_ = true; }
  // The own Node object as it is now. Its deletion is not told: the last one seen counts (I-66).
  void node_seen(const Node& node);

  [[nodiscard]] bool healthy(Moment now) const;  // all families are
  [[nodiscard]] bool node_eligible() const { return node_eligible_; }
  [[nodiscard]] HealthAnswer answer(HealthQuestion question, Moment now) const;

 private:
  struct FamilyHealth {
    std::optional<SystemTime> last_updated;    // none: its loop never started
    std::optional<TimePoint> oldest_unserved;  // none: nothing is pending
  };
  [[nodiscard]] bool healthy(const FamilyHealth& family, Moment now) const;
  [[nodiscard]] bool good(HealthQuestion question, Moment now) const;
  [[nodiscard]] std::optional<SystemTime> newest_update() const;

  std::chrono::nanoseconds threshold_;
  std::array<FamilyHealth, 2> families_;  // index: Family
  bool node_eligible_ = false;            // a node never seen is not
  bool programmed_ = false;
};

}  // namespace waggle
