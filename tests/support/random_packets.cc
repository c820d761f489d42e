// SPDX-License-Identifier: Apache-2.0
#include "support/random_packets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace waggle {
namespace {

bool may_change(const std::string& field, bool forwards) {
  if (field.ends_with("address") || field.ends_with("port") || field.ends_with("checksum")) return true;
  return forwards && (field.starts_with("Ethernet") || field.ends_with("time to live") || field.ends_with("hop limit"));
}

}  // namespace

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

PacketSpec RandomPackets::spec() {
  const bool ipv4 = below(2) == 0;
  const auto& anyone = ipv4 ? pool_.addresses4 : pool_.addresses6;
  PacketSpec spec;
  spec.source = one_of(anyone);
  const bool to_service = below(2) == 0;
  spec.destination = one_of(!to_service ? anyone : ipv4 ? pool_.destinations4 : pool_.destinations6);
  spec.protocol = one_of<Protocol>({Protocol::kTcp, Protocol::kTcp, Protocol::kUdp, Protocol::kUdp, Protocol::kSctp});
  spec.source_port = one_of(pool_.ports);
  spec.destination_port = one_of(to_service && below(4) != 0 ? pool_.destination_ports : pool_.ports);
  spec.tcp_flags = one_of<uint8_t>({kSyn, kAck, kSyn | kAck, kFin | kAck, kRst, 0, 0xff});
  spec.ttl = one_of<uint8_t>({64, 64, 64, 2, 1, 0});
  spec.udp_checksum = below(8) != 0;
  spec.payload.resize(below(4) == 0 ? below(1600) : below(30), static_cast<uint8_t>(below(256)));
  if (below(8) == 0) spec.vlans.assign(below(3), 7);
  if (below(8) == 0) spec.ip_options.assign(size_t{4} * below(11), 1);
  if (below(8) == 0) spec.tcp_options.assign(size_t{4} * below(11), 1);
  if (below(8) == 0) spec.extensions.assign(below(5), {.type = 60, .content = Bytes(below(40))});
  return spec;
}

// Some bytes of the headers become others, or the end is missing. An Ethernet header is left.
Bytes RandomPackets::spoil(Bytes packet) {
  const auto headers = static_cast<uint32_t>(std::min<size_t>(packet.size(), 90));
  for (uint32_t i = below(4); i > 0; --i) packet[below(headers)] = static_cast<uint8_t>(random_());
  if (below(3) == 0) packet[12 + below(20)] ^= static_cast<uint8_t>(1u << below(8));
  if (below(4) == 0) packet.resize(14 + below(static_cast<uint32_t>(packet.size()) - 13));
  return packet;
}

// About a packet like the others, most of them to who sent it.
IcmpErrorSpec RandomPackets::icmp_error() {
  const PacketSpec offending = spec();
  const bool ipv4 = address_of(offending.source).family == Family::kIpv4;
  IcmpErrorSpec error;
  error.source = one_of(ipv4 ? pool_.addresses4 : pool_.addresses6);
  error.destination = below(8) == 0 ? error.source : offending.source;
  error.type = ipv4 ? one_of<uint8_t>({3, 3, 11, 12, 8}) : one_of<uint8_t>({1, 2, 3, 4, 128});
  error.quoted = quote_of(offending, below(4) == 0 ? 2000 : below(40));
  if (below(8) == 0) error.vlans.assign(below(3), 7);
  return error;
}

// Fragments of a packet like the others come one after another, with others in between.
Bytes RandomPackets::fragment() {
  if (fragments_.empty()) {
    PacketSpec whole = spec();
    whole.ip_id = below(4);
    fragments_ = build_fragments(whole, size_t{8} * (1 + below(100)));
    std::ranges::reverse(fragments_);
  }
  Bytes fragment = std::move(fragments_.back());
  fragments_.pop_back();
  return fragment;
}

Bytes RandomPackets::next() {
  const uint32_t kind = below(8);
  Bytes packet = kind == 0 ? build(icmp_error()) : kind == 1 ? fragment() : build(spec());
  return below(2) == 0 ? spoil(std::move(packet)) : packet;
}

Bytes turned_round(const Bytes& packet) {
  constexpr std::string_view kSource = "source ";
  const std::vector<Field> fields = fields_of(packet);
  Bytes turned = packet;
  for (const Field& field : fields) {
    const size_t at = field.name.rfind(kSource);
    if (at == std::string::npos || field.name.starts_with("quoted")) continue;
    std::string other = field.name;
    other.replace(at, kSource.size(), "destination ");
    const auto twin = std::ranges::find(fields, other, &Field::name);
    if (twin == fields.end()) continue;
    std::copy_n(packet.begin() + static_cast<ptrdiff_t>(field.offset), field.size,
                turned.begin() + static_cast<ptrdiff_t>(twin->offset));
    std::copy_n(packet.begin() + static_cast<ptrdiff_t>(twin->offset), field.size,
                turned.begin() + static_cast<ptrdiff_t>(field.offset));
  }
  if (wrong_checksums(packet).empty()) fix_sctp_checksum(turned);
  return turned;
}

std::string broken_rule(const Bytes& in, const Bytes& out, bool forwards) {
  if (in.size() != out.size()) return "another size";
  if (wrong_checksums(in).empty() && !wrong_checksums(out).empty()) return wrong_checksums(out);
  if (wrong_quoted_checksums(in).empty() && !wrong_quoted_checksums(out).empty()) {
    return "quoted: " + wrong_quoted_checksums(out);
  }
  std::vector<bool> free(in.size());
  for (const Field& field : fields_of(in)) {
    if (may_change(field.name, forwards)) {
      std::fill_n(free.begin() + static_cast<ptrdiff_t>(field.offset), field.size, true);
    }
  }
  for (size_t i = 0; i < free.size(); ++i) {
    if (!free[i] && in[i] != out[i]) return fmt::format("byte {} changed", i);
  }
  return "";
}

}  // namespace waggle
