// SPDX-License-Identifier: Apache-2.0
// Tells whoever owns an object, by a Warning Event on it, what is wrong with it. Fed with the agent's standing
// complaints, of which those about an object begin with its kind and name. One Event for a complaint, however many
// nodes have it: its name follows from what it says, and the API server keeps the first of a name. Owned by the agent.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.h"
#include "server/events.h"

namespace waggle {

struct ObjectComplaint {
  ObjectKind kind = ObjectKind::kService;
  ObjectName name;
  std::string what;
};

// "Service shop/web: spec.ports[0]: ...", "service shop/web:http: ...", "ServiceCIDR a: ...". Nothing: about no object.
std::optional<ObjectComplaint> complaint_about_object(std::string_view sentence);

class ObjectEvents {
 public:
  using Post = std::function<void(ClusterEvent)>;
  // post: none: there is no cluster to tell.
  explicit ObjectEvents(Post post) : post_(std::move(post)) {}

  // Posts those that are new, a few at a time. One that is gone and comes again is new again.
  void update(const std::vector<std::string>& standing, SystemTime now);

 private:
  Post post_;
  std::set<std::string> posted_;
};

}  // namespace waggle
