// SPDX-License-Identifier: Apache-2.0
// What services had better not have: an address of this node as ClusterIP, so that what listens there on the same port
// is not reached. One sentence with the number of such services and a few of their names. Owned by the agent, which
// hands it every event of the source, puts the sentence into the status and logs it once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/state.h"
#include "node/interfaces.h"

namespace waggle {

class ServiceNotes {
 public:
  void take(const std::vector<Event>& events, const NodeInterfaces& interfaces);
  // The node's links changed: an address may be gone.
  void links_changed(const State& state, const NodeInterfaces& interfaces);
  [[nodiscard]] std::vector<std::string> all() const;
  // The same, once.
  std::vector<std::string> news();

 private:
  std::set<ObjectName> on_own_address_;
  bool told_ = false;
};

}  // namespace waggle
