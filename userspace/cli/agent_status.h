// SPDX-License-Identifier: Apache-2.0
// What the agent says about itself in RUN_DIR/status.json. Read by `waggle status`; written by the daemon. Every field
// may be missing: the file can be of another version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waggle::cli {

struct AgentStatus {
  int pid = 0;
  bool ended = false;  // its last words
  std::string version{};
  std::string node{};
  std::string source{};  // where the objects come from
  std::optional<uint64_t> started_unix_s{};
  std::optional<uint64_t> applied_unix_s{};  // last time something was written to the tables
  std::optional<uint64_t> netns_cookie{};    // of the network namespace it is in
  std::optional<bool> synced{};
  std::optional<uint64_t> services{};
  std::optional<uint64_t> pending_writes{};
  std::vector<std::string> pending{};   // what waits and why
  std::vector<std::string> problems{};  // what is wrong
  std::vector<std::string> notices{};   // what services do not get, and fallbacks of links, "eth0: ..."
  std::string sock_lb_tcp{};            // "all", "host", "off"
  std::string sock_lb_udp{};
};

Result<AgentStatus> parse_agent_status(const std::string& text);

// None if there is no file.
Result<std::optional<AgentStatus>> read_agent_status(const std::filesystem::path& run_dir);

bool process_alive(int pid);

// Whether the process that is `seen` here knows itself as `written`: in a container it has another pid than outside.
// Also true where nobody can tell.
bool same_process(int seen, int written);
// The same, from the text of /proc/SEEN/status.
bool knows_itself_as(const std::string& proc_status, int pid);

}  // namespace waggle::cli
