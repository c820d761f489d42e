// SPDX-License-Identifier: Apache-2.0
// What stands where in a packet, by name: for saying how two packets differ, for checking checksums and for spoiling
// single fields. Used by the packet and native tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/packet_builder.h"

namespace waggle {

struct Field {
  std::string name = {};  // "IPv4 destination address"; behind an ICMP error's header: "quoted IPv4 ..."
  size_t offset = 0;
  size_t size = 0;  // bytes
};

// Every header field that is wholly there, in order.
std::vector<Field> fields_of(const Bytes& packet);

// Empty if equal; else one line a differing field, and both packets in hex.
std::string packet_difference(const Bytes& expected, const Bytes& actual);

// Names the packet's own checksums that a recomputation contradicts; empty if all are right. A UDP checksum of zero is
// right, and of the L4 of a fragment or of a packet that is cut off nothing is said.
std::string wrong_checksums(const Bytes& packet);
// The same of the packet that an ICMP error quotes; nothing of SCTP, whose checksum nobody looks at there.
std::string wrong_quoted_checksums(const Bytes& packet);

// Overwrites a field (big endian) and leaves everything else, checksums too. The field must be there.
void set_field(Bytes& packet, std::string_view name, uint64_t value);
// Puts the right IPv4 header checksum in.
void fix_ipv4_checksum(Bytes& packet);
// Puts the right CRC32c in, if it is a whole SCTP packet.
void fix_sctp_checksum(Bytes& packet);

std::string hex_dump(const Bytes& packet);  // its beginning

}  // namespace waggle
