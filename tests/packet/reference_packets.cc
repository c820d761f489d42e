// SPDX-License-Identifier: Apache-2.0
#include "reference_packets.h"

#include <utility>

#include "support/private_node.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

uint8_t tcp_flags(Signal signal, bool is_reply) {
  switch (signal) {
    case Signal::kOpen:
      return is_reply ? kSyn | kAck : kSyn;
    case Signal::kData:
      return kAck | kPsh;
    case Signal::kFinish:
      return kFin | kAck;
    case Signal::kReset:
    case Signal::kPing:
    case Signal::kError:
    case Signal::kPieces:
      break;
  }
  return kRst | kAck;
}

uint8_t sctp_chunk(Signal signal, bool is_reply) {
  switch (signal) {
    case Signal::kOpen:
      return is_reply ? kSctpInitAck : kSctpInit;
    case Signal::kData:
      return kSctpData;
    case Signal::kFinish:
      return kSctpShutdownComplete;
    case Signal::kReset:
    case Signal::kPing:
    case Signal::kError:
    case Signal::kPieces:
      break;
  }
  return kSctpAbort;
}

}  // namespace

uint32_t link_of(const IpAddress& address) {
  const std::string text = address.text();
  if (text.starts_with("10.244.1.") || text.starts_with("2001:db8:f1:")) return kPodLink;
  if (text.starts_with("10.244.3.") || text.starts_with("2001:db8:f3:")) return kUplink2;
  return kUplink;
}

uint32_t link_of(Link link) { return link == Link::kPod ? kPodLink : kUplink; }

// K-59: the address of the way out.
std::string node_address(uint32_t link, Family family) {
  const bool second = link == kUplink2;
  if (family == Family::kIpv4) return second ? kNodeSecondAddress4 : kNodeAddress4;
  return second ? kNodeSecondAddress6 : kNodeAddress6;
}

PacketSpec spec_of(const AddressPort& source, const AddressPort& destination, const PacketStep& step) {
  PacketSpec spec;
  spec.source = source.address.text();
  spec.source_port = source.port;
  spec.destination = destination.address.text();
  spec.destination_port = destination.port;
  spec.protocol = step.key.protocol;
  spec.tcp_flags = tcp_flags(step.signal, step.is_reply);
  spec.sctp_chunk = sctp_chunk(step.signal, step.is_reply);
  spec.tcp_sequence = source.port * 2654435761u + destination.port * 40503u;  // in no window (K-101)
  spec.payload.assign(source.port % 61, 'w');                                 // all lengths, odd ones too
  return spec;
}

// An echo request of the client, or the answer to it.
Bytes echo(const PacketSpec& spec, bool is_answer) {
  const bool ipv6 = address_of(spec.source).family == Family::kIpv6;
  const IpLayer ip{.source = is_answer ? spec.destination : spec.source,
                   .destination = is_answer ? spec.source : spec.destination,
                   .protocol = static_cast<uint8_t>(ipv6 ? 58 : 1)};
  const auto type = static_cast<uint8_t>(ipv6 ? (is_answer ? 129 : 128) : (is_answer ? 0 : 8));
  return ethernet_layer(is_answer ? spec.source_mac : spec.destination_mac,
                        is_answer ? spec.destination_mac : spec.source_mac, {}, ipv6 ? kEtherIpv6 : kEtherIpv4,
                        ip_layer(ip, icmp_layer(ip, type, 0, {0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g', '!'})));
}

// What is rejected, as the client is told of it.
Bytes rejection(const PacketSpec& spec, const PacketStep& step) {
  if (step.signal != Signal::kPing) {
    return build_port_unreachable(spec, spec.protocol == Protocol::kUdp ? 8 : 20);
  }
  const Bytes ping = echo(spec, false);
  const ptrdiff_t end = 14 + (address_of(spec.source).family == Family::kIpv6 ? 40 : 20) + 8;
  return build_own_error({.destination_mac = spec.source_mac,
                          .source_mac = spec.destination_mac,
                          .source = spec.destination,
                          .destination = spec.source,
                          .quoted = Bytes(ping.begin() + 14, ping.begin() + end)});
}

AddressPort place_of(const std::string& address, uint16_t port) { return {address_of(address), port}; }

Mac mac_of(uint32_t uplink) { return uplink == kUplink2 ? kUplink2Mac : kUplinkMac; }

void send_on(PacketSpec& spec, uint32_t link) {
  spec.ttl -= 1;
  spec.source_mac = mac_of(link);
  spec.destination_mac = link == kUplink2 ? kRouter2Mac : kRouterMac;
}

PacketSpec answer_to(PacketSpec spec) {
  std::swap(spec.source, spec.destination);
  std::swap(spec.source_port, spec.destination_port);
  return spec;
}

PacketSpec between(const AddressPort& source, const AddressPort& destination, Protocol protocol) {
  PacketSpec spec;
  spec.source = source.address.text();
  spec.source_port = source.port;
  spec.destination = destination.address.text();
  spec.destination_port = destination.port;
  spec.protocol = protocol;
  return spec;
}

}  // namespace waggle
