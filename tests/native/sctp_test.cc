// SPDX-License-Identifier: Apache-2.0
// The incremental CRC32c against one of every byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "bpf_lib.h"
#include "support/packet_builder.h"

namespace waggle {
namespace {

TEST(Crc32c, OfTheTestPacketsIsTheOneOfTheStandard) {
  constexpr uint8_t kDigits[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(crc32c(kDigits), 0xe3069283u);  // the check value of every list of CRCs
}

// The checksum of a packet whose first four bytes became others, the rest being the same.
void expect_right_change(Bytes packet, uint32_t after) {
  uint32_t before = 0;
  std::memcpy(&before, packet.data(), sizeof(before));
  const uint32_t old_crc = crc32c(packet);
  std::memcpy(packet.data(), &after, sizeof(after));
  const uint32_t change = native_sctp_change(before ^ after, static_cast<uint32_t>(packet.size()));
  ASSERT_EQ(old_crc ^ change, crc32c(packet)) << packet.size() << " bytes, ports " << before << " to " << after;
}

// Proves: K-105
TEST(SctpChecksum, AfterAChangeOfPortsIsTheRecomputedOne) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto packet_of = [&random](size_t bytes) {
    Bytes packet(bytes);
    std::ranges::generate(packet, [&random] { return static_cast<uint8_t>(random()); });
    return packet;
  };
  for (size_t bytes = 12; bytes < 1600; ++bytes) expect_right_change(packet_of(bytes), static_cast<uint32_t>(random()));
  for (int i = 0; i < 200; ++i) expect_right_change(packet_of(12 + random() % 65524), static_cast<uint32_t>(random()));
  for (const size_t bytes : {12, 16, 255, 256, 4095, 4096, 65535}) expect_right_change(packet_of(bytes), 0x1f905000);
}

TEST(SctpChecksum, DoesNotChangeWithPortsThatStay) { EXPECT_EQ(native_sctp_change(0, 1500), 0u); }

}  // namespace
}  // namespace waggle
