// SPDX-License-Identifier: Apache-2.0
// One node in a network namespace of this process: the test API server with generated objects, the agent that reads it,
// and a view of its tables. Made by main, once; everything ends with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "control_plane/agent_process.h"
#include "control_plane/options.h"
#include "control_plane/table_watch.h"
#include "support/api_server.h"

namespace waggle {

// Moments of the first lists, CLOCK_MONOTONIC.
struct FirstSync {
  int64_t listed_ns = 0;     // the server's kernel had the last byte of the last list
  int64_t published_ns = 0;  // all frontends were live, which are written last
  uint64_t cpu_ns = 0;       // of the agent until then
};

// Of changes one after another.
struct Changes {
  std::vector<int64_t> from_server_ns;  // from the change in the server to the published word
  std::vector<int64_t> from_wire_ns;    // from when the server began to send it
  double seconds = 0;                   // from the first change to the last
  uint64_t cpu_ns = 0;                  // of the agent meanwhile
};

class Rig {
 public:
  static Result<std::unique_ptr<Rig>> make(const Options& options);
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig();

  // Starts the agent. Once, first of all.
  Result<FirstSync> sync();
  Result<Changes> change(uint32_t count, uint32_t rate);

  [[nodiscard]] const AgentProcess& agent() const { return *agent_; }
  [[nodiscard]] const TableWatch& tables() const { return *tables_; }

 private:
  Rig(const Options& options, std::filesystem::path folder, std::filesystem::path bpf_root)
      : options_(options), folder_(std::move(folder)), bpf_root_(std::move(bpf_root)) {}
  Result<void> start_server();
  Result<void> start_agent();
  Result<void> open_tables();
  Result<void> find_services();
  Result<std::vector<int64_t>> observe(uint32_t count);

  const Options& options_;
  std::filesystem::path folder_;
  std::filesystem::path bpf_root_;
  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<AgentProcess> agent_;
  std::unique_ptr<TableWatch> tables_;
  std::vector<uint32_t> order_;  // indexes of the services in the order in which the server changes their slices
};

}  // namespace waggle
