// SPDX-License-Identifier: Apache-2.0
#include "source/field.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace waggle {
namespace {

constexpr size_t kLongestQuote = 80;  // characters of a wrong value that a message repeats
constexpr size_t kMostFindings = 20;  // noted of one object

std::string words_for(const Value& value) {
  const std::string text = value.text.size() > kLongestQuote ? value.text.substr(0, kLongestQuote) + "..." : value.text;
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBoolean:
      return text;
    case Value::Kind::kInteger:
    case Value::Kind::kNumber:
      return "the number " + text;
    case Value::Kind::kString:
      return "\"" + text + "\"";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "";
}

std::string remedy_for(Value::Kind wanted, const Value& value) {
  const bool scalar = value.kind != Value::Kind::kList && value.kind != Value::Kind::kMap;
  if (wanted == Value::Kind::kString && value.kind == Value::Kind::kBoolean)
    return "; put it in quotes, for YAML takes y, yes, on and n, no, off for true and false";
  if (wanted == Value::Kind::kString && scalar) return "; put it in quotes";
  const bool quoted_number = value.kind == Value::Kind::kString && !value.text.empty() &&
                             value.text.find_first_not_of("0123456789") == std::string::npos;
  if (wanted == Value::Kind::kInteger && quoted_number) return "; remove the quotes";
  return "";
}

std::string path_of(const std::string& parent, std::string_view key) {
  if (key.find_first_of("./") != std::string_view::npos) return fmt::format("{}[\"{}\"]", parent, key);
  return parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
}

void note(std::vector<Finding>& list, Finding finding) {
  if (list.size() >= kMostFindings) return;
  if (std::find(list.begin(), list.end(), finding) == list.end()) list.push_back(std::move(finding));
}

// `last`: of the last byte.
bool is_zero_but_for(const std::array<uint8_t, 16>& bytes, uint8_t last) {
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; }) && bytes.back() == last;
}

bool is_loopback(const IpAddress& address) {
  return address.family == Family::kIpv4 ? address.bytes[0] == 127 : is_zero_but_for(address.bytes, 1);
}

bool is_multicast(const IpAddress& address) {
  if (address.family == Family::kIpv6) return address.bytes[0] == 0xff;
  const bool broadcast =
      std::all_of(address.bytes.begin(), address.bytes.begin() + 4, [](uint8_t b) { return b == 255; });
  return broadcast || (address.bytes[0] & 0xf0) == 0xe0;
}

bool is_link_local(const IpAddress& address) {
  if (address.family == Family::kIpv4) return address.bytes[0] == 169 && address.bytes[1] == 254;
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

}  // namespace

Field Field::child(const Value* value, std::string path) const {
  Field out;
  out.value_ = value;
  out.line_ = value == nullptr ? line_ : value->line;
  out.path_ = std::move(path);
  out.findings_ = findings_;
  return out;
}

bool Field::is(Value::Kind kind, std::string_view wanted) const {
  if (!present()) return false;
  if (value_->kind == kind) return true;
  error(fmt::format("must be {}, not {}{}", wanted, words_for(*value_), remedy_for(kind, *value_)));
  return false;
}

Field Field::at(std::string_view key) const {
  const Value* value = is(Value::Kind::kMap, "a map") ? value_->find(key) : nullptr;
  return child(value, path_of(path_, key));
}

std::vector<Field> Field::items() const {
  std::vector<Field> out;
  if (!is(Value::Kind::kList, "a list")) return out;
  for (size_t i = 0; i < value_->items.size(); ++i) {
    out.push_back(child(&value_->items[i], fmt::format("{}[{}]", path_, i)));
  }
  return out;
}

std::optional<std::string> Field::text() const {
  if (!is(Value::Kind::kString, "text")) return std::nullopt;
  return value_->text;
}

std::string Field::choice(std::initializer_list<std::string_view> words) const {
  const std::string given = text_or_empty();
  if (given.empty()) return std::string(*words.begin());
  if (std::find(words.begin(), words.end(), given) != words.end()) return given;
  error(fmt::format("{} is not known; use {}", words_for(*value_), fmt::join(words, " or ")));
  return std::string(*words.begin());
}

std::optional<bool> Field::boolean() const {
  if (!is(Value::Kind::kBoolean, "true or false")) return std::nullopt;
  return value_->text == "true";
}

