// SPDX-License-Identifier: Apache-2.0
// What the servers tell about one service, drawn from the State: its health check port, how many ready endpoints this
// node has, and ports whose Local policy finds nothing here. Pure. Used by Servers for the services a sync touched.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "model/state.h"

namespace waggle {

// Of one service in one family.
struct FamilyFacts {
  bool has_cluster_ip = false;
  size_t local_ready = 0;          // distinct addresses of ready endpoints on this node, over all ports (K-96)
  uint32_t no_local_internal = 0;  // ports with internalTrafficPolicy Local, endpoints elsewhere and none usable here
  uint32_t no_local_external = 0;  // the same of externalTrafficPolicy

  bool operator==(const FamilyFacts&) const = default;
};

struct ServiceFacts {
  uint16_t health_check_port = 0;         // 0: none (I-27: type LoadBalancer and externalTrafficPolicy Local only)
  std::array<FamilyFacts, 2> families{};  // index: Family

  bool operator==(const ServiceFacts&) const = default;
};

// All zero for a service that does not exist or is not ours (I-01, I-20).
ServiceFacts service_facts(const State& state, const ObjectName& service, const std::string& node_name);

// Distinct ready local endpoint addresses of every service with a health check port; index: Family.
std::map<ObjectName, std::array<size_t, 2>> local_endpoint_counts(const State& state, const std::string& node_name);

}  // namespace waggle
