// SPDX-License-Identifier: Apache-2.0
// detectLocalMode as the programs know it (contract K-61): by the link a packet comes in on, or by its source. Pure.
// Used by the agent and its link keeper.
#pragma once

#include <vector>

#include "daemon/options.h"
#include "node/interfaces.h"

namespace waggle {

// pod_cidrs: of the Node object, for NodeCIDR; the first of a family counts.
PodDetector pod_detector(const DetectLocal& detect, const std::vector<Cidr>& pod_cidrs);

// Packets that come in on this link are local pods'. kube-proxy's modes by interface name what the kernel routes from:
// for a port of a bridge that is the bridge.
bool leads_to_local_pods(const DetectLocal& detect, const NodeInterfaces& interfaces, const Interface& link,
                         bool uplink);

wg_prefix prefix_of(const Cidr& cidr);

}  // namespace waggle
