// SPDX-License-Identifier: Apache-2.0
// The path and query of a list or watch. Used by the reflectors; pure.
#pragma once

#include <string>
#include <string_view>

namespace waggle {

class KubeTarget {
 public:
  explicit KubeTarget(std::string_view path) : text_(path) {}
  // Adds a parameter; the value is escaped. Empty values are left out.
  KubeTarget& with(std::string_view name, std::string_view value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool first_ = true;
};

}  // namespace waggle
