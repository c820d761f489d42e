// SPDX-License-Identifier: Apache-2.0
// Complaints of the planner that still hold, by what they are about, and which of them are new. Owned by the planner.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace waggle {

template <typename Subject>
class ProblemList {
 public:
  // What is wrong with `subject` now; nothing: all is well with it.
  void replace(const Subject& subject, std::vector<std::string> problems) {
    if (standing_.empty() && problems.empty()) return;
    std::vector<std::string>& known = standing_[subject];
    for (const std::string& problem : problems) {
      if (std::find(known.begin(), known.end(), problem) == known.end()) news_.push_back(problem);
    }
    known = std::move(problems);
    if (known.empty()) standing_.erase(subject);
  }

  [[nodiscard]] const std::map<Subject, std::vector<std::string>>& standing() const { return standing_; }
  // Problems that came up since the last call.
  std::vector<std::string> take_news() { return std::exchange(news_, {}); }

 private:
  std::map<Subject, std::vector<std::string>> standing_;
  std::vector<std::string> news_;
};

}  // namespace waggle
