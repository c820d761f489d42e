// SPDX-License-Identifier: Apache-2.0
// On which addresses of this node node ports and health check ports are served (contract K-40..K-45, O-20): the setting
// nodePortAddresses, the node's own addresses and those of its links. Pure. Used by the agent.
#pragma once

#include <string>
#include <vector>

#include "daemon/node_identity.h"
#include "daemon/options.h"
#include "node/interfaces.h"
#include "plan/table.h"

namespace waggle {

// What the setting means for a node with these addresses. A family without any means all of it (K-41, K-42).
std::vector<Cidr> node_port_cidrs(const NodePortOptions& options, const NodeIps& ips);
bool accepts_all(const std::vector<Cidr>& cidrs, Family family);

// Sorted, each once. Never loopback (K-44). Nor IPv6's link-local ones, unless a CIDR names them: each pod's link has
// one, and they would only fill the tables.
std::vector<IpAddress> node_port_addresses(const std::vector<Cidr>& cidrs, const NodeInterfaces& interfaces);

// Of this node's links: no service can have them alone. Not those of the link that kube-proxy's ipvs mode leaves, where
// every service address stands.
std::vector<IpAddress> own_addresses(const NodeInterfaces& interfaces);

// Where a previous run served node ports, as the tables say.
Result<std::vector<IpAddress>> adopted_node_port_addresses(TableStore& tables);

// The same for health check ports, which are sockets: a family that accepts all listens on its wildcard address, and
// loopback is as good as any other.
std::vector<IpAddress> health_check_addresses(const std::vector<Cidr>& cidrs, const NodeInterfaces& interfaces);

// nodePortAddresses name loopback addresses, which are left out; empty: they do not.
std::string loopback_notice(const NodePortOptions& options);

}  // namespace waggle
