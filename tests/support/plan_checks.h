// SPDX-License-Identifier: Apache-2.0
// What must hold for the planner's tables at every moment, and what a client would meet at each frontend: for the
// planner's tests, which look after every single write.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/state.h"
#include "plan/planner.h"

namespace waggle {

// What a packet to one frontend meets.
struct FrontendPicture {
  std::string service;  // "default/web:http"
  Family family = Family::kIpv4;
  bool external = false;
  bool node_port = false;
  bool filtered = false;
  uint32_t flags = 0;  // of the service
  uint32_t affinity_timeout_s = 0;
  std::string cluster_set;  // "10.0.0.1:80 10.0.0.2:80"
  std::string local_set;
  std::string backends;       // all that serve, with their state
  std::vector<Cidr> sources;  // that may open flows, if it is filtered

  bool operator==(const FrontendPicture&) const = default;
  // "pick from ...", "drop" or "reject"
  [[nodiscard]] std::string decision() const;
  [[nodiscard]] bool admits(const IpAddress& source) const;
};

struct AffinityPicture {
  uint32_t timeout_s = 0;
  uint32_t epoch = 0;
};

struct Picture {
  std::map<std::string, FrontendPicture> frontends;                 // LIVE ones, by "address:port/protocol"
  std::map<std::string, std::pair<std::string, std::string>> sets;  // cluster and local set, by service and family
  std::map<std::string, AffinityPicture> affinity;                  // by service and family
  std::map<std::string, std::string> any_ports;  // "10.96.0.1:*" -> "default/web", if nobody doubts it

  [[nodiscard]] const FrontendPicture& at(const std::string& frontend) const { return frontends.at(frontend); }
  [[nodiscard]] bool empty() const { return frontends.empty(); }
  [[nodiscard]] size_t size() const { return frontends.size(); }
};

Picture picture_of(TableStore& store);
std::string text_of(const Picture& picture);

// Sentences about what does not hold; empty if all does.
std::vector<std::string> broken_invariants(TableStore& store, const TableSizes& sizes, const wg_hash_key& key);

// The same for what must hold between plans, when nothing found a table full.
std::vector<std::string> loose_ends(TableStore& store, const State& state);

// What a client must not meet on the way from one picture to the next.
std::vector<std::string> wrong_between(const Picture& before, const Picture& now, const Picture& after);

}  // namespace waggle
