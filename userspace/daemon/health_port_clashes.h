// SPDX-License-Identifier: Apache-2.0
// Services whose health check port is a node port, too, their own or another's: what load balancers ask there reaches
// that service's endpoints, and never the agent. An API server gives no port twice; manifests may. Owned by the agent's
// judge of objects.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/objects.h"

namespace waggle {

class HealthPortClashes {
 public:
  // This service came, changed or went (null).
  void judge(const ObjectName& name, const Service* service);

  // One sentence a clash, each begins with the service whose node port it is.
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  std::map<ObjectName, std::set<uint16_t>> node_ports_;  // over TCP, as health checks are
  std::map<uint16_t, std::set<ObjectName>> users_;       // the same by port
  std::map<ObjectName, uint16_t> health_ports_;
};

}  // namespace waggle
