// SPDX-License-Identifier: Apache-2.0
// Topology hints of one endpoint: names, mostly none. One pointer, because a cluster has a hundred thousand endpoints.
// A plain value; part of Endpoint.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waggle {

class HintList {
 public:
  using Names = std::vector<std::string>;

  HintList() = default;
  HintList(Names names) : names_(names.empty() ? nullptr : std::make_unique<Names>(std::move(names))) {}  // NOLINT
  HintList(std::initializer_list<std::string> names) : HintList(Names(names)) {}
  HintList(const HintList& other) : HintList(other.names()) {}
  HintList(HintList&&) noexcept = default;
  HintList& operator=(const HintList& other) {
    if (this != &other) *this = HintList(other);
    return *this;
  }
  HintList& operator=(HintList&&) noexcept = default;
  ~HintList() = default;

  [[nodiscard]] bool empty() const { return names_ == nullptr; }
  [[nodiscard]] const Names& names() const {
    static const Names kNone;
    return names_ == nullptr ? kNone : *names_;
  }
  [[nodiscard]] bool contains(std::string_view name) const {
    return std::find(names().begin(), names().end(), name) != names().end();
  }
  void add(std::string_view name) {
    if (names_ == nullptr) names_ = std::make_unique<Names>();
    names_->emplace_back(name);
  }
  bool operator==(const HintList& other) const { return names() == other.names(); }

 private:
  std::unique_ptr<Names> names_;  // none, or at least one
};

}  // namespace waggle
