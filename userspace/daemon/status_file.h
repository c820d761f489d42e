// SPDX-License-Identifier: Apache-2.0
// What the agent says about itself, and the file it says it in: RUN_DIR/status.json, read by `waggle status`. Owned by
// the agent. The file is replaced as a whole, so that a reader never sees half of it, and only when something changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/link_keeper.h"
#include "daemon/options.h"
#include "daemon/reconciler.h"
#include "dataplane/flow_sweep.h"

namespace waggle {

struct SweepRecord {
  std::chrono::system_clock::time_point at;
  std::chrono::microseconds took{0};
  SweepResult result;
};

// Everything the status shows, borrowed from its owners.
struct StatusFacts {
  const AgentOptions& options;
  std::chrono::system_clock::time_point started;
  bool running = true;        // false: the agent ended, what it programmed goes on
  uint64_t netns_cookie = 0;  // of the network namespace it is in; 0: not known
  const Reconciler& reconciler;
  const LinkKeeper& links;
  const std::optional<SweepRecord>& last_sweep;
  const std::vector<std::string>& problems;
  const std::vector<std::string>& notices;  // what services do not get
};

// One JSON object; without the time of writing, so that equal facts give equal text.
std::string status_text(const StatusFacts& facts);

class StatusFile {
 public:
  // directory: made if it does not exist.
  explicit StatusFile(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Writes `text` unless it is what was written last.
  Result<void> update(const std::string& text);

 private:
  std::filesystem::path directory_;
  std::string written_;
};

}  // namespace waggle
