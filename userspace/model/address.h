// SPDX-License-Identifier: Apache-2.0
// IP addresses and CIDRs as plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waggle {

enum class Family : uint8_t { kIpv4 = 0, kIpv6 = 1 };  // same numbers as enum wg_family

enum class Protocol : uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };  // IANA protocol numbers

// Bytes in network order; IPv4 uses the first four, the rest is zero.
struct IpAddress {
  Family family = Family::kIpv4;
  std::array<uint8_t, 16> bytes{};

  auto operator<=>(const IpAddress&) const = default;

  // Accepts what the API accepts, leading zeros too ("172.30.0.041" is 172.30.0.41, contract I-32).
  static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] uint8_t bits() const { return family == Family::kIpv4 ? 32 : 128; }
  // The four 32-bit words of the tables, network byte order inside each.
  [[nodiscard]] std::array<uint32_t, 4> words() const;
  static IpAddress from_words(Family family, const uint32_t* words);
};

struct Cidr {
  IpAddress address;
  uint8_t prefix_length = 0;

  auto operator<=>(const Cidr&) const = default;
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool contains(const IpAddress& other) const;
};

std::string_view protocol_name(Protocol protocol);  // "TCP"
std::optional<Protocol> parse_protocol(std::string_view name);

// "10.0.0.1:80", "[fd00::1]:80". Port in host byte order.
std::string address_port_text(const IpAddress& address, uint16_t port);
std::string any_port_text(const IpAddress& address);  // "10.0.0.1:*"

}  // namespace waggle
