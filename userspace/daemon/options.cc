// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <sstream>

#include "daemon/config_check.h"
#include "daemon/config_file.h"
#include "daemon/config_write.h"
#include "daemon/node_ports.h"
#include "daemon/options_flags.h"

namespace waggle {
namespace {

constexpr std::streamsize kLongestFile = 1 << 20;  // bytes; the largest ConfigMap there can be

Result<std::string> read_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(kLongestFile) + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return failure(fmt::format("--config {}: cannot be read: {}", path.string(), std::strerror(errno)), errno);
  if (file.gcount() > kLongestFile)
    return failure(fmt::format("--config {}: is longer than 1 MiB, so it is no configuration", path.string()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Result<Configuration> read_configuration(const GivenFlags& flags, const ParseSurroundings& surroundings) {
  Configuration configuration;
  if (auto read = apply_flags(configuration, flags, command_line_settings()); !read)
    return tl::unexpected(read.error());
  const std::string& file = configuration.command_line.config;
  if (!file.empty()) {
    const auto text = surroundings.read_file(file);
    if (!text) return tl::unexpected(text.error());
    if (auto read = read_config_text(configuration, *text, file); !read) return tl::unexpected(read.error());
  }
  for (const auto settings : {kube_proxy_settings(), waggle_settings()}) {
    if (auto read = apply_flags(configuration, flags, settings); !read) return tl::unexpected(read.error());
  }
  return configuration;
}

AgentOptions only(AgentAction action) {
  AgentOptions options;
  options.action = action;
  return options;
}

}  // namespace

ParseSurroundings real_surroundings() { return {.read_file = read_file, .host_name = host_name}; }

Result<AgentOptions> parse_agent_options(std::span<char* const> arguments, const ParseSurroundings& surroundings) {
  const auto flags = read_command_line(arguments);
  if (!flags) return tl::unexpected(flags.error());
  if (flags->contains("help")) return only(AgentAction::kHelp);
  if (flags->contains("version")) return only(AgentAction::kVersion);
  const auto configuration = read_configuration(*flags, surroundings);
  if (!configuration) return tl::unexpected(configuration.error());
  auto options = agent_options(*configuration, surroundings.host_name());
  if (!options) return options;
  const Configuration whole = effective(*configuration, *options);
  options->config_text = configuration->file_text;
  options->effective_config = config_yaml(whole);
  options->servers.configz = configz_json(whole);
  options->notices = config_notices(*configuration);
  if (auto notice = loopback_notice(options->node_ports); !notice.empty())
    options->notices.push_back(std::move(notice));
  return options;
}

std::string agent_help() {
  return "waggle agent: programs the kernel's service tables of this node and keeps them so until SIGTERM.\n"
         "What it programmed keeps working when it ends; `waggle cleanup` removes it.\n\n"
         "Usage: waggle agent --config FILE [--hostname-override NAME]\n"
         "       waggle agent --manifests DIR --node-name NAME --devices eth0 --pod-interfaces 'cali*'\n\n" +
         flags_help();
}

DataplaneConfig dataplane_config(const AgentOptions& options) {
  DataplaneConfig config;
  config.bpf_root = options.bpf_root;
  config.node_name = options.node_name;
  config.sizes = default_sizes(total_memory_bytes());
  if (options.flow_slots != 0) {
    // The same proportions as default_sizes().
    config.sizes.flow_slots4 = options.flow_slots;
    config.sizes.flow_slots6 = options.flow_slots / 2;
    config.sizes.snat_slots4 = options.flow_slots / 4;
    config.sizes.snat_slots6 = options.flow_slots / 8;
  }
  config.snat_port_min = options.snat_ports.first;
  config.snat_ports = options.snat_ports.last - options.snat_ports.first + 1u;
  config.snat_mark = options.snat_mark;
  config.sock_lb_tcp = options.sock_lb_tcp;
  config.sock_lb_udp = options.sock_lb_udp;
  config.tc_attach = options.tc_attach;
  config.policy = options.policy;
  return config;
}

}  // namespace waggle
