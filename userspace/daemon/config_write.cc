// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_write.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "daemon/config_value.h"

namespace waggle {
namespace {

constexpr std::string_view kKubeProxyHead[] = {"kubeproxy.config.k8s.io", "kubeproxy.config.k8s.io/v1alpha1",
                                               "KubeProxyConfiguration"};
constexpr std::string_view kWaggleHead[] = {"waggle.dev", "waggle.dev/v1alpha1", "WaggleConfiguration"};

bool is_written(Configuration& configuration, const Setting& setting) {
  return !std::holds_alternative<Anything*>(setting.place(configuration));
}

std::string_view group_of(std::string_view path) {
  const size_t point = path.find('.');
  return point == std::string_view::npos ? std::string_view() : path.substr(0, point);
}

std::string_view key_of(std::string_view path) { return path.substr(path.find('.') + 1); }

// Fields of a group stand together in the table, and no group has groups of its own.
std::string document_yaml(Configuration& configuration, const std::string_view (&head)[3],
                          std::span<const Setting> settings) {
  std::string text = fmt::format("apiVersion: {}\nkind: {}\n", head[1], head[2]);
  std::string_view group;
  for (const Setting& setting : settings) {
    if (!is_written(configuration, setting)) continue;
    const std::string_view its_group = group_of(setting.path);
    if (!its_group.empty() && its_group != group) text += fmt::format("{}:\n", its_group);
    group = its_group;
    text += fmt::format("{}{}: {}\n", group.empty() ? "" : "  ", key_of(setting.path),
                        value_text(setting.place(configuration)));
  }
  return text;
}

void write_document(JsonWriter& json, Configuration& configuration, const std::string_view (&head)[3],
                    std::span<const Setting> settings) {
  json.key(head[0]).begin_object().field("kind", head[2]).field("apiVersion", head[1]);
  std::string_view group;
  for (const Setting& setting : settings) {
    if (!is_written(configuration, setting)) continue;
    const std::string_view its_group = group_of(setting.path);
    if (its_group != group && !group.empty()) json.end_object();
    if (its_group != group && !its_group.empty()) json.key(its_group).begin_object();
    group = its_group;
    json.key(key_of(setting.path));
    write_value(json, setting.place(configuration));
  }
  if (!group.empty()) json.end_object();
  json.end_object();
}

// Named by someone, and not what it would be anyway.
bool is_changed(Configuration& configuration, Configuration& defaults, const Setting& setting) {
  if (!configuration.said_by.contains(&setting)) return false;
  const ConfigPlace place = setting.place(configuration);
  return std::holds_alternative<Anything*>(place) || value_text(place) != value_text(setting.place(defaults));
}

std::vector<std::string> node_port_texts(const NodePortOptions& options) {
  if (options.accept == NodePortAccept::kNodeAddresses) return {"primary"};
  if (options.accept == NodePortAccept::kEveryAddress) return {"0.0.0.0/0", "::/0"};
  std::vector<std::string> texts;
  for (const Cidr& cidr : options.cidrs) texts.push_back(cidr.text());
  return texts;
}

// What the silence of a KubeProxyConfiguration means depends on whether there is one.
void write_addresses(WaggleConfig& own, const AgentOptions& options) {
  own.node_port_addresses = node_port_texts(options.node_ports);
  own.detect_local_mode = detect_local_name(options.detect_local.mode);
  own.bridge_interface = options.detect_local.bridge_interface;
  own.interface_name_prefix = options.detect_local.interface_name_prefix;
  std::vector<std::string> cidrs;
  for (const Cidr& cidr : options.detect_local.cluster_cidrs) cidrs.push_back(cidr.text());
  own.cluster_cidr = fmt::format("{}", fmt::join(cidrs, ","));
}

// Gates that count; the others are Kubernetes' own.
std::vector<std::string> gates_without_effect(const Gates& gates) {
  std::vector<std::string> names;
  for (const auto& [name, on] : gates) {
    if (name != "AllowServiceExternalIPs") names.push_back("featureGates." + name);
  }
  return names;
}

}  // namespace

Configuration effective(Configuration configuration, const AgentOptions& options) {
  WaggleConfig& own = configuration.waggle;
  KubeProxyConfig& config = configuration.kube_proxy;
  own.node_name = options.node_name;
  own.log_level = options.log_level;
  own.snat_mark.value = options.snat_mark;
  own.healthz_enabled = options.servers.healthz.has_value();
  own.metrics_enabled = options.servers.metrics.has_value();
  own.healthz_bind_address.clear();
  own.metrics_bind_address.clear();
  config.mode = options.servers.proxy_mode;
  write_addresses(own, options);
  if (options.servers.healthz.has_value()) config.healthz_bind_address = options.servers.healthz->text();
  if (options.servers.metrics.has_value()) config.metrics_bind_address = options.servers.metrics->text();
  return configuration;
}

std::string config_yaml(const Configuration& configuration) {
  Configuration copy = configuration;
  return document_yaml(copy, kKubeProxyHead, kube_proxy_settings()) + "---\n" +
         document_yaml(copy, kWaggleHead, waggle_settings());
}

std::string configz_json(const Configuration& configuration) {
  Configuration copy = configuration;
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object();
  write_document(json, copy, kKubeProxyHead, kube_proxy_settings());
  write_document(json, copy, kWaggleHead, waggle_settings());
  json.end_object();
  return json.text();
}

std::vector<std::string> config_notices(const Configuration& configuration) {
  std::vector<std::string> notices = configuration.remarks;
  if (!configuration.ignored_flags.empty())
    notices.push_back(fmt::format("{} of no effect: the KubeProxyConfiguration in {} counts instead",
                                  fmt::join(configuration.ignored_flags, ", "), configuration.command_line.config));
  Configuration copy = configuration;
  Configuration defaults;
  std::vector<std::string> unused = gates_without_effect(configuration.kube_proxy.feature_gates);
  for_each_setting([&](const Setting& setting) {
    if (setting.use != Use::kHonoured && is_changed(copy, defaults, setting))
      unused.emplace_back(setting.path.empty() ? setting.flag : setting.path);
  });
  if (!unused.empty())
    notices.push_back(
        fmt::format("accepted, but without effect in Waggle {}: {}", WAGGLE_VERSION, fmt::join(unused, ", ")));
  return notices;
}

}  // namespace waggle
