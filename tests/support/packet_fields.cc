// SPDX-License-Identifier: Apache-2.0
#include "support/packet_fields.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace waggle {
namespace {

// Where the layers of a packet begin; the walk ends where it cannot go on.
struct Layers {
  size_t l3 = 0;
  size_t l4 = 0;
  size_t end = 0;  // of the IP packet
  Family family = Family::kIpv4;
  uint8_t protocol = 0;
  bool has_l4 = false;
  bool is_fragment = false;
};

uint16_t read16(const Bytes& packet, size_t offset) {
  return static_cast<uint16_t>(packet[offset] << 8 | packet[offset + 1]);
}

constexpr size_t kDumpedBytes = 128;  // headers; payloads are long and dull

struct NamedSize {
  const char* name;
  size_t size;
};

constexpr NamedSize kEthernetFields[] = {{"destination", 6}, {"source", 6}};
constexpr NamedSize kVlanFields[] = {{"tag", 2}};
constexpr NamedSize kIpv4Fields[] = {{"version and header length", 1},
                                     {"type of service", 1},
                                     {"total length", 2},
                                     {"identification", 2},
                                     {"fragment", 2},
                                     {"time to live", 1},
                                     {"protocol", 1},
                                     {"header checksum", 2},
                                     {"source address", 4},
                                     {"destination address", 4}};
constexpr NamedSize kIpv6Fields[] = {
    {"version, class and flow", 4}, {"payload length", 2},      {"next header", 1}, {"hop limit", 1},
    {"source address", 16},         {"destination address", 16}};
constexpr NamedSize kExtensionFields[] = {{"next header", 1}, {"length", 1}};
constexpr NamedSize kFragmentFields[] = {{"next header", 1}, {"reserved", 1}, {"offset", 2}, {"identification", 4}};
constexpr NamedSize kTcpFields[] = {{"source port", 2},     {"destination port", 2}, {"sequence number", 4},
                                    {"acknowledgement", 4}, {"data offset", 1},      {"flags", 1},
                                    {"window", 2},          {"checksum", 2},         {"urgent pointer", 2}};
constexpr NamedSize kUdpFields[] = {{"source port", 2}, {"destination port", 2}, {"length", 2}, {"checksum", 2}};
constexpr NamedSize kSctpFields[] = {{"source port", 2}, {"destination port", 2}, {"verification tag", 4},
                                     {"checksum", 4},    {"chunk type", 1},       {"chunk flags", 1},
                                     {"chunk length", 2}};
constexpr NamedSize kIcmpFields[] = {{"type", 1}, {"code", 1}, {"checksum", 2}, {"rest of header", 4}};

class Walk {
 public:
  explicit Walk(const Bytes& packet) : packet_(packet) {}

  void frame() {
    size_t offset = add("Ethernet", kEthernetFields, 0);
    std::optional<uint16_t> type = ether_type(offset, "Ethernet type");
    offset += 2;
    while (type == kEtherVlan || type == 0x88a8) {
      add("VLAN", kVlanFields, offset);
      type = ether_type(offset + 2, "VLAN type");
      offset += 4;
    }
    if (type == kEtherIpv4 || type == kEtherIpv6) ip("", offset, type == kEtherIpv6);
  }

  std::vector<Field> fields;
  std::vector<Layers> layers;  // the packet's own, then those quoted by an ICMP error

 private:
  size_t add(const std::string& layer, std::span<const NamedSize> named, size_t offset) {
    for (const NamedSize& field : named) {
      if (offset + field.size > packet_.size()) break;
      fields.push_back({layer + " " + field.name, offset, field.size});
      offset += field.size;
    }
    return offset;
  }

  std::optional<uint16_t> ether_type(size_t offset, const char* name) {
    if (offset + 2 > packet_.size()) return std::nullopt;
    fields.push_back({name, offset, 2});
    return read16(packet_, offset);
  }

  void ip(const std::string& quoted, size_t offset, bool ipv6) {
    Layers found{.l3 = offset, .family = ipv6 ? Family::kIpv6 : Family::kIpv4};
    ipv6 ? add(quoted + "IPv6", kIpv6Fields, offset) : add(quoted + "IPv4", kIpv4Fields, offset);
    if (offset + (ipv6 ? 40 : 20) > packet_.size()) return;
    ipv6 ? ipv6_payload(quoted, found) : ipv4_payload(found);
    layers.push_back(found);
    if (found.has_l4) l4(quoted, found);
  }

