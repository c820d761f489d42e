// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace waggle {
namespace {

// --- this node's name (contract I-60) ---

std::string trimmed_lower_case(std::string text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t first = std::min(text.find_first_not_of(kSpaces), text.size());
  text = text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// Flags beat files, and Waggle's own setting beats kube-proxy's.
const Setting* naming_setting(const Configuration& configuration) {
  const Setting& own = setting_at(Section::kWaggle, "nodeName");
  const Setting& kube_proxy = setting_at(Section::kKubeProxy, "hostnameOverride");
  const auto said_by = [&configuration](const Setting& setting) {
    const auto said = configuration.said_by.find(&setting);
    return said == configuration.said_by.end() ? std::string_view() : std::string_view(said->second);
  };
  if (said_by(kube_proxy).starts_with("--") && !said_by(own).starts_with("--")) return &kube_proxy;
  if (!said_by(own).empty()) return &own;
  return said_by(kube_proxy).empty() ? nullptr : &kube_proxy;
}

void take_node_name(const Configuration& configuration, const std::string& host_name, ConfigChecks& checks,
                    AgentOptions& options) {
  const Setting* setting = naming_setting(configuration);
  const std::string name = setting == nullptr ? "the host's name" : setting_name(configuration, *setting);
  const bool own = setting != nullptr && setting->section == Section::kWaggle;
  const std::string& given = own ? configuration.waggle.node_name : configuration.kube_proxy.hostname_override;
  options.node_name = trimmed_lower_case(setting == nullptr ? host_name : given);
  if (options.node_name.empty()) checks.complain(name + " is blank: name this node with --hostname-override");
  if (options.node_name.size() >= sizeof(wg_meta::node_name))
    checks.complain(fmt::format("{} is longer than {} characters", name, sizeof(wg_meta::node_name) - 1));
}

// --- servers ---

struct ServerSetting {
  std::string_view name;   // "healthz"
  std::string_view field;  // of KubeProxyConfiguration
  bool enabled;
  const std::string& waggle;  // WaggleConfiguration's address
  const std::string& kube_proxy;
  int32_t port;  // where the text has none
};

// WaggleConfiguration may say where a KubeProxyConfiguration does not; two addresses are one too many.
std::optional<ListenAddress> bind_of(const ServerSetting& server, bool ipv6, std::string_view standard,
                                     ConfigChecks& checks) {
  const std::string own_path = fmt::format("{}.bindAddress", server.name);
  const bool own = !server.waggle.empty();
  const Section section = own ? Section::kWaggle : Section::kKubeProxy;
  const std::string_view path = own ? std::string_view(own_path) : server.field;
  if (own && !server.kube_proxy.empty() && server.waggle != server.kube_proxy)
    checks.complain(section, path,
                    fmt::format("'{}' contradicts {} '{}': keep one", server.waggle,
                                checks.name(Section::kKubeProxy, server.field), server.kube_proxy));
  const std::string& given = own ? server.waggle : server.kube_proxy;
  const auto port = static_cast<uint16_t>(server.port);
  const auto bind = ListenAddress::parse(given.empty() ? standard : given, port);
  if (!bind.has_value())
    checks.complain(
        section, path,
        fmt::format("'{}' is no address to listen on; write it as {}", given, ipv6 ? "[::]:10256" : "0.0.0.0:10256"));
  return server.enabled ? bind : std::nullopt;
}

void take_servers(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options) {
  const KubeProxyConfig& config = configuration.kube_proxy;
  const WaggleConfig& own = configuration.waggle;
  const CommandLineOnly& flags = configuration.command_line;
  const auto is_port = [](int32_t port) { return port >= 0 && port <= 65535; };
  if (!is_port(flags.healthz_port)) checks.complain("--healthz-port must be a port, or 0 for no server");
  if (!is_port(flags.metrics_port) || flags.metrics_port == 0)
    checks.complain("--metrics-port must be a port from 1 to 65535");
  if (checks.complaint().has_value()) return;
  const auto address = IpAddress::parse(config.bind_address);
  const bool ipv6 = address.has_value() && address->family == Family::kIpv6;
  options.servers.healthz = bind_of({.name = "healthz",
                                     .field = "healthzBindAddress",
                                     .enabled = own.healthz_enabled && flags.healthz_port != 0,
                                     .waggle = own.healthz_bind_address,
                                     .kube_proxy = config.healthz_bind_address,
                                     .port = flags.healthz_port == 0 ? 10256 : flags.healthz_port},
                                    ipv6, ipv6 ? "::" : "0.0.0.0", checks);
  options.servers.metrics = bind_of({.name = "metrics",
                                     .field = "metricsBindAddress",
                                     .enabled = own.metrics_enabled,
                                     .waggle = own.metrics_bind_address,
                                     .kube_proxy = config.metrics_bind_address,
                                     .port = flags.metrics_port},
                                    ipv6, ipv6 ? "::1" : "127.0.0.1", checks);
  const auto& servers = options.servers;
  if (servers.healthz.has_value() && servers.healthz == servers.metrics)
    checks.complain(fmt::format("healthz and metrics cannot both listen on {}: give them different ports",
                                servers.healthz->text()));
}

// --- what is to be done ---

void take_action(const CommandLineOnly& flags, ConfigChecks& checks, AgentOptions& options) {
  options.config_file = flags.config;
  options.write_config_to = flags.write_config_to;
  int asked = 0;
  const auto ask = [&](bool given, AgentAction action) {
    if (!given) return;
    options.action = action;
    ++asked;
  };
  ask(!flags.write_config_to.empty(), AgentAction::kWriteConfig);
  ask(flags.cleanup, AgentAction::kCleanup);
  ask(flags.init_only, AgentAction::kInitOnly);
  if (asked > 1) checks.complain("--write-config-to, --cleanup and --init-only exclude each other: give one");
  if (!options.manifests.empty() && !flags.master.empty())
    checks.complain("--master and a directory of manifests exclude each other: objects come from one place");
}

}  // namespace

std::optional<ListenAddress> ListenAddress::parse(std::string_view text, uint16_t default_port) {
  if (const auto address = IpAddress::parse(text)) return ListenAddress{*address, default_port};
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  std::string_view host = text.substr(0, has_port ? colon : text.size());
  uint16_t port = default_port;
  if (has_port) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  }
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const bool fits = address.has_value() && brackets == (address->family == Family::kIpv6);
  return fits ? std::optional(ListenAddress{*address, port}) : std::nullopt;
}

Result<AgentOptions> agent_options(const Configuration& configuration, const std::string& host_name) {
  AgentOptions options;
  ConfigChecks checks(configuration);
  take_kube_proxy(configuration, checks, options);
  take_waggle(configuration, checks, options);
  take_addresses(configuration, checks, options);
  take_servers(configuration, checks, options);
  take_node_name(configuration, host_name, checks, options);
  take_action(configuration.command_line, checks, options);
  if (checks.complaint().has_value()) return failure(*checks.complaint());
  return options;
}

}  // namespace waggle
