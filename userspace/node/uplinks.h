// SPDX-License-Identifier: Apache-2.0
// Which links of a node are its uplinks when nobody names them, for Calico, Flannel and bridge CNIs alike. Called by
// the link keeper; choose_uplinks() is pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "node/interfaces.h"

namespace waggle {

// Ethernet links that hold an address of the Node object or that a default route uses; where there are none yet, those
// that look like it: with a global address, neither a pod's link nor a bridge nor the like. Beside them the
// tunnels that lead to other nodes' pods (flannel.1, vxlan.calico), because packets to those pods leave there.
std::set<std::string> choose_uplinks(const NodeInterfaces& interfaces, const std::vector<IpAddress>& node_addresses,
                                     const std::set<std::string>& default_route_devices,
                                     const std::vector<std::string>& pod_interfaces);

// A tunnel to other nodes: packets go on inside another packet, so XDP gains nothing there.
[[nodiscard]] bool is_overlay(const Interface& link);

// Names of the devices that default routes of this network namespace use; what cannot be read counts as none.
std::set<std::string> default_route_devices(const std::string& proc_net = "/proc/self/net");

}  // namespace waggle
