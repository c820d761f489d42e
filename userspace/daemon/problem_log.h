// SPDX-License-Identifier: Apache-2.0
// Logs each standing complaint once when it comes and once when it is gone, be it solved or
// another one instead. Owned by the agent, which hands it the
// complaints of all its parts whenever they may have changed.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"

namespace waggle {

class ProblemLog {
 public:
  void update(std::vector<std::string> standing) {
    for (const std::string& problem : standing) {
      if (std::ranges::find(standing_, problem) == standing_.end()) spdlog::warn("{}", problem);
    }
    for (const std::string& problem : standing_) {
      if (std::ranges::find(standing, problem) == standing.end()) spdlog::info("no longer: {}", problem);
    }
    standing_ = std::move(standing);
  }
  [[nodiscard]] const std::vector<std::string>& standing() const { return standing_; }

 private:
  std::vector<std::string> standing_;
};

}  // namespace waggle
