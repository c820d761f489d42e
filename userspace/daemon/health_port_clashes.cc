// SPDX-License-Identifier: Apache-2.0
#include "daemon/health_port_clashes.h"

#include <fmt/format.h>

#include <utility>

namespace waggle {
namespace {

std::set<uint16_t> tcp_node_ports(const Service& service) {
  std::set<uint16_t> ports;
  for (const ServicePort& port : service.ports) {
    if (port.node_port != 0 && port.protocol == Protocol::kTcp) ports.insert(port.node_port);
  }
  return ports;
}

}  // namespace

void HealthPortClashes::judge(const ObjectName& name, const Service* service) {
  for (const uint16_t port : std::exchange(node_ports_[name], {})) {
    users_[port].erase(name);
    if (users_[port].empty()) users_.erase(port);
  }
  node_ports_.erase(name);
  health_ports_.erase(name);
  if (service == nullptr) return;
  if (service->health_check_node_port != 0) health_ports_[name] = service->health_check_node_port;
  auto ports = tcp_node_ports(*service);
  for (const uint16_t port : ports) users_[port].insert(name);
  if (!ports.empty()) node_ports_[name] = std::move(ports);
}

std::vector<std::string> HealthPortClashes::standing_problems() const {
  std::vector<std::string> problems;
  for (const auto& [owner, port] : health_ports_) {
    const auto found = users_.find(port);
    if (found == users_.end()) continue;
    for (const ObjectName& user : found->second) {
      const std::string whose = user == owner ? "its own" : "the";
      const std::string of = user == owner ? "" : fmt::format(" of service {}", owner.text());
      problems.push_back(fmt::format(
          "Service {}: its node port {}/TCP is {} health check port{}, which nobody reaches any more but on "
          "loopback; choose another for one of the two",
          user.text(), port, whose, of));
    }
  }
  return problems;
}

}  // namespace waggle
