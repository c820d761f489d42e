// SPDX-License-Identifier: Apache-2.0
// What kube-proxy refuses in its configuration, Waggle refuses, too (contract O-12).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "daemon/config_check.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

constexpr Section kSection = Section::kKubeProxy;
constexpr int32_t kMarkBits = 32;
constexpr int kWorstOomScore = 1000;
constexpr int32_t kDebugVerbosity = 4;
constexpr int32_t kTraceVerbosity = 6;

constexpr std::array<std::pair<std::string_view, DetectLocalMode>, 5> kDetectLocalModes{
    {{"", DetectLocalMode::kClusterCidr},
     {"ClusterCIDR", DetectLocalMode::kClusterCidr},
     {"NodeCIDR", DetectLocalMode::kNodeCidr},
     {"BridgeInterface", DetectLocalMode::kBridgeInterface},
     {"InterfaceNamePrefix", DetectLocalMode::kInterfaceNamePrefix}}};

void check_periods(ConfigChecks& checks, const std::string& section, Duration period, Duration shortest) {
  const std::string longer = section + ".syncPeriod";
  const std::string shorter = section + ".minSyncPeriod";
  checks.unless(period > 0s, kSection, longer, "must be more than 0");
  checks.unless(shortest >= 0s, kSection, shorter, "must not be below 0");
  checks.unless(shortest <= period, kSection, shorter,
                fmt::format("is longer than {}.syncPeriod, which is {}", section, duration_text(period)));
}

void check_mode_section(ConfigChecks& checks, const std::string& section, const ModeConfig& mode) {
  check_periods(checks, section, mode.sync_period, mode.min_sync_period);
  const std::string bit = section + ".masqueradeBit";
  checks.unless(mode.masquerade_bit >= 0 && mode.masquerade_bit < kMarkBits, kSection, bit,
                fmt::format("'{}' is no bit of the packet mark; use 0 to 31", mode.masquerade_bit));
}

// The section of the selected mode (contract O-10).
void take_mode(const KubeProxyConfig& config, ConfigChecks& checks, AgentOptions& options) {
  const std::string mode = config.mode.empty() ? "iptables" : config.mode;
  checks.unless(mode == "iptables" || mode == "nftables" || mode == "ipvs", kSection, "mode",
                fmt::format("cannot be '{}': choose one of iptables, nftables, ipvs", mode));
  check_mode_section(checks, "iptables", config.iptables);
  check_mode_section(checks, "nftables", config.nftables);
  check_periods(checks, "ipvs", config.ipvs.sync_period, config.ipvs.min_sync_period);
  const ModeConfig& section = mode == "nftables" ? config.nftables : config.iptables;
  options.servers.proxy_mode = mode;
  options.servers.sync_period = mode == "ipvs" ? config.ipvs.sync_period : section.sync_period;
  options.masquerade_all = section.masquerade_all;
  options.node_ports.localhost = mode != "nftables" && config.iptables.localhost_node_ports;
  options.node_ports.accept = mode == "nftables" ? NodePortAccept::kNodeAddresses : NodePortAccept::kEveryAddress;
  options.snat_mark = 1u << (static_cast<uint32_t>(section.masquerade_bit) % kMarkBits);
}

void take_node_port_addresses(const KubeProxyConfig& config, ConfigChecks& checks, AgentOptions& options) {
  const auto& given = config.node_port_addresses;
  if (given.empty()) return;
  if (std::ranges::find(given, "primary") != given.end()) {
    checks.unless(given.size() == 1, kSection, "nodePortAddresses",
                  "mixes 'primary' with addresses: write CIDRs only, or 'primary' alone");
    options.node_ports.accept = NodePortAccept::kNodeAddresses;
    return;
  }
  options.node_ports.accept = NodePortAccept::kListed;
  for (const std::string& text : given) {
    const auto cidr = Cidr::parse(text);
    if (cidr.has_value())
      options.node_ports.cidrs.push_back(*cidr);
    else
      checks.complain(kSection, "nodePortAddresses",
                      fmt::format("'{}' is no CIDR; write it as 192.0.2.0/24, or 'primary' alone", text));
  }
}

std::vector<Cidr> cluster_cidrs(const KubeProxyConfig& config, ConfigChecks& checks) {
  std::vector<Cidr> cidrs;
  if (config.cluster_cidr.empty()) return cidrs;
  std::istringstream parts(config.cluster_cidr);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto cidr = Cidr::parse(part);
    if (cidr.has_value())
      cidrs.push_back(*cidr);
    else
      checks.complain(kSection, "clusterCIDR",
                      fmt::format("'{}' is no CIDR; write it as 10.244.0.0/16 or 10.244.0.0/16,fd00::/56", part));
  }
  const bool one_a_family =
      cidrs.size() < 2 || (cidrs.size() == 2 && cidrs[0].address.family != cidrs[1].address.family);
  checks.unless(one_a_family, kSection, "clusterCIDR", "has more than one CIDR of a family; keep one of each");
  return cidrs;
}

