// SPDX-License-Identifier: Apache-2.0
// Parsing, with the sanitizers watching: every packet lies in memory of exactly its size.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>

#include "bpf_lib.h"
#include "support/packet_fields.h"
#include "waggle/abi/reason.h"

namespace waggle {
namespace {

struct Parsed {
  int result = 0;
  native_packet packet{};
};

Parsed parse(const Bytes& bytes) {
  // malloc of the exact size: one byte too far is an error at once.
  const std::unique_ptr<uint8_t, decltype(&std::free)> frame(static_cast<uint8_t*>(std::malloc(bytes.size())),
                                                             &std::free);
  if (!bytes.empty()) std::memcpy(frame.get(), bytes.data(), bytes.size());
  Parsed parsed;
  parsed.result = native_parse(frame.get(), static_cast<uint32_t>(bytes.size()), &parsed.packet);
  return parsed;
}

PacketSpec spec_of(bool ipv6, Protocol protocol) {
  return {.source = ipv6 ? "2001:db8::1" : "10.0.0.1",
          .destination = ipv6 ? "2001:db8::2" : "10.0.0.2",
          .protocol = protocol,
          .source_port = 1234,
          .destination_port = 80,
          .ttl = 17,
          .tcp_flags = kSyn | kAck};
}

struct Row {
  const char* name = "";
  PacketSpec spec = {};
  uint16_t l3 = 14;
  uint16_t l4 = 34;
};

std::vector<Row> rows() {
  std::vector<Row> rows = {
      {"TCP", spec_of(false, Protocol::kTcp)},
      {"UDP", spec_of(false, Protocol::kUdp)},
      {"TCP over IPv6", spec_of(true, Protocol::kTcp), 14, 54},
      {"UDP over IPv6", spec_of(true, Protocol::kUdp), 14, 54},
      {"VLAN", spec_of(false, Protocol::kTcp), 18, 38},
      {"two VLAN tags", spec_of(true, Protocol::kUdp), 22, 62},
      {"longest IPv4 options", spec_of(false, Protocol::kTcp), 14, 74},
      {"TCP options", spec_of(false, Protocol::kTcp)},
      {"four extension headers", spec_of(true, Protocol::kTcp), 14, 54 + 8 + 24 + 8 + 8},
      {"no payload", spec_of(false, Protocol::kUdp)},
      {"SCTP", spec_of(false, Protocol::kSctp)},
      {"SCTP over IPv6", spec_of(true, Protocol::kSctp), 14, 54},
  };
  rows[4].spec.vlans = {5};
  rows[5].spec.vlans = {5, 6};
  rows[6].spec.ip_options.assign(40, 1);
  rows[7].spec.tcp_options.assign(40, 1);
  rows[8].spec.extensions = {{.type = 0}, {.type = 43, .content = Bytes(20)}, {.type = 60}, {.type = 60}};
  rows[9].spec.payload.clear();
  return rows;
}

void expect_address(const std::string& text, const __be32* words) {
  const auto wanted = address_of(text).words();
  EXPECT_EQ(std::memcmp(wanted.data(), words, sizeof(wanted)), 0) << text;
}

// Bytes of L4 that must be there; of SCTP the chunk's type, too.
uint32_t l4_header(uint8_t protocol) {
  if (protocol == WG_PROTOCOL_TCP) return 20;
  return protocol == WG_PROTOCOL_UDP ? 8 : 13;
}

TEST(Parse, FindsEveryField) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    const Bytes bytes = build(row.spec);
    const Parsed parsed = parse(bytes);
    EXPECT_EQ(parsed.result, 0);
    const native_packet& packet = parsed.packet;
    expect_address(row.spec.source, packet.source);
    expect_address(row.spec.destination, packet.destination);
    EXPECT_EQ(ntohs(packet.source_port), 1234);
    EXPECT_EQ(ntohs(packet.destination_port), 80);
    EXPECT_EQ(packet.protocol, static_cast<uint8_t>(row.spec.protocol));
    EXPECT_EQ(packet.family, static_cast<uint8_t>(address_of(row.spec.source).family));
    EXPECT_EQ(packet.ttl, 17);
    EXPECT_EQ(packet.tcp_flags, row.spec.protocol == Protocol::kUdp ? 0 : kSyn | kAck);
    EXPECT_EQ(packet.l3_offset, row.l3);
    EXPECT_EQ(packet.l4_offset, row.l4);
    EXPECT_EQ(packet.length, bytes.size() - row.l3);
    EXPECT_EQ(packet.vlan_tags, row.spec.vlans.size());
  }
}

TEST(Parse, EveryBeginningOfAPacketIsTruncated) {
  for (const Row& row : rows()) {
    const Bytes whole = build(row.spec);
    const size_t headers = row.l4 + l4_header(static_cast<uint8_t>(row.spec.protocol));
    for (size_t size = 0; size < headers; ++size) {
      const Bytes bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(parse(bytes).result, -WG_REASON_TRUNCATED) << row.name << ", " << size << " bytes";
    }
  }
}

// Whatever the bytes are: an answer from the list, and offsets inside the packet.
void expect_sane(const Bytes& bytes) {
  const Parsed parsed = parse(bytes);
  const native_packet& packet = parsed.packet;
  if (parsed.result != 0) {
    ASSERT_TRUE(parsed.result < 0 && -parsed.result <= WG_REASON_PROTOCOL) << parsed.result;
    return;
  }
  ASSERT_TRUE(packet.protocol == WG_PROTOCOL_TCP || packet.protocol == WG_PROTOCOL_UDP ||
              packet.protocol == WG_PROTOCOL_SCTP);
  ASSERT_GE(packet.l3_offset, 14);
  ASSERT_GE(packet.l4_offset, packet.l3_offset + 20);
  ASSERT_LE(packet.l4_offset + l4_header(packet.protocol), bytes.size());
  ASSERT_GE(packet.l3_offset + packet.length, packet.l4_offset + 8);
}

TEST(Parse, RandomBytesNeverLeadItOutOfThePacket) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<Row> kinds = rows();
  for (int i = 0; i < 300'000; ++i) {
    Bytes bytes = build(kinds[random() % kinds.size()].spec);
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    for (uint64_t spoiled = random() % 6; spoiled > 0 && !bytes.empty(); --spoiled) {
      bytes[random() % std::min<size_t>(bytes.size(), 64)] = static_cast<uint8_t>(random());
    }
    expect_sane(bytes);
    if (HasFatalFailure()) FAIL() << hex_dump(bytes);
  }
}

TEST(Parse, NoiseIsNoPacket) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr uint16_t kTypes[] = {kEtherIpv4, kEtherIpv6, kEtherVlan, 0x88a8, kEtherArp};
  for (int i = 0; i < 200'000; ++i) {
    Bytes bytes(random() % 200);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    if (bytes.size() > 14) {
      const uint16_t type = kTypes[random() % std::size(kTypes)];
      bytes[12] = static_cast<uint8_t>(type >> 8);
      bytes[13] = static_cast<uint8_t>(type);
    }
    expect_sane(bytes);
    if (HasFatalFailure()) FAIL() << hex_dump(bytes);
  }
}

}  // namespace
}  // namespace waggle
