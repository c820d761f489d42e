// SPDX-License-Identifier: Apache-2.0
// What the metrics page shows beside what the servers count themselves. The daemon fills it when a scraper asks, at
// most once a second; plain values, so that server/ knows no maps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"

namespace waggle {

// One service port in one family; counts since the tables were made.
struct ServiceTraffic {
  std::string name_space;
  std::string name;
  std::string port;  // its name; "" if it has none
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
  uint64_t request_packets = 0;
  uint64_t request_bytes = 0;
  uint64_t reply_packets = 0;
  uint64_t reply_bytes = 0;
  uint64_t new_flows = 0;
};

struct FlowFacts {
  Family family = Family::kIpv4;
  uint64_t live = 0;
  uint64_t slots = 0;
  uint64_t snat_live = 0;
  uint64_t snat_slots = 0;
  uint64_t expired = 0;  // freed by sweeps, since the agent's start
};

struct TableFacts {
  std::string table;
  uint64_t used = 0;
  uint64_t capacity = 0;
};

struct ReasonFacts {
  std::string hook;    // "tc", "xdp", "socket"
  std::string reason;  // "no-endpoints"
  uint64_t count = 0;  // since the tables were made
};

struct LinkCount {
  std::string program;  // "tc", "xdp", "cgroup"
  std::string role;     // "uplink", "pod", "" for what has none
  uint64_t attached = 0;
};

struct MetricsInput {
  uint64_t services = 0;
  uint64_t backends = 0;
  uint64_t pending_writes = 0;
  uint64_t problems = 0;  // standing complaints, see `waggle status`
  bool source_connected = false;
  uint64_t flows_evicted_live = 0;  // since the tables were made, both families
  uint64_t flows_spilled_total = 0;
  uint64_t flows_in_spill_table = 0;
  uint64_t drift_repairs = 0;
  std::vector<FlowFacts> flows;
  std::vector<TableFacts> tables;
  std::vector<ReasonFacts> reasons;
  std::vector<LinkCount> links;
  std::vector<ServiceTraffic> traffic;
};

}  // namespace waggle
