// SPDX-License-Identifier: Apache-2.0
// What the tables should say about one Service object on this node: one WantedService for each of its ports and
// families. Pure; called by the planner for each object it looks at (contract I-20..I-31).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/objects.h"
#include "plan/endpoint_sets.h"

namespace waggle {

struct WantedFrontend {
  IpAddress address;
  bool external = false;  // WG_FRONTEND_EXTERNAL
};

struct WantedService {
  std::string port_name;
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
  uint16_t port = 0;   // host byte order
  uint32_t flags = 0;  // WG_SERVICE_*
  uint32_t affinity_timeout_s = 0;
  std::vector<WantedFrontend> frontends;  // each address once
  EndpointSets sets;
};

// Nothing for a service that is not ours or has no address (I-20). `problems` takes what cannot be served and why.
std::vector<WantedService> wanted_services(const Service& service, const std::vector<const EndpointSlice*>& slices,
                                           const NodeContext& node, std::vector<std::string>& problems);

}  // namespace waggle
