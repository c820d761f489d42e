// SPDX-License-Identifier: Apache-2.0
// A few names out of many, for sentences whose length must not grow with the cluster. Used by what the daemon tells.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <string>
#include <vector>

namespace waggle {

// "a, b" or "a, b, c and 7 more". `name_of`: the text of one element.
template <typename Names, typename NameOf>
std::string some_names(const Names& names, size_t most, NameOf name_of) {
  std::vector<std::string> shown;
  for (auto name = names.begin(); name != names.end() && shown.size() < most; ++name)
    shown.emplace_back(std::invoke(name_of, *name));
  const size_t left = names.size() - shown.size();
  return fmt::format("{}{}", fmt::join(shown, ", "), left > 0 ? fmt::format(" and {} more", left) : "");
}

}  // namespace waggle
