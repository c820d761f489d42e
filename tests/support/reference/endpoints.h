// SPDX-License-Identifier: Apache-2.0
// Which endpoints a service port has on this node, said as the contract says it (rows I-40..I-48, I-80..I-85).
#pragma once

#include <set>

#include "support/reference/world.h"

namespace waggle::reference {

struct PortEndpoints {
  std::set<AddressPort> cluster;  // I-81; empty too if the port never uses it
  std::set<AddressPort> local;    // I-82
  std::set<AddressPort> serving;  // keep the UDP flows they have (K-122)
  std::set<AddressPort> here;     // on this node (I-48)
  bool has_endpoints = false;     // I-83
};

// Of a key that is not served: nothing.
PortEndpoints endpoints_of(const World& world, const PortKey& key);

// I-26
bool externally_accessible(const Service& service, const ServicePort& port, Family family);
// I-25: externalTrafficPolicy Local counts for this service.
bool external_local(const Service& service);

}  // namespace waggle::reference
