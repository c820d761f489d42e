// SPDX-License-Identifier: Apache-2.0
// The process_* metrics of every Prometheus client, from /proc/self. Read by the metrics page at each scrape.
#pragma once

#include <optional>
#include <string>

#include "server/metrics_text.h"

namespace waggle {

struct ProcessFacts {
  double cpu_seconds = 0;
  double start_time_s = 0;  // Unix time
  uint64_t virtual_bytes = 0;
  uint64_t resident_bytes = 0;
  uint64_t open_fds = 0;
  double max_fds = 0;            // infinite: no limit
  double max_virtual_bytes = 0;  // infinite: no limit

  bool operator==(const ProcessFacts&) const = default;
};

// None where there is no such file system.
std::optional<ProcessFacts> read_process_facts(const std::string& proc = "/proc");

void write_process_metrics(MetricsText& text, const ProcessFacts& facts);

}  // namespace waggle
