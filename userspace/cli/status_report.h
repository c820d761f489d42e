// SPDX-License-Identifier: Apache-2.0
// `waggle status` as a document. Pure: status_command.cc gathers the facts, tests make them up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/agent_status.h"
#include "cli/interface_names.h"
#include "cli/output.h"
#include "cli/usage.h"
#include "waggle/abi/settings.h"

namespace waggle::cli {

struct AgentFacts {
  std::optional<AgentStatus> status{};  // what it last wrote, if anything
  bool running = false;
  bool starting = false;  // it runs, and the status that is there is not its own yet
  int pid = 0;            // of the running one; 0: not known
  uint64_t now_unix_s = 0;
  std::string run_dir{};
};

// `holder`: who holds the lock on the tables, which says whether an agent runs (0: nobody; negative: not known who);
// none: there are no tables, and the pid that was written must do.
AgentFacts agent_facts(std::optional<AgentStatus> written, std::optional<int> holder);

struct TableFacts {
  wg_meta meta{};
  wg_control control{};
  std::vector<FlowCount> flows{};
  std::vector<TableUsage> usage{};
  std::vector<uint64_t> reasons{};  // index: reason * WG_HOOK_COUNT + hook
  std::vector<AttachedLink> links{};
  InterfaceNames names{std::nullopt};
  bool cgroup_attached = false;
};

// `tables`: none if nothing is pinned.
Document status_document(const AgentFacts& agent, const TableFacts* tables);

// What an operator should act on, a sentence each.
std::vector<std::string> status_warnings(const TableFacts& tables);

}  // namespace waggle::cli
