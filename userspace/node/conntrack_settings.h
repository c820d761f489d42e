// SPDX-License-Identifier: Apache-2.0
// The kernel's connection tracking, set up as kube-proxy does (contract 3.8). Waggle's own flows need none of it, but
// whatever else runs on the node (the CNI's masquerading, network policy) expects it. Called by the daemon at start.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "node/kernel_settings.h"

namespace waggle {

// 0 and false: leave the kernel's value alone.
struct ConntrackSettings {
  uint32_t max_per_core = 32768;  // connections
  uint32_t min = 131072;          // connections, however few CPUs
  std::chrono::seconds tcp_established{86400};
  std::chrono::seconds tcp_close_wait{3600};
  std::chrono::seconds udp{0};
  std::chrono::seconds udp_stream{0};
  bool tcp_be_liberal = false;

  bool operator==(const ConntrackSettings&) const = default;
};

// 0: leave alone. 1048576 at most, unless `min` is more and the CPUs ask for less than that.
uint32_t wanted_conntrack_max(const ConntrackSettings& settings, unsigned cpus);

struct ConntrackPaths {
  std::string proc_sys = kProcSys;
  std::string module = "/sys/module/nf_conntrack/parameters";
};

// Raises the maximum (it never lowers it) and the hash table with it, and sets the timeouts that differ. Answers what
// could not be set because this process may not (read-only /proc/sys, a network namespace of its own) or because
// the kernel has no connection tracking; any other failure is an error.
Result<std::vector<std::string>> apply_conntrack(const ConntrackSettings& settings, unsigned cpus,
                                                 const ConntrackPaths& paths = {});

unsigned online_cpus();

}  // namespace waggle
