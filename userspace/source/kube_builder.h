// SPDX-License-Identifier: Apache-2.0
// What the builders of the four kinds share: notes of what is wrong, and the reading of single values. For
// kube_build*.cc only.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/kube_build.h"

namespace waggle {

// Where a value is: "spec.ports[].port" and the number that goes into the brackets.
struct FieldPlace {
  std::string_view path;
  size_t index = 0;

  [[nodiscard]] std::string text() const;
};

// Collects what is wrong with one object. An error refuses it, and the first is the one that is said.
class BuildNotes {
 public:
  void error(FieldPlace place, std::string_view what);
  void remark(FieldPlace place, std::string_view what);
  void error(const FieldProblem& problem);
  // Builds a part that the object can do without, and answers whether nothing was wrong with it. What was wrong becomes
  // remarks: whoever calls leaves the part out, and the rest of the object counts.
  template <typename Build>
  [[nodiscard]] bool part(const Build& build) {
    const bool outer = std::exchange(in_part_, true);
    const size_t before = part_errors_;
    build();
    in_part_ = outer;
    return part_errors_ == before;
  }
  // The same for the entries of a list, of which one alone is no part but all there is.
  template <typename Build>
  [[nodiscard]] bool part_of(size_t entries, const Build& build) {
    if (entries > 1) return part(build);
    build();
    return true;
  }
  [[nodiscard]] bool refused() const { return refused_; }
  [[nodiscard]] std::vector<std::string> sentences(const std::string& label) const;

 private:
  bool refused_ = false;
  bool in_part_ = false;
  size_t part_errors_ = 0;
  std::vector<FieldProblem> found_;
};

// 1 to 65535, or from 0 where 0 means none; 0 after an error.
uint16_t build_port(int64_t given, uint16_t lowest, FieldPlace place, BuildNotes& notes);
// A port's name; "" after an error.
std::string_view build_port_name(std::string_view given, FieldPlace place, BuildNotes& notes);
// Nothing for a protocol that is newer than Waggle; TCP where none is given.
std::optional<Protocol> build_protocol(std::string_view given, FieldPlace place, BuildNotes& notes);
std::optional<IpAddress> build_address(std::string_view given, FieldPlace place, BuildNotes& notes);
// The same where what cannot be used is left out.
std::optional<IpAddress> address_or_remark(std::string_view given, FieldPlace place, BuildNotes& notes);
std::optional<Cidr> build_cidr(std::string_view given, FieldPlace place, BuildNotes& notes);

// Nothing where the object is valid but not for Waggle; what it answers counts only without errors.
std::optional<Event> build_service(const ObjectView& view, const ObjectName& name, BuildNotes& notes);
std::optional<Event> build_endpoint_slice(const ObjectView& view, const ObjectName& name, BuildNotes& notes);
std::optional<Event> build_node(const ObjectView& view, const ObjectName& name, BuildNotes& notes);
std::optional<Event> build_service_cidr(const ObjectView& view, const ObjectName& name, BuildNotes& notes);

}  // namespace waggle
