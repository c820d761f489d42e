// SPDX-License-Identifier: Apache-2.0
// The agent under measurement: `waggle agent` as a child, and what the kernel says of the CPU and memory it takes.
// Ended by the destructor. Owned by the benchmark's main; for one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace waggle {

struct AgentMemory {
  uint64_t resident_kb = 0;  // without the maps
  uint64_t maps_kb = 0;      // pages of maps that were mapped at that moment
  uint64_t peak_kb = 0;      // of all, since the start
};

class AgentProcess {
 public:
  // Its messages go to `log`.
  static Result<std::unique_ptr<AgentProcess>> start(std::vector<std::string> arguments,
                                                     const std::filesystem::path& log);
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;
  ~AgentProcess();

  // On any CPU, by all of its threads, since its start. Nanoseconds.
  [[nodiscard]] Result<uint64_t> cpu_ns() const;
  [[nodiscard]] Result<AgentMemory> memory() const;
  // Fails, with the last lines of its log, when it has ended.
  [[nodiscard]] Result<void> lives() const;

 private:
  AgentProcess(pid_t pid, std::filesystem::path log) : pid_(pid), log_(std::move(log)) {}

  pid_t pid_;
  std::filesystem::path log_;
};

}  // namespace waggle
