// SPDX-License-Identifier: Apache-2.0
// The body of /metrics, in pieces: first everything whose size does not depend on the cluster, then the services' rows
// a few hundred at a time, so that a scrape of 10,000 services neither stops the agent's loop nor fills its memory.
#pragma once

#include <memory>
#include <string>

#include "server/http_connections.h"
#include "server/http_server.h"
#include "server/metrics_input.h"
#include "server/sync_metrics.h"

namespace waggle {

struct BuildFacts {
  std::string version;   // "0.1.0"
  std::string compiler;  // what the compiler calls itself
  std::string platform;  // "linux/amd64"
};

struct PageFacts {
  const BuildFacts& build;
  const SyncMetrics& sync;
  SyncMetrics::Now sync_now;
  const MetricsInput& input;
  HttpRefusals refusals;
  size_t health_check_listeners = 0;
};

// Everything but the process and the services' rows.
std::string metrics_head(const PageFacts& facts);

// The rows of input->traffic, about 64 KiB a call.
HttpBodySource traffic_rows(std::shared_ptr<const MetricsInput> input);

}  // namespace waggle
