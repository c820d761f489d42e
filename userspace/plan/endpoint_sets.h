// SPDX-License-Identifier: Apache-2.0
// Which endpoints a service port has on this node and which of them take new flows: the join of slices and service
// port, and the choice by readiness, topology hints and locality (contract I-41..I-50 and I-80..I-84). Pure; called by
// wanted.cc.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/objects.h"

namespace waggle {

struct NodeContext {
  std::string_view name;
  std::string_view zone;
};

struct WantedEndpoint {
  IpAddress address;
  uint16_t port = 0;  // host byte order
  bool terminating = false;
  bool local = false;
  bool in_cluster = false;  // stands in the cluster set
  bool in_local = false;    // stands in the local set
};

// Which sets the policies of a service ask for.
struct SetsNeeded {
  bool cluster = false;
  bool local = false;
};

struct EndpointSets {
  std::vector<WantedEndpoint> endpoints;  // all that serve, by address and port, each once
  std::vector<uint32_t> cluster;          // places in `endpoints`, by text of address:port
  std::vector<uint32_t> local;
  bool usable_somewhere = false;  // contract I-83
};

EndpointSets endpoint_sets(const std::vector<const EndpointSlice*>& slices, const ServicePort& port, Family family,
                           SetsNeeded needed, const NodeContext& node);

}  // namespace waggle
