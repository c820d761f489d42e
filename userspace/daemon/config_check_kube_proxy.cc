// SPDX-License-Identifier: Apache-2.0
// What kube-proxy refuses in its configuration, Waggle refuses, too (contract O-12).
#include <fmt/format.h>

#include <algorithm>

#include "daemon/config_check.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

constexpr Section kSection = Section::kKubeProxy;
constexpr int32_t kMarkBits = 32;
constexpr int kWorstOomScore = 1000;
constexpr int32_t kDebugVerbosity = 4;
constexpr int32_t kTraceVerbosity = 6;

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
  if (section.masquerade_all) options.policy |= WG_POLICY_MASQUERADE_ALL;
  options.snat_mark = 1u << (static_cast<uint32_t>(section.masquerade_bit) % kMarkBits);
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
  const auto gate = config.feature_gates.find("AllowServiceExternalIPs");
  options.external_ips = gate == config.feature_gates.end() || gate->second;
  take_mode(config, checks, options);
  take_bind_address(config, checks, options);
  take_conntrack(config.conntrack, checks, options);
  checks.unless(config.client.burst >= 0, kSection, "clientConnection.burst", "must not be below 0");
  checks.unless(config.config_sync_period > 0s, kSection, "configSyncPeriod", "must be more than 0");
  checks.unless(config.oom_score_adj >= -kWorstOomScore && config.oom_score_adj <= kWorstOomScore, kSection,
                "oomScoreAdj", fmt::format("'{}' is not between -1000 and 1000", config.oom_score_adj));
}

}  // namespace waggle
