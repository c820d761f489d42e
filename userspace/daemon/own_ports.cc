// SPDX-License-Identifier: Apache-2.0
#include "daemon/own_ports.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle {
namespace {

bool is_loopback(const IpAddress& address) {
  return Cidr::parse("127.0.0.0/8")->contains(address) || Cidr::parse("::1/128")->contains(address);
}

void add_server(std::vector<OwnPort>& own, const std::optional<BindAddress>& where, std::string_view what,
                std::string_view setting) {
  if (!where.has_value() || is_loopback(where->address)) return;
  own.push_back(
      {.ports = {where->port, where->port},
       .tcp_only = true,
       .harm = fmt::format("is the port of Waggle's {} server, which nobody reaches any more but on loopback", what),
       .remedy = fmt::format("another {}", setting)});
}

bool concerns(const OwnPort& own, const ServicePort& port) {
  if (own.tcp_only && port.protocol != Protocol::kTcp) return false;
  return port.node_port >= own.ports.first && port.node_port <= own.ports.last;
}

}  // namespace

std::vector<OwnPort> own_ports(const ServersConfig& servers, PortRange snat) {
  std::vector<OwnPort> own;
  add_server(own, servers.health, "health", "healthzBindAddress");
  add_server(own, servers.metrics, "metrics", "metricsBindAddress");
  own.push_back({.ports = snat,
                 .tcp_only = false,
                 .harm = fmt::format("lies in {}, the ports that Waggle takes for rewritten sources, so that replies "
                                     "of other connections end there",
                                     port_ranges_text({snat})),
                 .remedy = "other snat.ports"});
  return own;
}

std::vector<std::string> own_port_words(const Service& service, const std::vector<OwnPort>& own) {
  std::vector<std::string> words;
  for (const ServicePort& port : service.ports) {
    if (port.node_port == 0) continue;
    const auto found = std::ranges::find_if(own, [&port](const OwnPort& one) { return concerns(one, port); });
    if (found == own.end()) continue;
    words.push_back(fmt::format("Service {}: its node port {}/{} {}; choose another node port, or {}",
                                service.name.text(), port.node_port, protocol_name(port.protocol), found->harm,
                                found->remedy));
  }
  return words;
}

}  // namespace waggle