std::optional<int64_t> Field::number() const {
  if (!is(Value::Kind::kInteger, "a whole number")) return std::nullopt;
  const std::string_view digits = std::string_view(value_->text).substr(value_->text.starts_with('+') ? 1 : 0);
  int64_t out = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (problem == std::errc{}) return out;
  return std::numeric_limits<int64_t>::max();  // too large for any field
}

uint16_t Field::port(uint16_t lowest) const {
  const auto given = number();
  if (!given) return 0;
  if (*given >= lowest && *given <= 65535) return static_cast<uint16_t>(*given);
  error(fmt::format("{} is not a port; use a whole number from {} to 65535", value_->text, lowest));
  return 0;
}

Protocol Field::protocol() const { return parse_protocol(choice({"TCP", "UDP", "SCTP"})).value_or(Protocol::kTcp); }

std::optional<IpAddress> Field::address() const {
  const auto given = text();
  if (!given) return std::nullopt;
  if (const auto fault = address_fault(*given); !fault.empty()) {
    error(fmt::format("{} {}", words_for(*value_), fault));
    return std::nullopt;
  }
  const auto out = IpAddress::parse(*given);
  if (const auto doubt = address_doubt(*out); !doubt.empty()) remark(fmt::format("{} {}", words_for(*value_), doubt));
  return out;
}

std::optional<Cidr> Field::cidr() const {
  const auto given = text();
  if (!given) return std::nullopt;
  const auto out = Cidr::parse(without_spaces_around(*given));
  if (!out) error(fmt::format("{} is not a CIDR; write it as 10.96.0.0/16 or fd00::/108", words_for(*value_)));
  return out;
}

std::string Field::name(size_t longest, bool dots) const {
  const auto given = text();
  if (!given || given->empty()) return "";
  if (is_name(*given, longest, dots)) return *given;
  error(fmt::format("{} is not a name; use at most {} characters of a-z, 0-9 and -{}", words_for(*value_), longest,
                    dots ? " and ." : ""));
  return "";
}

void Field::require(std::string_view remedy) const {
  const bool empty = !present() || (value_->kind == Value::Kind::kString && value_->text.empty()) ||
                     (value_->kind == Value::Kind::kList && value_->items.empty());
  const auto holds_this = [this](const Finding& finding) { return path_.starts_with(finding.path); };
  const auto& errors = findings_->errors;
  if (empty && std::none_of(errors.begin(), errors.end(), holds_this)) error(fmt::format("is missing; {}", remedy));
}

bool Field::forgive_since(size_t errors) const {
  auto& all = findings_->errors;
  const bool good = all.size() == errors;
  for (; all.size() > errors; all.pop_back()) {
    all.back().what += "; it is left out";
    note(findings_->remarks, std::move(all.back()));
  }
  return good;
}

void Field::error(std::string what) const { note(findings_->errors, Finding{line_, path_, std::move(what)}); }

void Field::remark(std::string what) const { note(findings_->remarks, Finding{line_, path_, std::move(what)}); }

std::string_view address_fault(const IpAddress& address) {
  if (is_zero_but_for(address.bytes, 0)) return "is the unspecified address, which no host has";
  if (is_loopback(address))
    return "is a loopback address, which means every host itself, so that no service and no pod can have it";
  if (is_multicast(address)) return "is a multicast or broadcast address, which no single host has";
  if (address.family == Family::kIpv6 && is_link_local(address))
    return "is an IPv6 link-local address, which leads nowhere without an interface";
  return "";
}

std::string_view address_doubt(const IpAddress& address) {
  if (address.family == Family::kIpv6 || !is_link_local(address)) return "";
  return "is a link-local address, which no router forwards; it is used as it is";
}

std::string_view address_fault(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address_fault(*address) : "is not an IP address that can be used";
}

bool is_name(std::string_view text, size_t longest, bool dots) {
  const auto fits = [dots](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (dots && c == '.');
  };
  const auto is_edge = [](char c) { return c != '-' && c != '.'; };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), fits) &&
         is_edge(text.front()) && is_edge(text.back());
}

std::optional<IpAddress> usable_address(std::string_view text) {
  return address_fault(text).empty() ? IpAddress::parse(text) : std::nullopt;
}

std::string_view without_spaces_around(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace waggle
