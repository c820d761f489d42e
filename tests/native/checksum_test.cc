// SPDX-License-Identifier: Apache-2.0
// Incremental checksums against recomputed ones (RFC 1624).
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "bpf_lib.h"
#include "support/packet_builder.h"

namespace waggle {
namespace {

using Words = std::vector<uint32_t>;

// Of words as they lie in memory, in the byte order a header field has there.
uint16_t whole_checksum(const Words& words) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(words.data());
  return htons(internet_checksum({bytes, words.size() * sizeof(uint32_t)}));
}

// One's complement has two noughts, which mean the same to every receiver.
uint16_t canonical(uint16_t checksum) { return checksum == 0xffff ? 0 : checksum; }

TEST(Checksum, AfterReplacingWordsIsTheRecomputedOne) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr uint32_t kExtremes[] = {0, 1, 0xffff, 0x10000, 0xffff0000, 0xffffffff, 0x80000000, 0xfffeffff};
  const auto word = [&] {
    return random() % 3 == 0 ? kExtremes[random() % std::size(kExtremes)] : static_cast<uint32_t>(random());
  };
  for (int i = 0; i < 500'000; ++i) {
    Words before(5 + random() % 6);
    for (uint32_t& value : before) value = word();
    before[0] |= 0x45;  // a header is never all zeros
    Words after = before;
    const auto replaced = static_cast<uint32_t>(1 + random() % 9 % (before.size() - 1));
    for (uint32_t k = 1; k <= replaced; ++k) after[k] = word();
    const uint16_t updated = native_checksum(whole_checksum(before), before.data() + 1, after.data() + 1, replaced);
    ASSERT_EQ(canonical(updated), canonical(whole_checksum(after)));
  }
}

TEST(Checksum, ReplacingNothingChangesNothing) {
  const Words same = {0x01020304, 0xffffffff, 0};
  for (uint32_t check = 0; check < 0xffff; ++check) {
    ASSERT_EQ(canonical(native_checksum(static_cast<uint16_t>(check), same.data(), same.data(), 3)), check);
  }
}

TEST(Checksum, ExampleOfRfc1624) {
  // RFC 1624, section 4: the header's checksum is DD2F, a 16-bit field changes from 5555 to 3285, the checksum becomes
  // 0.
  const uint32_t before = htons(0x5555);
  const uint32_t after = htons(0x3285);
  EXPECT_EQ(native_checksum(htons(0xdd2f), &before, &after, 1), 0);
}

}  // namespace
}  // namespace waggle