  void ipv4_payload(Layers& found) const {
    found.protocol = packet_[found.l3 + 9];
    found.l4 = found.l3 + (packet_[found.l3] & 15u) * 4u;
    found.end = found.l3 + read16(packet_, found.l3 + 2);
    found.has_l4 = (read16(packet_, found.l3 + 6) & 0x1fff) == 0;
    found.is_fragment = (read16(packet_, found.l3 + 6) & 0x3fff) != 0;
  }

  void ipv6_payload(const std::string& quoted, Layers& found) {
    uint8_t next = packet_[found.l3 + 6];
    size_t offset = found.l3 + 40;
    found.has_l4 = true;
    while ((next == 0 || next == 43 || next == 44 || next == 60) && offset + 8 <= packet_.size()) {
      const bool is_fragment_header = next == 44;
      if (is_fragment_header) {
        add(quoted + "fragment", kFragmentFields, offset);
        found.is_fragment = (read16(packet_, offset + 2) & 0xfff9) != 0;
        found.has_l4 = read16(packet_, offset + 2) < 8;
      } else {
        add(quoted + fmt::format("extension {}", next), kExtensionFields, offset);
      }
      next = packet_[offset];
      offset += is_fragment_header ? 8u : (packet_[offset + 1] + 1u) * 8u;
    }
    found.protocol = next;
    found.l4 = offset;
    found.end = found.l3 + 40 + read16(packet_, found.l3 + 4);
  }

  void l4(const std::string& quoted, const Layers& found) {
    const size_t offset = found.l4;
    if (found.protocol == 6) add(quoted + "TCP", kTcpFields, offset);
    if (found.protocol == 17) add(quoted + "UDP", kUdpFields, offset);
    if (found.protocol == 132) add(quoted + "SCTP", kSctpFields, offset);
    if (found.protocol != 1 && found.protocol != 58) return;
    const bool ipv6 = found.family == Family::kIpv6;
    const size_t behind = add(quoted + (ipv6 ? "ICMPv6" : "ICMP"), kIcmpFields, offset);
    if (offset + 8 > packet_.size()) return;
    const uint8_t type = packet_[offset];
    const bool is_error = ipv6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
    if (is_error && quoted.empty() && behind < packet_.size()) ip("quoted ", behind, ipv6);
  }

  const Bytes& packet_;
};

std::string field_text(const Bytes& packet, const Field& field) {
  std::string text;
  for (size_t i = 0; i < field.size && field.offset + i < packet.size(); ++i) {
    text += fmt::format("{:02x}", packet[field.offset + i]);
  }
  return text.empty() ? "nothing" : text;
}

bool differs(const Bytes& a, const Bytes& b, size_t offset) {
  const bool has_a = offset < a.size();
  const bool has_b = offset < b.size();
  return has_a != has_b || (has_a && a[offset] != b[offset]);
}

std::string ip_checksum_complaint(const Bytes& packet, const Layers& layers) {
  if (layers.family == Family::kIpv6 || layers.l4 < layers.l3 + 20 || layers.l4 > packet.size()) return "";
  const bool right = internet_checksum({packet.data() + layers.l3, layers.l4 - layers.l3}) == 0;
  return right ? "" : "IPv4 header checksum is wrong; ";
}

IpAddress address_at(const Bytes& packet, size_t offset, Family family) {
  IpAddress address{.family = family};
  std::copy_n(packet.begin() + static_cast<ptrdiff_t>(offset), family == Family::kIpv4 ? 4 : 16, address.bytes.begin());
  return address;
}

constexpr size_t kCrcOffset = 8;

// Of the whole SCTP packet in `layers`, its own field taken as zero.
uint32_t right_crc(const Bytes& packet, const Layers& layers) {
  Bytes sctp(packet.begin() + static_cast<ptrdiff_t>(layers.l4), packet.begin() + static_cast<ptrdiff_t>(layers.end));
  std::fill_n(sctp.begin() + kCrcOffset, 4, uint8_t{0});
  return crc32c(sctp);
}

bool is_whole_sctp(const Bytes& packet, const Layers& layers) {
  return layers.protocol == 132 && !layers.is_fragment && layers.end <= packet.size() && layers.l4 + 12 <= layers.end;
}

std::string crc_complaint(const Bytes& packet, const Layers& layers) {
  if (!is_whole_sctp(packet, layers)) return "";
  const uint32_t crc = right_crc(packet, layers);
  for (size_t i = 0; i < 4; ++i) {
    if (packet[layers.l4 + kCrcOffset + i] != static_cast<uint8_t>(crc >> (8 * i))) return "CRC32c is wrong; ";
  }
  return "";
}

std::string l4_checksum_complaint(const Bytes& packet, const Layers& layers) {
  const bool ipv6 = layers.family == Family::kIpv6;
  const bool has_pseudo_header = layers.protocol != 1;
  if (layers.is_fragment || layers.end > packet.size() || layers.l4 + 8 > layers.end) return "";  // not a whole packet
  if (layers.protocol == 132) return crc_complaint(packet, layers);
  if (layers.protocol != 6 && layers.protocol != 17 && layers.protocol != 1 && layers.protocol != 58) return "";
  if (layers.protocol == 17 && read16(packet, layers.l4 + 6) == 0) return "";
  const size_t addresses = layers.l3 + (ipv6 ? 8 : 12);
  const size_t length = layers.end - layers.l4;
  const uint32_t pseudo =
      has_pseudo_header
          ? pseudo_header_sum(address_at(packet, addresses, layers.family),
                              address_at(packet, addresses + (ipv6 ? 16 : 4), layers.family), layers.protocol, length)
          : 0;
  const bool right = internet_checksum({packet.data() + layers.l4, length}, pseudo) == 0;
  return right ? "" : fmt::format("checksum of protocol {} is wrong; ", layers.protocol);
}

std::string complaints(const Bytes& packet, const Layers& layers) {
  return ip_checksum_complaint(packet, layers) + (layers.has_l4 ? l4_checksum_complaint(packet, layers) : "");
}

}  // namespace

