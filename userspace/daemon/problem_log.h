// SPDX-License-Identifier: Apache-2.0
// Logs each standing complaint once when it comes and once when it is gone, be it solved or another one instead. That
// the line of a manifest changes makes no other complaint. Owned by the agent, which hands it the complaints of all its
// parts whenever they may have changed.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "source/complaint_key.h"

namespace waggle {

class ProblemLog {
 public:
  void update(std::vector<std::string> standing) {
    if (standing == standing_) return;
    for (const std::string& problem : new_complaints(standing_, standing)) spdlog::warn("{}", problem);
    for (const std::string& problem : new_complaints(standing, standing_)) spdlog::info("no longer: {}", problem);
    standing_ = std::move(standing);
  }
  [[nodiscard]] const std::vector<std::string>& standing() const { return standing_; }

 private:
  std::vector<std::string> standing_;
};

}  // namespace waggle
