// SPDX-License-Identifier: Apache-2.0
#include "dataplane/settings.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "dataplane/conntrack_lookup.h"
#include "dataplane/errors.h"
#include "dataplane/jiffies.h"

namespace waggle {
namespace {

uint32_t lifetime_index(uint32_t state, uint32_t protocol) {
  return wg_flow_lifetime_index(state | protocol << WG_FLOW_PROTOCOL_SHIFT);
}

}  // namespace

Result<wg_meta> fresh_meta(const DataplaneConfig& config) {
  wg_meta meta{};
  meta.abi_version = WG_ABI_VERSION;
  meta.hz = jiffies_per_second();
  meta.snat_port_min = config.snat_port_min;
  meta.snat_port_mask = static_cast<uint16_t>(config.snat_ports - 1);
  meta.created_unix_s = static_cast<uint64_t>(std::time(nullptr));
  config.node_name.copy(meta.node_name, sizeof(meta.node_name) - 1);
  const auto wanted = static_cast<ssize_t>(sizeof(meta.hash_key));
  if (::getrandom(&meta.hash_key, sizeof(meta.hash_key), 0) != wanted)
    return system_failure("reading random bytes", errno);
  return meta;
}

Result<void> check_config(const DataplaneConfig& config) {
  if (auto checked = check_sizes(config.sizes); !checked) return checked;
  const bool ports_fit = std::has_single_bit(config.snat_ports) && config.snat_port_min >= 1024 &&
                         config.snat_port_min + config.snat_ports <= 65536;
  if (!ports_fit) {
    return failure(
        fmt::format("SNAT ports: {} ports from {} on do not fit: their number must be a power of two, and they "
                    "must lie between 1024 and 65535",
                    config.snat_ports, config.snat_port_min));
  }
  if (!std::has_single_bit(config.snat_mark)) {
    return failure(fmt::format("SNAT mark {:#x}: it must be one bit", config.snat_mark));
  }
  return {};
}

wg_settings make_settings(const DataplaneConfig& config, const PinnedMaps& maps, uint64_t cookie) {
  const auto mask = [&maps](const char* name) { return maps.spec(name).entries - 1; };
  wg_settings settings{};
  settings.hash_key = maps.meta().hash_key;
  settings.frontends4_mask = mask("frontends4");
  settings.frontends6_mask = mask("frontends6");
  settings.flows4_mask = mask("flows4");
  settings.flows6_mask = mask("flows6");
  settings.snat4_mask = mask("snat4");
  settings.snat6_mask = mask("snat6");
  settings.services_mask = mask("services");
  settings.backends_mask = mask("backends");
  settings.slots_mask = mask("slots");
  settings.reply_gate_mask = maps.spec("reply_gate").entries * 64 - 1;
  settings.frontend_gate_mask = maps.spec("frontend_gate").entries * 64 - 1;
  settings.nexthops_mask = mask("nexthops");
  settings.snat_mark = config.snat_mark;
  settings.snat_port_min = maps.meta().snat_port_min;
  settings.snat_port_mask = maps.meta().snat_port_mask;
  settings.hz = maps.meta().hz;
  settings.sock_lb_tcp = config.sock_lb_tcp;
  settings.sock_lb_udp = config.sock_lb_udp;
  settings.reject_per_second = config.reject_per_second;
  settings.policy = config.policy | (offers_conntrack_lookup() ? WG_POLICY_KEEP_TRACKED : 0);
  settings.host_netns_cookie = cookie;
  std::ranges::copy(config.flow_lifetime_s, settings.flow_lifetime_s);
  return settings;
}

std::optional<std::string> port_notice(const DataplaneConfig& config, const wg_meta& meta) {
  if (meta.snat_port_min == config.snat_port_min && meta.snat_port_mask + 1u == config.snat_ports) return std::nullopt;
  return fmt::format("SNAT ports stay {} from {} on, as the pinned tables have them (configured: {} from {})",
                     meta.snat_port_mask + 1u, meta.snat_port_min, config.snat_ports, config.snat_port_min);
}

std::optional<std::string> node_notice(const std::string& node_name, const wg_meta& meta) {
  const std::string made_for(meta.node_name, strnlen(meta.node_name, sizeof(meta.node_name)));
  if (made_for.empty() || made_for == node_name.substr(0, sizeof(meta.node_name) - 1)) return std::nullopt;
  return fmt::format(
      "the pinned tables were made for node '{}', and this agent is started for '{}': correct --node-name or "
      "--bpf-root if one of them is wrong; if the node has a new name, stop the agent and run `waggle cleanup` before "
      "the next start",
      made_for, node_name);
}

FlowLifetimes default_flow_lifetimes() {
  FlowLifetimes seconds{};
  for (const uint32_t protocol : {WG_FLOW_TCP, WG_FLOW_SCTP}) {
    seconds[lifetime_index(WG_FLOW_HALF_OPEN, protocol)] = 60;
    seconds[lifetime_index(WG_FLOW_ESTABLISHED, protocol)] = 86400;
    seconds[lifetime_index(WG_FLOW_CLIENT_FIN, protocol)] = 600;
    seconds[lifetime_index(WG_FLOW_BACKEND_FIN, protocol)] = 600;
    seconds[lifetime_index(WG_FLOW_CLOSED, protocol)] = 10;
  }
  seconds[lifetime_index(WG_FLOW_HALF_OPEN, WG_FLOW_UDP)] = 30;
  seconds[lifetime_index(WG_FLOW_ESTABLISHED, WG_FLOW_UDP)] = 180;
  return seconds;
}

}  // namespace waggle
