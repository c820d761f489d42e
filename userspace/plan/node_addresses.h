// SPDX-License-Identifier: Apache-2.0
// What the planner needs to know of this node's addresses. Told by the daemon, read by wanted.cc.
#pragma once

#include <vector>

#include "model/address.h"

namespace waggle {

struct NodeAddresses {
  std::vector<IpAddress> node_port_addresses;  // where node ports are served (K-40..K-44); never loopback
  std::vector<IpAddress> node_ips;             // InternalIP or the address bound to (I-61, I-62), for K-77 only

  bool operator==(const NodeAddresses&) const = default;
};

}  // namespace waggle
