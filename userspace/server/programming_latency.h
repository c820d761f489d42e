// SPDX-License-Identifier: Apache-2.0
// When endpoint changes were made, as EndpointSlices say it in their last-change-trigger-time, until the tables show
// them (contract I-53). Owned by Servers.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "model/objects.h"
#include "server/moment.h"

namespace waggle {

class ProgrammingLatency {
 public:
  // Changes older than the agent's start say nothing about it.
  explicit ProgrammingLatency(SystemTime started) : started_(started) {}

  // Absent, malformed and old trigger times are left out.
  void changed(const ObjectName& service, Family family, std::string_view trigger_time);
  // A slice of the service went: its waiting times mean nothing any more.
  void forget(const ObjectName& service);

  struct Observation {
    Family family;
    double seconds;
  };
  // The tables show everything that was told: answers how long each change took and forgets them.
  std::vector<Observation> programmed(SystemTime now);

 private:
  struct Waiting {
    Family family;
    SystemTime since;
  };
  SystemTime started_;
  std::map<ObjectName, std::vector<Waiting>> waiting_;
  size_t count_ = 0;
};

}  // namespace waggle
