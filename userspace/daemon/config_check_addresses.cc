// SPDX-License-Identifier: Apache-2.0
// Who is a local pod and where node ports are served: what both documents can say. A field of WaggleConfiguration that
// is given counts instead of the one of KubeProxyConfiguration.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "daemon/config_check.h"

namespace waggle {
namespace {

using ModeName = std::pair<std::string_view, DetectLocalMode>;
constexpr std::array<ModeName, 6> kModes{{{"ClusterCIDR", DetectLocalMode::kClusterCidr},
                                          {"NodeCIDR", DetectLocalMode::kNodeCidr},
                                          {"BridgeInterface", DetectLocalMode::kBridgeInterface},
                                          {"InterfaceNamePrefix", DetectLocalMode::kInterfaceNamePrefix},
                                          {"Links", DetectLocalMode::kLinks},
                                          {"None", DetectLocalMode::kNone}}};
constexpr size_t kKubeProxyModes = 4;

// A value and the document it is from.
template <typename T>
struct Given {
  Section section;
  const T& value;
};

template <typename T>
Given<T> given(const T& own, const T& kube_proxy) {
  return own.empty() ? Given<T>{Section::kKubeProxy, kube_proxy} : Given<T>{Section::kWaggle, own};
}

void take_node_port_addresses(const Given<std::vector<std::string>>& list, ConfigChecks& checks,
                              NodePortOptions& options) {
  constexpr std::string_view kField = "nodePortAddresses";
  if (list.value.empty()) return;
  if (std::ranges::find(list.value, "primary") != list.value.end()) {
    checks.unless(list.value.size() == 1, list.section, kField,
                  "mixes 'primary' with addresses: write CIDRs only, or 'primary' alone");
    options.accept = NodePortAccept::kNodeAddresses;
    return;
  }
  options.accept = NodePortAccept::kListed;
  for (const std::string& text : list.value) {
    const auto cidr = Cidr::parse(text);
    if (cidr.has_value())
      options.cidrs.push_back(*cidr);
    else
      checks.complain(list.section, kField,
                      fmt::format("'{}' is no CIDR; write it as 192.0.2.0/24, or 'primary' alone", text));
  }
}

std::vector<Cidr> cluster_cidrs(const Given<std::string>& list, ConfigChecks& checks) {
  constexpr std::string_view kField = "clusterCIDR";
  std::vector<Cidr> cidrs;
  std::istringstream parts(list.value);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto cidr = Cidr::parse(part);
    if (cidr.has_value())
      cidrs.push_back(*cidr);
    else
      checks.complain(list.section, kField,
                      fmt::format("'{}' is no CIDR; write it as 10.244.0.0/16 or 10.244.0.0/16,fd00::/56", part));
  }
  const bool one_a_family =
      cidrs.size() < 2 || (cidrs.size() == 2 && cidrs[0].address.family != cidrs[1].address.family);
  checks.unless(one_a_family, list.section, kField, "has more than one CIDR of a family; keep one of each");
  return cidrs;
}

// "Links" and "None" are Waggle's own words.
std::optional<DetectLocalMode> mode_of(const Given<std::string>& name) {
  const auto known = std::span(kModes).first(name.section == Section::kKubeProxy ? kKubeProxyModes : kModes.size());
  if (name.value.empty()) return DetectLocalMode::kClusterCidr;
  const auto found = std::ranges::find(known, name.value, &ModeName::first);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

std::string names_of_modes(Section section) {
  std::string names;
  for (const auto& [name, mode] : std::span(kModes).first(section == Section::kKubeProxy ? kKubeProxyModes : 6))
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return names;
}

// Without a word on it, by links: their names say whose they are, and no CIDR has to be known. Beside a
// KubeProxyConfiguration, as kube-proxy does.
bool is_silent(const Configuration& configuration, const ConfigChecks& checks) {
  const auto said = [&checks](std::string_view field) {
    return checks.said(Section::kKubeProxy, field) || checks.said(Section::kWaggle, field);
  };
  return !configuration.kube_proxy_file && !said("detectLocalMode") && !said("clusterCIDR");
}

void take_detect_local(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options) {
  const KubeProxyConfig& config = configuration.kube_proxy;
  const WaggleConfig& own = configuration.waggle;
  DetectLocal& detect = options.detect_local;
  if (is_silent(configuration, checks)) return;
  const auto name = given(own.detect_local_mode, config.detect_local_mode);
  const auto mode = mode_of(name);
  if (!mode.has_value())
    return checks.complain(name.section, "detectLocalMode",
                           fmt::format("cannot be '{}': choose one of {}", name.value, names_of_modes(name.section)));
  const auto bridge = given(own.bridge_interface, config.bridge_interface);
  const auto prefix = given(own.interface_name_prefix, config.interface_name_prefix);
  detect.mode = *mode;
  detect.bridge_interface = bridge.value;
  detect.interface_name_prefix = prefix.value;
  if (detect.mode == DetectLocalMode::kClusterCidr)
    detect.cluster_cidrs = cluster_cidrs(given(own.cluster_cidr, config.cluster_cidr), checks);
  checks.unless(detect.mode != DetectLocalMode::kBridgeInterface || !bridge.value.empty(), bridge.section,
                "detectLocal.bridgeInterface", "must not be empty in detectLocalMode BridgeInterface");
  checks.unless(detect.mode != DetectLocalMode::kInterfaceNamePrefix || !prefix.value.empty(), prefix.section,
                "detectLocal.interfaceNamePrefix", "must not be empty in detectLocalMode InterfaceNamePrefix");
}

}  // namespace

void take_addresses(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options) {
  const KubeProxyConfig& config = configuration.kube_proxy;
  const WaggleConfig& own = configuration.waggle;
  const bool has_mode = configuration.kube_proxy_file || checks.said(Section::kKubeProxy, "mode");
  if (has_mode && config.mode != "nftables") options.node_ports.accept = NodePortAccept::kEveryAddress;
  take_node_port_addresses(given(own.node_port_addresses, config.node_port_addresses), checks, options.node_ports);
  take_detect_local(configuration, checks, options);
}

std::string_view detect_local_name(DetectLocalMode mode) {
  return std::ranges::find(kModes, mode, &ModeName::second)->first;
}

}  // namespace waggle
