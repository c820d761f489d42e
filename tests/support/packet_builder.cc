// SPDX-License-Identifier: Apache-2.0
#include "support/packet_builder.h"

#include <algorithm>

namespace waggle {
namespace {

void put16(Bytes& bytes, uint32_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

void put32(Bytes& bytes, uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value & 0xffff);
}

void put(Bytes& bytes, std::span<const uint8_t> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

void set16(Bytes& bytes, size_t offset, uint16_t value) {
  bytes[offset] = static_cast<uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(value);
}

std::span<const uint8_t> address_bytes(const IpAddress& address) {
  return {address.bytes.data(), address.family == Family::kIpv4 ? 4u : 16u};
}

uint32_t plain_sum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
  return sum;
}

Bytes ipv4_layer(const IpLayer& layer, const Bytes& behind) {
  const size_t header = 20 + layer.options.size();
  Bytes bytes = {static_cast<uint8_t>(0x40 | header / 4), 0};
  put16(bytes, static_cast<uint32_t>(header + behind.size()));
  put16(bytes, layer.id);
  put16(bytes, layer.fragment);
  bytes.push_back(layer.ttl);
  bytes.push_back(layer.protocol);
  put16(bytes, 0);
  put(bytes, address_bytes(address_of(layer.source)));
  put(bytes, address_bytes(address_of(layer.destination)));
  put(bytes, layer.options);
  set16(bytes, 10, internet_checksum(bytes));
  put(bytes, behind);
  return bytes;
}

Bytes extension_chain(const std::vector<Extension>& extensions, uint8_t protocol) {
  Bytes bytes;
  for (size_t i = 0; i < extensions.size(); ++i) {
    const size_t start = bytes.size();
    const size_t units = (extensions[i].content.size() + 2 + 7) / 8;
    bytes.push_back(i + 1 < extensions.size() ? extensions[i + 1].type : protocol);
    bytes.push_back(static_cast<uint8_t>(units - 1));
    put(bytes, extensions[i].content);
    bytes.resize(start + units * 8);
  }
  return bytes;
}

Bytes ipv6_layer(const IpLayer& layer, const Bytes& behind) {
  const Bytes chain = extension_chain(layer.extensions, layer.protocol);
  Bytes bytes;
  put32(bytes, 0x60012345);
  put16(bytes, static_cast<uint32_t>(chain.size() + behind.size()));
  bytes.push_back(layer.extensions.empty() ? layer.protocol : layer.extensions.front().type);
  bytes.push_back(layer.ttl);
  put(bytes, address_bytes(address_of(layer.source)));
  put(bytes, address_bytes(address_of(layer.destination)));
  put(bytes, chain);
  put(bytes, behind);
  return bytes;
}

uint16_t l4_checksum(const PacketSpec& spec, const Bytes& bytes) {
  return internet_checksum(bytes, pseudo_header_sum(address_of(spec.source), address_of(spec.destination),
                                                    static_cast<uint8_t>(spec.protocol), bytes.size()));
}

bool is_ipv6(const std::string& address) { return address_of(address).family == Family::kIpv6; }

Bytes l4_layer(const PacketSpec& spec) {
  switch (spec.protocol) {
    case Protocol::kTcp:
      return tcp_layer(spec);
    case Protocol::kUdp:
      return udp_layer(spec);
    case Protocol::kSctp:
      break;
  }
  return sctp_layer(spec);
}

IpLayer ip_layer_of(const PacketSpec& spec) {
  return {.source = spec.source,
          .destination = spec.destination,
          .protocol = static_cast<uint8_t>(spec.protocol),
          .ttl = spec.ttl,
          .id = static_cast<uint16_t>(spec.ip_id),
          .options = spec.ip_options,
          .extensions = spec.extensions};
}

// IP layer and frame of `spec` around one stretch of its payload.
Bytes fragment_of(const PacketSpec& spec, Bytes piece, size_t offset, bool more) {
  const bool ipv6 = is_ipv6(spec.source);
  const uint16_t bits = static_cast<uint16_t>(ipv6 ? offset | (more ? 1u : 0u) : offset / 8 | (more ? 0x2000u : 0u));
  IpLayer ip = ip_layer_of(spec);
  ip.fragment = bits;
  if (ipv6) {
    Extension header{.type = 44};
    put16(header.content, bits);
    put32(header.content, spec.ip_id);
    ip.extensions.push_back(header);
  }
  return ethernet_layer(spec.destination_mac, spec.source_mac, spec.vlans, ipv6 ? kEtherIpv6 : kEtherIpv4,
                        ip_layer(ip, std::move(piece)));
}

uint8_t chunk_like(uint8_t tcp_flags) {
  if ((tcp_flags & kRst) != 0) return kSctpAbort;
  if ((tcp_flags & kFin) != 0) return kSctpShutdown;
  if ((tcp_flags & kSyn) == 0) return kSctpData;
  return (tcp_flags & kAck) != 0 ? kSctpInitAck : kSctpInit;
}

// An INIT or INIT ACK without optional parameters: initiate tag, window, streams, first TSN.
constexpr uint8_t kInitBody[] = {0xca, 0xfe, 0xf0, 0x0d, 0, 1, 0, 0, 0, 10, 0, 10, 0x11, 0x22, 0x33, 0x44};

}  // namespace

IpAddress address_of(std::string_view text) { return IpAddress::parse(text).value(); }

uint16_t internet_checksum(std::span<const uint8_t> bytes, uint32_t sum) {
  sum += plain_sum(bytes);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  crc = ~crc;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, size_t length) {
  return plain_sum(address_bytes(source)) + plain_sum(address_bytes(destination)) + protocol +
         static_cast<uint32_t>(length);
}

Bytes ethernet_layer(const Mac& destination, const Mac& source, std::span<const uint16_t> vlans, uint16_t ether_type,
                     Bytes behind) {
  Bytes bytes(destination.begin(), destination.end());
  put(bytes, source);
  for (const uint16_t vlan : vlans) {
    put16(bytes, kEtherVlan);
    put16(bytes, vlan);
  }
  put16(bytes, ether_type);
  put(bytes, behind);
  return bytes;
}

Bytes ip_layer(const IpLayer& layer, Bytes behind) {
  return is_ipv6(layer.source) ? ipv6_layer(layer, behind) : ipv4_layer(layer, behind);
}

Bytes tcp_layer(const PacketSpec& spec) {
  Bytes bytes;
  put16(bytes, spec.source_port);
  put16(bytes, spec.destination_port);
  put32(bytes, spec.tcp_sequence);
  put32(bytes, 0x0a0b0c0d);
  bytes.push_back(static_cast<uint8_t>((20 + spec.tcp_options.size()) / 4 << 4));
  bytes.push_back(spec.tcp_flags);
  put16(bytes, 64240);
  put32(bytes, 0);
  put(bytes, spec.tcp_options);
  put(bytes, spec.payload);
  set16(bytes, 16, l4_checksum(spec, bytes));
  return bytes;
}

Bytes udp_layer(const PacketSpec& spec) {
  Bytes bytes;
  put16(bytes, spec.source_port);
  put16(bytes, spec.destination_port);
  put16(bytes, static_cast<uint32_t>(8 + spec.payload.size()));
  put16(bytes, 0);
  put(bytes, spec.payload);
  if (!spec.udp_checksum) return bytes;
  const uint16_t checksum = l4_checksum(spec, bytes);
  set16(bytes, 6, checksum == 0 ? 0xffff : checksum);
  return bytes;
}

Bytes sctp_layer(const PacketSpec& spec) {
  const uint8_t chunk = spec.sctp_chunk.value_or(chunk_like(spec.tcp_flags));
  const bool opens = chunk == kSctpInit;
  Bytes body;
  if (opens || chunk == kSctpInitAck) put(body, kInitBody);
  put(body, spec.payload);
  Bytes bytes;
  put16(bytes, spec.source_port);
  put16(bytes, spec.destination_port);
  put32(bytes, opens ? 0 : 0x1badb002);  // verification tag
  put32(bytes, 0);
  bytes.push_back(chunk);
  bytes.push_back(0);
  put16(bytes, static_cast<uint32_t>(4 + body.size()));
  put(bytes, body);
  bytes.resize((bytes.size() + 3) / 4 * 4);
  const uint32_t crc = crc32c(bytes);
  for (size_t i = 0; i < 4; ++i) bytes[8 + i] = static_cast<uint8_t>(crc >> (8 * i));
  return bytes;
}

Bytes icmp_layer(const IpLayer& ip, uint8_t type, uint8_t code, Bytes behind) {
  Bytes bytes = {type, code};
  put16(bytes, 0);
  put(bytes, behind);
  const uint32_t pseudo = is_ipv6(ip.source) ? pseudo_header_sum(address_of(ip.source), address_of(ip.destination),
                                                                 ip.protocol, bytes.size())
                                             : 0;
  set16(bytes, 2, internet_checksum(bytes, pseudo));
  return bytes;
}

Bytes build(const PacketSpec& spec) {
  return ethernet_layer(spec.destination_mac, spec.source_mac, spec.vlans,
                        is_ipv6(spec.source) ? kEtherIpv6 : kEtherIpv4, ip_layer(ip_layer_of(spec), l4_layer(spec)));
}

std::vector<Bytes> build_fragments(const PacketSpec& spec, size_t bytes) {
  const Bytes payload = l4_layer(spec);
  std::vector<Bytes> fragments;
  for (size_t offset = 0; offset < payload.size(); offset += bytes) {
    const size_t end = std::min(payload.size(), offset + bytes);
    Bytes piece(payload.begin() + static_cast<ptrdiff_t>(offset), payload.begin() + static_cast<ptrdiff_t>(end));
    fragments.push_back(fragment_of(spec, std::move(piece), offset, end < payload.size()));
  }
  return fragments;
}

Bytes build(const IcmpErrorSpec& spec) {
  const bool ipv6 = is_ipv6(spec.source);
  const IpLayer ip{.source = spec.source,
                   .destination = spec.destination,
                   .protocol = static_cast<uint8_t>(ipv6 ? 58 : 1),
                   .ttl = spec.ttl};
  Bytes behind;
  put32(behind, spec.rest);
  put(behind, spec.quoted);
  return ethernet_layer(spec.destination_mac, spec.source_mac, spec.vlans, ipv6 ? kEtherIpv6 : kEtherIpv4,
                        ip_layer(ip, icmp_layer(ip, spec.type, spec.code, std::move(behind))));
}

Bytes quote_of(const PacketSpec& offending, size_t bytes) {
  const Bytes l4 = l4_layer(offending);
  Bytes packet = ip_layer(ip_layer_of(offending), l4);
  if (bytes < l4.size()) packet.resize(packet.size() - l4.size() + bytes);
  return packet;
}

Bytes build_port_unreachable(const PacketSpec& offending, size_t quoted) {
  return build_own_error({.destination_mac = offending.source_mac,
                          .source_mac = offending.destination_mac,
                          .vlans = offending.vlans,
                          .source = offending.destination,
                          .destination = offending.source,
                          .quoted = quote_of(offending, quoted)});
}

Bytes build_own_error(const IcmpErrorSpec& spec) {
  const bool ipv6 = is_ipv6(spec.source);
  IcmpErrorSpec error = spec;
  error.type = ipv6 ? 1 : 3;
  error.code = ipv6 ? 4 : 3;
  error.rest = 0;
  Bytes packet = build(error);
  const size_t ip = 14 + 4 * spec.vlans.size();
  // A generated error says neither which flow it belongs to nor which packet it was.
  if (ipv6) {
    std::fill_n(packet.begin() + static_cast<ptrdiff_t>(ip + 1), 3, uint8_t{0});
    return packet;
  }
  for (const size_t field : {ip + 4, ip + 6, ip + 10}) set16(packet, field, 0);
  set16(packet, ip + 10, internet_checksum({packet.data() + ip, 20}));
  return packet;
}

}  // namespace waggle
