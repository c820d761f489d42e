// SPDX-License-Identifier: Apache-2.0
#include "daemon/agent_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>

#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/options.h"
#include "daemon/startup.h"

namespace waggle {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

Result<void> run_agent(const AgentOptions& options) {
  const std::string source =
      options.manifests.empty() ? "the Kubernetes API" : "manifests in " + options.manifests.string();
  spdlog::info("waggle {} for node {}, {}", WAGGLE_VERSION, options.node_name, source);
  for (const std::string& notice : options.notices) spdlog::warn("{}", notice);
  auto parts = open_parts(options);
  if (!parts) return tl::unexpected(parts.error());
  Agent agent(options, std::move(*parts));
  if (auto started = agent.start(); !started) return started;
  return agent.run();
}

Result<void> write_config(const AgentOptions& options) {
  const std::string path = options.write_config_to.string();
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << options.effective_config;
  file.close();
  if (!file)
    return failure(fmt::format("--write-config-to {}: cannot be written: {}", path, std::strerror(errno)), errno);
  for (const std::string& notice : options.notices) spdlog::warn("{}", notice);
  spdlog::info("wrote the configuration to {}", path);
  return {};
}

Result<void> act(const AgentOptions& options) {
  if (auto started = start_log(options.log_level); !started) return started;
  switch (options.action) {
    case AgentAction::kHelp:
      fmt::print("{}", agent_help());
      return {};
    case AgentAction::kVersion:
      fmt::print("waggle {}\n", WAGGLE_VERSION);
      return {};
    case AgentAction::kWriteConfig:
      return write_config(options);
    case AgentAction::kCleanup:
      return clean_up_node(options);
    case AgentAction::kInitOnly:
      return init_node(options);
    case AgentAction::kRun:
      break;
  }
  return run_agent(options);
}

}  // namespace

int agent_command(std::span<char* const> arguments) {
  const auto options = parse_agent_options(arguments);
  if (!options) {
    fmt::print(stderr, "waggle agent: {} (see 'waggle agent --help')\n", options.error().message);
    return kUsage;
  }
  try {
    const auto done = act(*options);
    if (done) return kDone;
    fmt::print(stderr, "waggle agent: {}\n", done.error().message);
  } catch (const std::exception& error) {  // of a library: out of memory and the like
    fmt::print(stderr, "waggle agent: {}\n", error.what());
  }
  return kFailed;
}

}  // namespace waggle
