// SPDX-License-Identifier: Apache-2.0
#include "daemon/server_setup.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace waggle {
namespace {

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes, [](uint8_t byte) { return byte == 0; });
}

std::optional<BindAddress> bind_address(const std::optional<ListenAddress>& where) {
  if (!where.has_value()) return std::nullopt;
  return BindAddress{.address = where->address, .port = where->port, .both_families = is_unspecified(where->address)};
}

}  // namespace

std::vector<Family> served_families(const std::string& proc) {
  int disabled = 1;
  std::ifstream(proc + "/sys/net/ipv6/conf/all/disable_ipv6") >> disabled;
  std::error_code absent;
  if (disabled == 1 || !std::filesystem::exists(proc + "/net/if_inet6", absent)) return {Family::kIpv4};
  return {Family::kIpv4, Family::kIpv6};
}

ServersConfig servers_config(const AgentOptions& options, std::vector<Family> families) {
  ServersConfig config;
  config.node_name = options.node_name;
  config.version = WAGGLE_VERSION;
  config.families = std::move(families);
  config.health = bind_address(options.servers.healthz);
  config.metrics = bind_address(options.servers.metrics);
  config.bind_hard_fail = options.servers.hard_fail;
  config.sync_period = options.servers.sync_period;
  config.configz = options.servers.configz;
  return config;
}

}  // namespace waggle
