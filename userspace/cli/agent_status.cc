// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_status.h"

#include <fmt/format.h>
#include <signal.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>

namespace waggle::cli {
namespace {

// A field of another type than expected counts as missing.
template <typename T>
std::optional<T> scalar(const YAML::Node& object, const char* key) {
  const YAML::Node node = object[key];
  if (!node || !node.IsScalar()) return std::nullopt;
  T value{};
  return YAML::convert<T>::decode(node, value) ? std::optional<T>(value) : std::nullopt;
}

std::vector<std::string> texts(const YAML::Node& object, const char* key) {
  std::vector<std::string> found;
  const YAML::Node node = object[key];
  if (!node || !node.IsSequence()) return found;
  for (const YAML::Node& item : node)
    if (item.IsScalar()) found.push_back(item.Scalar());
  return found;
}

std::vector<std::string> notices(const YAML::Node& object) {
  std::vector<std::string> found = texts(object, "notices");
  const YAML::Node links = object["links"];
  if (!links || !links.IsSequence()) return found;
  for (const YAML::Node& link : links) {
    if (!link.IsMap()) continue;
    const std::string name = scalar<std::string>(link, "interface").value_or("?");
    for (const std::string& notice : texts(link, "notices")) found.push_back(fmt::format("{}: {}", name, notice));
  }
  return found;
}

YAML::Node inner(const YAML::Node& object, const char* key) {
  const YAML::Node node = object[key];
  return node && node.IsMap() ? node : YAML::Node(YAML::NodeType::Map);
}

AgentStatus decode(const YAML::Node& object) {
  const YAML::Node socket_lb = inner(object, "socket_lb");
  return {.pid = scalar<int>(object, "pid").value_or(0),
          .ended = !scalar<bool>(object, "running").value_or(true),
          .version = scalar<std::string>(object, "version").value_or(""),
          .node = scalar<std::string>(object, "node").value_or(""),
          .source = scalar<std::string>(object, "source").value_or(""),
          .started_unix_s = scalar<uint64_t>(object, "started_unix_s"),
          .applied_unix_s = scalar<uint64_t>(inner(object, "last_apply"), "at_unix_s"),
          .netns_cookie = scalar<uint64_t>(object, "netns_cookie"),
          .synced = scalar<bool>(object, "synced"),
          .services = scalar<uint64_t>(object, "services"),
          .pending_writes = scalar<uint64_t>(object, "pending_writes"),
          .pending = texts(object, "pending"),
          .problems = texts(object, "problems"),
          .notices = notices(object),
          .sock_lb_tcp = scalar<std::string>(socket_lb, "tcp").value_or(""),
          .sock_lb_udp = scalar<std::string>(socket_lb, "udp").value_or("")};
}

}  // namespace

Result<AgentStatus> parse_agent_status(const std::string& text) {
  try {
    const YAML::Node object = YAML::Load(text);
    if (!object.IsMap()) return failure("not a JSON object");
    return decode(object);
  } catch (const std::exception& wrong) {
    return failure(wrong.what());
  }
}

Result<std::optional<AgentStatus>> read_agent_status(const std::filesystem::path& run_dir) {
  const std::filesystem::path path = run_dir / "status.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return failure(fmt::format("cannot read the agent's status {}", path.string()));
  auto status = parse_agent_status(text.str());
  if (!status) return tl::unexpected(std::move(status.error()).in(fmt::format("the agent's status {}", path.string())));
  return std::optional(std::move(*status));
}

bool process_alive(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

// "NSpid:" lists its pid in every namespace it is in, the innermost last.
bool knows_itself_as(const std::string& proc_status, int pid) {
  constexpr std::string_view kKey = "NSpid:";
  const size_t at = proc_status.find(kKey);
  if (at == std::string::npos) return true;
  std::istringstream line(proc_status.substr(at + kKey.size(), proc_status.find('\n', at) - at - kKey.size()));
  const std::vector<int> pids{std::istream_iterator<int>(line), {}};
  return std::ranges::find(pids, pid) != pids.end();
}

bool same_process(int seen, int written) {
  if (seen == written) return true;
  const std::ifstream file(fmt::format("/proc/{}/status", seen));
  std::ostringstream text;
  text << file.rdbuf();
  return knows_itself_as(text.str(), written);
}

}  // namespace waggle::cli
