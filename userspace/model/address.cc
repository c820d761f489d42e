// SPDX-License-Identifier: Apache-2.0
#include "model/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace waggle {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr size_t kLongestText = 512;  // far beyond any address, even one padded with zeros

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// "010.0.0.041" -> "10.0.0.41": inet_pton reads no leading zeros, the API does, as decimal (contract I-32).
std::string without_leading_zeros(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool number_goes_on = i + 1 < text.size() && is_hex_digit(text[i + 1]);
    if (at_start && text[i] == '0' && number_goes_on) continue;
    out += text[i];
    at_start = !is_hex_digit(text[i]);
  }
  return out;
}

bool is_mapped(const IpAddress& address) {
  return address.family == Family::kIpv6 &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

IpAddress unmapped(const IpAddress& mapped) {
  IpAddress out;
  std::copy_n(mapped.bytes.begin() + 12, 4, out.bytes.begin());
  return out;
}

// Four decimal numbers, by hand: a list of endpoints has nothing more frequent.
std::optional<IpAddress> parse_ipv4(std::string_view text) {
  IpAddress out;
  size_t octet = 0;
  unsigned value = 0;
  bool has_digits = false;
  for (const char c : text) {
    if (is_digit(c)) {
      value = value * 10 + static_cast<unsigned>(c - '0');
      has_digits = true;
      if (value > 255) return std::nullopt;
    } else {
      if (c != '.' || !has_digits || octet == 3) return std::nullopt;
      out.bytes[octet++] = static_cast<uint8_t>(std::exchange(value, 0));
      has_digits = false;
    }
  }
  if (octet != 3 || !has_digits) return std::nullopt;
  out.bytes[octet] = static_cast<uint8_t>(value);
  return out;
}

std::optional<IpAddress> parse_as_written(std::string_view text) {
  if (text.size() > kLongestText || text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.find(':') == std::string_view::npos) return parse_ipv4(text);
  IpAddress out;
  out.family = Family::kIpv6;
  const std::string plain = without_leading_zeros(text);
  if (inet_pton(AF_INET6, plain.c_str(), out.bytes.data()) != 1) return std::nullopt;
  return out;
}

std::string ipv4_text(const uint8_t* bytes) {
  return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::array<uint16_t, 8> groups_of(const IpAddress& address) {
  std::array<uint16_t, 8> groups{};
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<uint16_t>(address.bytes[2 * i] << 8 | address.bytes[2 * i + 1]);
  }
  return groups;
}

struct Run {
  size_t start = 0;
  size_t length = 0;
};

// The longest run of zero groups, the first of equals; a single group is no run (RFC 5952, section 4.2).
Run longest_zero_run(const std::array<uint16_t, 8>& groups) {
  Run best;
  Run current;
  for (size_t i = 0; i < groups.size(); ++i) {
    current = groups[i] != 0 ? Run{i + 1, 0} : Run{current.start, current.length + 1};
    if (current.length > best.length) best = current;
  }
  return best.length >= 2 ? best : Run{};
}

std::string groups_text(const std::array<uint16_t, 8>& groups, size_t from, size_t to) {
  std::string out;
  for (size_t i = from; i < to; ++i) out += fmt::format("{}{:x}", i == from ? "" : ":", groups[i]);
  return out;
}

std::string ipv6_text(const IpAddress& address) {
  if (is_mapped(address)) return "::ffff:" + ipv4_text(address.bytes.data() + 12);
  const auto groups = groups_of(address);
  const Run run = longest_zero_run(groups);
  if (run.length == 0) return groups_text(groups, 0, groups.size());
  return groups_text(groups, 0, run.start) + "::" + groups_text(groups, run.start + run.length, groups.size());
}

uint8_t width_of(Family family) { return family == Family::kIpv4 ? 32 : 128; }

void keep_prefix(IpAddress& address, uint8_t prefix_length) {
  for (size_t i = 0; i < address.bytes.size(); ++i) {
    const int kept = std::clamp(prefix_length - static_cast<int>(8 * i), 0, 8);
    address.bytes[i] &= static_cast<uint8_t>(0xff00 >> kept);
  }
}

std::optional<uint8_t> parse_prefix_length(std::string_view text, uint8_t width) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > width) return std::nullopt;
  return static_cast<uint8_t>(value);
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  auto address = parse_as_written(text);
  if (address && is_mapped(*address)) return unmapped(*address);
  return address;
}

std::string IpAddress::text() const { return family == Family::kIpv4 ? ipv4_text(bytes.data()) : ipv6_text(*this); }

std::array<uint32_t, 4> IpAddress::words() const {
  std::array<uint32_t, 4> out{};
  std::memcpy(out.data(), bytes.data(), sizeof(out));
  return out;
}

IpAddress IpAddress::from_words(Family family, const uint32_t* words) {
  IpAddress out;
  out.family = family;
  std::memcpy(out.bytes.data(), words, family == Family::kIpv4 ? 4 : 16);
  return out;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto written = parse_as_written(text.substr(0, slash));
  if (!written) return std::nullopt;
  auto length = parse_prefix_length(text.substr(slash + 1), width_of(written->family));
  if (!length) return std::nullopt;
  Cidr out{*written, *length};
  if (is_mapped(*written)) {
    if (*length < 96) return std::nullopt;
    out = Cidr{unmapped(*written), static_cast<uint8_t>(*length - 96)};
  }
  keep_prefix(out.address, out.prefix_length);
  return out;
}

std::string Cidr::text() const { return fmt::format("{}/{}", address.text(), prefix_length); }

bool Cidr::contains(const IpAddress& other) const {
  if (other.family != address.family) return false;
  IpAddress ours = address;
  IpAddress theirs = other;
  keep_prefix(ours, prefix_length);
  keep_prefix(theirs, prefix_length);
  return ours == theirs;
}

std::string_view protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "unknown";
}

std::optional<Protocol> parse_protocol(std::string_view name) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (name == protocol_name(protocol)) return protocol;
  }
  return std::nullopt;
}

std::string address_port_text(const IpAddress& address, uint16_t port) {
  return address.family == Family::kIpv4 ? fmt::format("{}:{}", address.text(), port)
                                         : fmt::format("[{}]:{}", address.text(), port);
}

std::string any_port_text(const IpAddress& address) {
  return address.family == Family::kIpv4 ? fmt::format("{}:*", address.text()) : fmt::format("[{}]:*", address.text());
}

}  // namespace waggle
