// SPDX-License-Identifier: Apache-2.0
// Reads the fields of one object and notes what is wrong with them, with line and path. Made by the decoders, a value
// of their own; Findings is theirs, too, and outlives every Field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "source/tree.h"

namespace waggle {

struct Finding {
  int line = 1;
  std::string path;  // "spec.ports[0].port"
  std::string what;

  bool operator==(const Finding&) const = default;
};

struct Findings {
  std::vector<Finding> errors;   // refuse the object
  std::vector<Finding> remarks;  // the object is taken; mostly without what they name
};

// A place in the tree, perhaps empty: null and absent are the same, as for the API server. Every reader answers
// "nothing" for an empty place, and notes an error for a value of the wrong type.
class Field {
 public:
  Field(const Value& root, Findings& findings) : value_(&root), line_(root.line), findings_(&findings) {}

  [[nodiscard]] bool present() const { return value_ != nullptr && value_->kind != Value::Kind::kNull; }
  [[nodiscard]] Field at(std::string_view key) const;
  [[nodiscard]] std::vector<Field> items() const;

  [[nodiscard]] std::optional<std::string> text() const;
  [[nodiscard]] std::string text_or_empty() const { return text().value_or(""); }
  // One of these words; the first when there is none (or an empty one) or another.
  [[nodiscard]] std::string choice(std::initializer_list<std::string_view> words) const;
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<int64_t> number() const;
  // 1 to 65535, or from 0 where 0 means none.
  [[nodiscard]] uint16_t port(uint16_t lowest = 1) const;
  [[nodiscard]] Protocol protocol() const;
  [[nodiscard]] std::optional<IpAddress> address() const;
  [[nodiscard]] std::optional<Cidr> cidr() const;
  // A name of at most `longest` characters of a-z, 0-9, '-' and, where allowed, '.'.
  [[nodiscard]] std::string name(size_t longest, bool dots) const;

  // Notes that the field is missing where it is absent or empty, unless what should hold it is wrong already.
  void require(std::string_view remedy) const;
  // Reads a part that the object can do without, and answers whether nothing was wrong with it. What was wrong becomes
  // remarks: whoever calls leaves the part out, and the rest of the object counts.
  template <typename Read>
  [[nodiscard]] bool part(const Read& read) const {
    const size_t before = findings_->errors.size();
    read();
    return forgive_since(before);
  }
  // The same for the entries of a list, of which one alone is no part but all there is.
  template <typename Read>
  [[nodiscard]] bool part_of(const std::vector<Field>& list, const Read& read) const {
    if (list.size() > 1) return part(read);
    read();
    return true;
  }

  void error(std::string what) const;
  void remark(std::string what) const;

 private:
  Field() = default;
  [[nodiscard]] Field child(const Value* value, std::string path) const;
  [[nodiscard]] bool is(Value::Kind kind, std::string_view wanted) const;
  [[nodiscard]] bool forgive_since(size_t errors) const;

  const Value* value_ = nullptr;
  int line_ = 1;  // of the value; of what should hold it where there is none
  std::string path_;
  Findings* findings_ = nullptr;
};

// At most `longest` characters of a-z, 0-9, '-' and, where allowed, '.', with none of the last two at an end.
bool is_name(std::string_view text, size_t longest, bool dots);
// Why an address of an object cannot be used, to stand after it: "is a loopback address, ..."; empty where it can.
std::string_view address_fault(std::string_view text);
std::string_view address_fault(const IpAddress& address);
// Why an address that is used will hardly be of use; empty for all others.
std::string_view address_doubt(const IpAddress& address);
// Addresses from text, as the API reads them; nothing where they have a fault.
std::optional<IpAddress> usable_address(std::string_view text);
std::string_view without_spaces_around(std::string_view text);

}  // namespace waggle
