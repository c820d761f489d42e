// SPDX-License-Identifier: Apache-2.0
// What is wrong with objects that are each readable, but contradict each other: a ClusterIP that lies in no ServiceCIDR
// or is a host's, an external IP that lies in one, ServiceCIDRs that overlap or cannot be meant, node ports that are
// Waggle's own or health check ports. They are named; what is served all the same, the words say. (What one object has
// wrong by itself, its source says; who loses a contested frontend, the planner.) Owned by the agent.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/health_port_clashes.h"
#include "daemon/own_ports.h"
#include "model/state.h"

namespace waggle {

// There are more than the programs have room for: which are left out. Empty: none is.
std::string service_cidr_problem(const ServiceCidrs& cidrs);

class ObjectJudge {
 public:
  explicit ObjectJudge(std::vector<OwnPort> own_ports) : own_ports_(std::move(own_ports)) {}

  // This service came, changed or went, or who else has its ClusterIP.
  void judge(const State& state, const ObjectName& service);
  // ServiceCIDRs or nodes changed, which concerns all services.
  void judge_all(const State& state);

  // Each begins with the kind and the name of the object; a few at most, and how many more there are.
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  using OfServices = std::map<ObjectName, std::vector<std::string>>;

  std::vector<OwnPort> own_ports_;
  OfServices doubtful_;  // their ClusterIPs
  OfServices external_;  // their external IPs
  OfServices on_own_ports_;
  HealthPortClashes health_ports_;
  std::vector<std::string> contradictions_;  // between ServiceCIDRs, and with nodes
};

}  // namespace waggle
