// SPDX-License-Identifier: Apache-2.0
// What the tables should say about one Service object on this node: one WantedService for each of its ports and
// families. Pure; called by the planner for each object it looks at (contract I-20..I-31, K-01..K-08, K-75..K-78).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/objects.h"
#include "plan/claim_kind.h"
#include "plan/endpoint_sets.h"
#include "plan/node_addresses.h"

namespace waggle {

struct WantedFrontend {
  IpAddress address;
  uint16_t port = 0;  // host byte order
  ClaimKind kind = ClaimKind::kClusterIp;
  uint32_t flags = 0;  // WG_FRONTEND_*
};

// This node, as far as it decides what its tables say.
struct WantedContext {
  NodeContext node;
  const NodeAddresses& addresses;
  bool external_ips = true;  // AllowServiceExternalIPs (I-30)
};

struct WantedService {
  std::string port_name;
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
  uint16_t port = 0;   // host byte order
  uint32_t flags = 0;  // WG_SERVICE_*
  uint32_t affinity_timeout_s = 0;
  bool doubtful = false;                  // the ClusterIP may be a host's, too (cluster_ip_doubt.h)
  std::vector<WantedFrontend> frontends;  // the ClusterIP first; each address and port once
  std::vector<Cidr> source_ranges;        // what filtered frontends admit
  EndpointSets sets;
};

// Nothing for a service that is not ours or has no address (I-20). `problems` takes what cannot be served and why.
std::vector<WantedService> wanted_services(const Service& service, const std::vector<const EndpointSlice*>& slices,
                                           const WantedContext& context, std::vector<std::string>& problems);

}  // namespace waggle
