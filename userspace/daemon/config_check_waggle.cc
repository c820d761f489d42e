// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "daemon/config_check.h"

namespace waggle {
namespace {

constexpr Section kSection = Section::kWaggle;
constexpr uint16_t kLowestSnatPort = 1024;

template <typename T>
using Choice = std::pair<std::string_view, T>;

constexpr std::array<Choice<wg_sock_lb>, 3> kSockLbChoices{
    {{"all", WG_SOCK_LB_ALL}, {"host", WG_SOCK_LB_HOST}, {"off", WG_SOCK_LB_OFF}}};
constexpr std::array<Choice<XdpUse>, 2> kXdpChoices{{{"auto", XdpUse::kAuto}, {"off", XdpUse::kOff}}};
constexpr std::array<Choice<TcAttach>, 3> kTcChoices{
    {{"auto", TcAttach::kAuto}, {"tcx", TcAttach::kTcx}, {"clsact", TcAttach::kClsact}}};
constexpr std::array<Choice<bool>, 2> kRuleChoices{{{"remove", true}, {"keep", false}}};
constexpr std::array<Choice<std::string_view>, 6> kLogLevels{
    {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}, {"off", "off"}}};

// What "auto" stands for among pods' links: the names that CNIs give them. Calico; bridge, Flannel and kindnet; Cilium;
// the clouds' own.
constexpr std::string_view kPodInterfaces[] = {"cali*", "veth*", "lxc*", "eni*", "gke*", "azv*"};

template <typename T, size_t kSize>
T choose(ConfigChecks& checks, std::string_view path, const std::array<Choice<T>, kSize>& choices,
         const std::string& given) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == given) return value;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  checks.complain(kSection, path, fmt::format("cannot be '{}': choose one of {}", given, names));
  return choices.front().second;
}

void take_snat(const WaggleConfig& config, ConfigChecks& checks, AgentOptions& options) {
  if (checks.said(kSection, "snat.mark")) {
    checks.unless(std::has_single_bit(config.snat_mark.value), kSection, "snat.mark",
                  "must be exactly one bit, like 0x4000");
    options.snat_mark = config.snat_mark.value;
  }
  const auto ranges = parse_port_ranges(config.snat_ports);
  if (!ranges || ranges->size() != 1)
    return checks.complain(kSection, "snat.ports",
                           fmt::format("'{}' is no range of ports like 61440-65535", config.snat_ports));
  options.snat_ports = ranges->front();
  const uint32_t size = options.snat_ports.last - options.snat_ports.first + 1u;
  checks.unless(std::has_single_bit(size), kSection, "snat.ports",
                fmt::format("{} has {} ports: it must be a power of two", config.snat_ports, size));
  checks.unless(options.snat_ports.first >= kLowestSnatPort, kSection, "snat.ports",
                fmt::format("{} begins below {}", config.snat_ports, kLowestSnatPort));
}

// Each choice that is not kube-proxy's can be made so that it is (docs/differences.md).
void take_policy(const WaggleConfig& config, ConfigChecks& checks, AgentOptions& options) {
  constexpr std::array<Choice<uint32_t>, 2> kSnatModes{{{"needed", 0}, {"always", WG_POLICY_SNAT_ALWAYS}}};
  constexpr std::array<Choice<uint32_t>, 2> kPing{{{"answer", WG_POLICY_ANSWER_PING}, {"reject", 0}}};
  constexpr std::array<Choice<uint32_t>, 2> kOtherPorts{{{"reject", WG_POLICY_REJECT_UNKNOWN}, {"pass", 0}}};
  constexpr std::array<Choice<uint32_t>, 2> kUnallocated{{{"drop", WG_POLICY_DROP_UNALLOCATED}, {"pass", 0}}};
  options.policy = (options.policy & WG_POLICY_MASQUERADE_ALL) |
                   choose(checks, "snat.mode", kSnatModes, config.snat_mode) |
                   choose(checks, "clusterIP.ping", kPing, config.cluster_ip_ping) |
                   choose(checks, "clusterIP.otherPorts", kOtherPorts, config.cluster_ip_other_ports) |
                   choose(checks, "serviceCIDR.unallocated", kUnallocated, config.service_cidr_unallocated);
}

void take_links(const WaggleConfig& config, ConfigChecks& checks, AgentOptions& options) {
  options.devices = config.devices;
  for (const std::string& name : config.pod_interfaces) {
    if (name == "auto")
      options.pod_interfaces.insert(options.pod_interfaces.end(), std::begin(kPodInterfaces), std::end(kPodInterfaces));
    else
      options.pod_interfaces.push_back(name);
  }
  // Flags cannot be empty lists, so "none" stands for one.
  std::erase(options.devices, "none");
  std::erase(options.pod_interfaces, "none");
  if (options.devices.empty() && options.pod_interfaces.empty())
    checks.complain(kSection, "devices", "and podInterfaces name no link at all: name at least one to attach to");
  for (const std::string& name : options.devices) {
    if (std::ranges::find(options.pod_interfaces, name) == options.pod_interfaces.end()) continue;
    checks.complain(fmt::format("'{}' is in both {} and {}: a link is one or the other", name,
                                checks.name(kSection, "devices"), checks.name(kSection, "podInterfaces")));
  }
}

}  // namespace

void take_waggle(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options) {
  const WaggleConfig& config = configuration.waggle;
  options.manifests = config.manifests;
  options.cgroup_root = config.cgroup_root;
  options.bpf_root = config.bpf_root;
  options.run_dir = config.run_dir;
  options.sock_lb_tcp = choose(checks, "socketLB.tcp", kSockLbChoices, config.socket_lb_tcp);
  options.sock_lb_udp = choose(checks, "socketLB.udp", kSockLbChoices, config.socket_lb_udp);
  options.xdp = choose(checks, "xdp", kXdpChoices, config.xdp);
  options.tc_attach = choose(checks, "tcAttach", kTcChoices, config.tc_attach);
  if (!config.log_level.empty()) options.log_level = choose(checks, "logLevel", kLogLevels, config.log_level);
  options.flow_slots = config.flow_slots;
  checks.unless(config.flow_slots == 0 || std::has_single_bit(config.flow_slots), kSection, "flowSlots",
                fmt::format("{} is no power of two", config.flow_slots));
  options.remove_kube_proxy_rules = choose(checks, "kubeProxyRules", kRuleChoices, config.kube_proxy_rules);
  take_snat(config, checks, options);
  take_policy(config, checks, options);
  take_links(config, checks, options);
}

std::string_view sock_lb_name(wg_sock_lb use) {
  const auto found = std::ranges::find(kSockLbChoices, use, &Choice<wg_sock_lb>::second);
  return found == kSockLbChoices.end() ? "off" : found->first;
}

}  // namespace waggle
