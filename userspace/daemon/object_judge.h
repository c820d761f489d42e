// SPDX-License-Identifier: Apache-2.0
// What is wrong with objects that are each readable, but contradict each other: a ClusterIP that lies in no
// ServiceCIDR, ServiceCIDRs that overlap or cannot be meant, node ports that are Waggle's own or health check ports.
// They serve as they are; they are only named. (What one object has wrong by itself, its source says; who loses a
// contested frontend, the planner.) Owned by the agent.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/health_port_clashes.h"
#include "daemon/own_ports.h"
#include "daemon/service_cidrs.h"
#include "model/state.h"

namespace waggle {

class ObjectJudge {
 public:
  explicit ObjectJudge(std::vector<OwnPort> own_ports) : own_ports_(std::move(own_ports)) {}

  // This service came, changed or went.
  void judge(const State& state, const ObjectName& service);
  // ServiceCIDRs or nodes changed, which concerns all services.
  void judge_all(const State& state);

  // Each begins with the kind and the name of the object; a few at most, and how many more there are.
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  using OfServices = std::map<ObjectName, std::vector<std::string>>;

  std::vector<OwnPort> own_ports_;
  ServiceCidrs cidrs_;
  OfServices outside_;
  OfServices on_own_ports_;
  HealthPortClashes health_ports_;
  std::vector<std::string> contradictions_;  // between ServiceCIDRs, and with nodes
};

}  // namespace waggle
