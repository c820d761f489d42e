// SPDX-License-Identifier: Apache-2.0
// One Service object as the planner remembers it: its place in the order of age, and the service indexes its ports
// have. Owned by the planner; lives until the last of its indexes is freed.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "model/objects.h"

namespace waggle {

struct ServiceObject {
  ObjectName name;
  std::string created;  // RFC 3339
  std::vector<uint32_t> indexes;
  bool has_node_ports = false;
  bool has_source_ranges = false;
};

// Who wins a contested frontend (contract K-06): the oldest; without a creation time it cannot show that it is older.
inline bool is_before(const ServiceObject& a, const ServiceObject& b) {
  return std::forward_as_tuple(a.created.empty(), a.created, a.name) <
         std::forward_as_tuple(b.created.empty(), b.created, b.name);
}

}  // namespace waggle
