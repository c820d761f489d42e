// SPDX-License-Identifier: Apache-2.0
// Packets for tests, built layer by layer with right lengths and checksums. Used by the packet and native tests; what
// it answers is the caller's. Written without a look at bpf/lib, so that it can contradict it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"

namespace waggle {

using Bytes = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;

// SCTP chunk types (RFC 9260)
inline constexpr uint8_t kSctpData = 0;
inline constexpr uint8_t kSctpInit = 1;
inline constexpr uint8_t kSctpInitAck = 2;
inline constexpr uint8_t kSctpHeartbeat = 4;
inline constexpr uint8_t kSctpAbort = 6;
inline constexpr uint8_t kSctpShutdown = 7;
inline constexpr uint8_t kSctpShutdownAck = 8;
inline constexpr uint8_t kSctpCookieEcho = 10;
inline constexpr uint8_t kSctpShutdownComplete = 14;

inline constexpr Mac kClientMac = {0x02, 0, 0, 0, 0, 0x01};
inline constexpr Mac kNodeMac = {0x02, 0, 0, 0, 0, 0x02};

// An IPv6 extension header in front of the L4 header: 8 bytes and as many more as the content needs.
struct Extension {
  uint8_t type = 60;   // IANA protocol number; 60: destination options
  Bytes content = {};  // behind the two leading bytes, zero-padded
};

// A whole TCP, UDP or SCTP packet as values. Change a field and build it again: that is the translated packet.
// Addresses are text and decide the family; ports, lengths and numbers are in host byte order.
struct PacketSpec {
  Mac destination_mac = kNodeMac;
  Mac source_mac = kClientMac;
  std::vector<uint16_t> vlans = {};  // tags, outermost first
  std::string source = {};
  std::string destination = {};
  Protocol protocol = Protocol::kTcp;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint8_t ttl = 64;
  Bytes ip_options = {};                   // IPv4; a multiple of 4 bytes
  std::vector<Extension> extensions = {};  // IPv6
  uint8_t tcp_flags = kAck;
  uint32_t tcp_sequence = 0x01020304;
  Bytes tcp_options = {};  // a multiple of 4 bytes
  bool udp_checksum = true;
  // Type of the first and only chunk; nothing: what comes nearest to tcp_flags. INIT and INIT ACK get what they must
  // have.
  std::optional<uint8_t> sctp_chunk = {};
  uint32_t ip_id = 0x1234;  // IPv4: 16 bits; IPv6: of the fragment header
  Bytes payload = {'w', 'a', 'g', 'g', 'l', 'e', '!'};
};

Bytes build(const PacketSpec& spec);

// The same packet as fragments, `bytes` of the IP payload in each (a multiple of 8). If they hold all of it, IPv6 gets
// an atomic fragment (RFC 6946) and IPv4 a packet that may be fragmented.
std::vector<Bytes> build_fragments(const PacketSpec& spec, size_t bytes);

// An ICMP or ICMPv6 error. The family is the addresses'.
struct IcmpErrorSpec {
  Mac destination_mac = kNodeMac;
  Mac source_mac = kClientMac;
  std::vector<uint16_t> vlans = {};
  std::string source = {};
  std::string destination = {};
  uint8_t ttl = 64;
  uint8_t type = 3;      // ICMP: destination unreachable
  uint8_t code = 4;      // ICMP: fragmentation needed
  uint32_t rest = 1400;  // the rest of its header: the MTU, or nothing
  Bytes quoted = {};     // the offending packet from its IP header on
};
Bytes build(const IcmpErrorSpec& spec);

// What an error quotes of a packet: its IP header with everything in front of L4, and `bytes` of what comes then.
Bytes quote_of(const PacketSpec& offending, size_t bytes);

// The ICMP or ICMPv6 port unreachable that a frontend answers to `offending`: `quoted` bytes of its L4 header.
Bytes build_port_unreachable(const PacketSpec& offending, size_t quoted);
// The same for whatever is quoted; type, code and rest are its own.
Bytes build_own_error(const IcmpErrorSpec& spec);

// Single layers: each puts its header in front of what comes behind it.
struct IpLayer {
  std::string source = {};
  std::string destination = {};
  uint8_t protocol = 0;  // IANA protocol number of what comes behind
  uint8_t ttl = 64;
  uint16_t fragment = 0x4000;  // IPv4: flags and offset; 0x4000: don't fragment
  uint16_t id = 0x1234;        // IPv4
  Bytes options = {};          // IPv4
  std::vector<Extension> extensions = {};
};
Bytes ethernet_layer(const Mac& destination, const Mac& source, std::span<const uint16_t> vlans, uint16_t ether_type,
                     Bytes behind);
Bytes ip_layer(const IpLayer& layer, Bytes behind);
Bytes tcp_layer(const PacketSpec& spec);
Bytes udp_layer(const PacketSpec& spec);
Bytes sctp_layer(const PacketSpec& spec);
// An ICMP or ICMPv6 message (without its IP header), with its checksum.
Bytes icmp_layer(const IpLayer& ip, uint8_t type, uint8_t code, Bytes behind);

// The internet checksum (RFC 1071) of these bytes, as it goes into a header.
uint16_t internet_checksum(std::span<const uint8_t> bytes, uint32_t sum = 0);
// The CRC32c of these bytes (RFC 9260, appendix A), as a number; SCTP puts its lowest byte first. `crc` goes on from an
// earlier stretch.
uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0);
// Sum of the pseudo header, for internet_checksum.
uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, size_t length);

IpAddress address_of(std::string_view text);
inline constexpr uint16_t kEtherIpv4 = 0x0800;
inline constexpr uint16_t kEtherIpv6 = 0x86dd;
inline constexpr uint16_t kEtherVlan = 0x8100;
inline constexpr uint16_t kEtherArp = 0x0806;

}  // namespace waggle