void take_detect_local(const KubeProxyConfig& config, ConfigChecks& checks, AgentOptions& options) {
  const auto found =
      std::ranges::find(kDetectLocalModes, config.detect_local_mode, &decltype(kDetectLocalModes)::value_type::first);
  if (found == kDetectLocalModes.end())
    return checks.complain(kSection, "detectLocalMode",
                           fmt::format("cannot be '{}': choose one of ClusterCIDR, NodeCIDR, BridgeInterface, "
                                       "InterfaceNamePrefix",
                                       config.detect_local_mode));
  options.detect_local.mode = found->second;
  options.detect_local.bridge_interface = config.bridge_interface;
  options.detect_local.interface_name_prefix = config.interface_name_prefix;
  if (found->second == DetectLocalMode::kClusterCidr)
    options.detect_local.cluster_cidrs = cluster_cidrs(config, checks);
  checks.unless(found->second != DetectLocalMode::kBridgeInterface || !config.bridge_interface.empty(), kSection,
                "detectLocal.bridgeInterface", "must not be empty in detectLocalMode BridgeInterface");
  checks.unless(found->second != DetectLocalMode::kInterfaceNamePrefix || !config.interface_name_prefix.empty(),
                kSection, "detectLocal.interfaceNamePrefix",
                "must not be empty in detectLocalMode InterfaceNamePrefix");
}

std::chrono::seconds whole_seconds(ConfigChecks& checks, const std::string& field, Duration duration) {
  checks.unless(duration >= 0s, kSection, "conntrack." + field, "must not be below 0");
  return std::chrono::duration_cast<std::chrono::seconds>(duration);
}

void take_conntrack(const ConntrackConfig& config, ConfigChecks& checks, AgentOptions& options) {
  checks.unless(config.max_per_core >= 0, kSection, "conntrack.maxPerCore", "must not be below 0");
  checks.unless(config.min >= 0, kSection, "conntrack.min", "must not be below 0");
  options.conntrack = {
      .max_per_core = static_cast<uint32_t>(config.max_per_core),
      .min = static_cast<uint32_t>(config.min),
      .tcp_established = whole_seconds(checks, "tcpEstablishedTimeout", config.tcp_established_timeout),
      .tcp_close_wait = whole_seconds(checks, "tcpCloseWaitTimeout", config.tcp_close_wait_timeout),
      .udp = whole_seconds(checks, "udpTimeout", config.udp_timeout),
      .udp_stream = whole_seconds(checks, "udpStreamTimeout", config.udp_stream_timeout),
      .tcp_be_liberal = config.tcp_be_liberal};
}

void take_bind_address(const KubeProxyConfig& config, ConfigChecks& checks, AgentOptions& options) {
  const auto address = IpAddress::parse(config.bind_address);
  if (!address.has_value())
    return checks.complain(kSection, "bindAddress", fmt::format("'{}' is no IP address", config.bind_address));
  const bool specific = std::ranges::any_of(address->bytes, [](uint8_t byte) { return byte != 0; });
  if (specific) options.bind_address = address;
}

}  // namespace

void take_kube_proxy(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options) {
  const KubeProxyConfig& config = configuration.kube_proxy;
  options.api.kubeconfig = config.client.kubeconfig;
  options.api.master = configuration.command_line.master;
  options.servers.hard_fail = config.bind_address_hard_fail;
  options.oom_score_adj = config.oom_score_adj;
  options.log_level = config.logging.verbosity >= kTraceVerbosity   ? "trace"
                      : config.logging.verbosity >= kDebugVerbosity ? "debug"
                                                                    : "info";
  take_mode(config, checks, options);
  take_bind_address(config, checks, options);
  take_node_port_addresses(config, checks, options);
  take_detect_local(config, checks, options);
  take_conntrack(config.conntrack, checks, options);
  checks.unless(config.client.burst >= 0, kSection, "clientConnection.burst", "must not be below 0");
  checks.unless(config.config_sync_period > 0s, kSection, "configSyncPeriod", "must be more than 0");
  checks.unless(config.oom_score_adj >= -kWorstOomScore && config.oom_score_adj <= kWorstOomScore, kSection,
                "oomScoreAdj", fmt::format("'{}' is not between -1000 and 1000", config.oom_score_adj));
}

}  // namespace waggle