std::vector<Field> fields_of(const Bytes& packet) {
  Walk walk(packet);
  walk.frame();
  return std::move(walk.fields);
}

std::string hex_dump(const Bytes& packet) {
  std::string text;
  for (size_t i = 0; i < std::min(packet.size(), kDumpedBytes); ++i) {
    if (i % 16 == 0) text += fmt::format("{}{:04x} ", i == 0 ? "" : "\n", i);
    text += fmt::format(" {:02x}", packet[i]);
  }
  return text;
}

std::string packet_difference(const Bytes& expected, const Bytes& actual) {
  if (expected == actual) return "";
  std::string text;
  std::vector<bool> explained(std::max(expected.size(), actual.size()));
  for (const Field& field : fields_of(expected)) {
    bool differing = false;
    for (size_t i = field.offset; i < field.offset + field.size; ++i) {
      differing = differing || differs(expected, actual, i);
      explained[i] = true;
    }
    if (!differing) continue;
    text += fmt::format("{} (byte {}): expected {}, got {}\n", field.name, field.offset, field_text(expected, field),
                        field_text(actual, field));
  }
  for (size_t i = 0; i < explained.size(); ++i) {
    if (explained[i] || !differs(expected, actual, i)) continue;
    text += fmt::format("payload from byte {} on differs\n", i);
    break;
  }
  return fmt::format("{}expected {} bytes:\n{}\ngot {} bytes:\n{}\n", text, expected.size(), hex_dump(expected),
                     actual.size(), hex_dump(actual));
}

std::string wrong_checksums(const Bytes& packet) {
  Walk walk(packet);
  walk.frame();
  return walk.layers.empty() ? "" : complaints(packet, walk.layers.front());
}

std::string wrong_quoted_checksums(const Bytes& packet) {
  Walk walk(packet);
  walk.frame();
  const bool is_quoted = walk.layers.size() > 1 && walk.layers[1].protocol != 132;
  return is_quoted ? complaints(packet, walk.layers[1]) : "";
}

void set_field(Bytes& packet, std::string_view name, uint64_t value) {
  for (const Field& field : fields_of(packet)) {
    if (field.name != name) continue;
    for (size_t i = 0; i < field.size; ++i) {
      packet[field.offset + i] = static_cast<uint8_t>(value >> (8 * (field.size - 1 - i)));
    }
    return;
  }
  ADD_FAILURE() << "the packet has no field " << name;
}

void fix_ipv4_checksum(Bytes& packet) {
  set_field(packet, "IPv4 header checksum", 0);
  Walk walk(packet);
  walk.frame();
  const Layers& own = walk.layers.at(0);
  set_field(packet, "IPv4 header checksum", internet_checksum({packet.data() + own.l3, own.l4 - own.l3}));
}

void fix_sctp_checksum(Bytes& packet) {
  Walk walk(packet);
  walk.frame();
  if (walk.layers.empty() || !is_whole_sctp(packet, walk.layers.front())) return;
  const uint32_t crc = right_crc(packet, walk.layers.front());
  for (size_t i = 0; i < 4; ++i) {
    packet[walk.layers.front().l4 + kCrcOffset + i] = static_cast<uint8_t>(crc >> (8 * i));
  }
}

}  // namespace waggle
