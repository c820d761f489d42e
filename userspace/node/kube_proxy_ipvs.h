// SPDX-License-Identifier: Apache-2.0
// What kube-proxy's ipvs mode leaves beside rules (contract O-70..O-72): the link kube-ipvs0, on which every service
// address is an address of the node, and sets of addresses (ipset) that its iptables rules asked. Virtual servers of
// IPVS are counted only: others may have theirs. Used by kube_proxy_rules.cc; the agent names the link while it is
// there.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "node/interfaces.h"

namespace waggle {

inline constexpr char kIpvsLink[] = "kube-ipvs0";

// Answers how many there were, one or none.
Result<size_t> remove_ipvs_link();

// Of both families; answers how many were there. To be called when no rule asks them any more.
Result<size_t> remove_ipvs_sets(const std::string& sys_module = "/sys/module/ip_set");

// The names of these sets.
std::vector<std::string> ipvs_set_names();

// What to do about the virtual servers of this network namespace; empty: there are none.
std::string ipvs_servers_words(const std::string& table = "/proc/self/net/ip_vs");

// Why the link should not be there, and who removes it; empty: it is not. goes: the agent is going to.
std::string ipvs_link_words(const NodeInterfaces& interfaces, bool goes);

}  // namespace waggle
