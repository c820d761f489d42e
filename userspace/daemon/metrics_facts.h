// SPDX-License-Identifier: Apache-2.0
// What the metrics page shows of the agent's own parts, gathered when a scraper asks. Pure but for reading counters
// through the KernelEdge. Called by the Agent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/kernel_edge.h"
#include "daemon/link_keeper.h"
#include "daemon/reconciler.h"
#include "daemon/status_file.h"
#include "server/metrics_input.h"

namespace waggle {

struct MetricsFacts {
  const Reconciler& reconciler;
  const LinkKeeper& links;
  KernelEdge& kernel;
  const std::optional<SweepRecord>& last_sweep;
  const std::array<uint64_t, kFlowTables>& expired;  // by sweeps since the agent's start
  size_t problems = 0;
  bool source_connected = false;
};

MetricsInput collect_metrics(const MetricsFacts& facts);

// Endpoints times ports, of services that exist.
size_t backend_count(const State& state);

}  // namespace waggle
