// SPDX-License-Identifier: Apache-2.0
// The keyed hash and the places it leads to: even over the buckets, under every key, for the regular addresses and
// ports that real networks have.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "waggle/abi/backend.h"
#include "waggle/abi/flow.h"
#include "waggle/abi/frontend.h"
#include "waggle/abi/gate.h"

namespace waggle {
namespace {

constexpr uint32_t kBuckets = 4096;
constexpr double kUneven = 10;  // never seen by chance

class Hash : public testing::Test {
 protected:
  const uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  const wg_hash_key key_{random_(), random_()};
  const testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
};

// How much more uneven than by chance, in standard deviations (chi square, near enough normal for many cells). Below
// nought: evener than by chance, as a hash that treats neighbours alike is.
double unevenness(const std::vector<uint32_t>& cells) {
  double total = 0;
  for (const uint32_t count : cells) total += count;
  const double expected = total / static_cast<double>(cells.size());
  double chi_square = 0;
  for (const uint32_t count : cells) chi_square += (count - expected) * (count - expected) / expected;
  const auto freedom = static_cast<double>(cells.size() - 1);
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

std::vector<uint64_t> regular_flow_hashes(const wg_hash_key& key, uint32_t words) {
  std::vector<uint64_t> hashes;
  for (uint32_t host = 0; host < 64; ++host) {
    for (uint32_t port = 0; port < 1024; ++port) {
      const __be32 address[4] = {htonl(words == 1 ? 0x0a000000 + host : 0x20010db8), 0, 0, htonl(host)};
      hashes.push_back(wg_flow_hash(&key, address, words, htons(static_cast<uint16_t>(32768 + port)), 6));
    }
  }
  return hashes;
}

TEST_F(Hash, SpreadsRegularClientsEvenlyOverBothBucketsAndTags) {
  for (const uint32_t words : {1u, 4u}) {
    std::vector<uint32_t> first(kBuckets), second(kBuckets), tags(WG_FLOW_TAG_MASK / 128 + 1);
    for (const uint64_t hash : regular_flow_hashes(key_, words)) {
      const struct wg_flow_place place = ::wg_flow_place_of(hash, kBuckets - 1, WG_PROTOCOL_TCP);
      ++first[place.bucket1];
      ++second[place.bucket2];
      ++tags[(place.want & WG_FLOW_TAG_MASK) / 128];
      ASSERT_NE(place.bucket1, place.bucket2);
      ASSERT_LT(place.bucket2, kBuckets);
    }
    EXPECT_LT(unevenness(first), kUneven) << words;
    EXPECT_LT(unevenness(second), kUneven) << words;
    EXPECT_LT(unevenness(tags), kUneven) << words;
  }
}

// Flows that share a bucket must not share the other one, nor the tag.
TEST_F(Hash, TheTwoBucketsAndTheTagAreIndependent) {
  std::vector<uint32_t> pairs(64 * 64), tagged(64 * 512);
  for (const uint64_t hash : regular_flow_hashes(key_, 1)) {
    const struct wg_flow_place place = ::wg_flow_place_of(hash, kBuckets - 1, WG_PROTOCOL_TCP);
    ++pairs[place.bucket1 % 64 * 64 + place.bucket2 / 64];
    ++tagged[place.bucket1 % 64 * 512 + (place.want & WG_FLOW_TAG_MASK) / 128];
  }
  EXPECT_LT(unevenness(pairs), kUneven);
  EXPECT_LT(unevenness(tagged), kUneven);
}

TEST_F(Hash, DomainsChooseDifferentPlaces) {
  const __be32 address[4] = {htonl(0x0a000001), 0, 0, 0};
  uint32_t same = 0;
  for (uint32_t port = 0; port < 4096; ++port) {
    const auto network_port = htons(static_cast<uint16_t>(port));
    const uint64_t flow = wg_flow_hash(&key_, address, 1, network_port, 6);
    same += (flow & 0xff) == (wg_frontend_hash(&key_, address, 1, network_port, 6) & 0xff);
    same += (flow & 0xff) == (wg_reply_gate_hash(&key_, address, 1, network_port, 6) & 0xff);
  }
  EXPECT_LT(same, 100u) << "32 expected";
}

TEST_F(Hash, EveryInputBitMoves) {
  const __be32 address[4] = {static_cast<__be32>(random_()), static_cast<__be32>(random_()),
                             static_cast<__be32>(random_()), static_cast<__be32>(random_())};
  std::set<uint64_t> seen = {wg_hash(&key_, WG_HASH_FLOW, address, 4, 0)};
  for (uint32_t bit = 0; bit < 128; ++bit) {
    __be32 other[4] = {address[0], address[1], address[2], address[3]};
    other[bit / 32] ^= 1u << bit % 32;
    EXPECT_TRUE(seen.insert(wg_hash(&key_, WG_HASH_FLOW, other, 4, 0)).second) << "address bit " << bit;
  }
  for (uint32_t bit = 0; bit < 56; ++bit) {
    EXPECT_TRUE(seen.insert(wg_hash(&key_, WG_HASH_FLOW, address, 4, 1ull << bit)).second) << "further bit " << bit;
  }
}

// What collides under one key must not under another: an outsider cannot aim at a bucket.
TEST_F(Hash, AnotherKeyScattersWhatSharedABucket) {
  const wg_hash_key other{random_(), random_()};
  const auto here = regular_flow_hashes(key_, 1);
  const auto there = regular_flow_hashes(other, 1);
  std::vector<uint32_t> cells(256);
  for (size_t i = 0; i < here.size(); ++i) {
    if (here[i] % 64 == 7) ++cells[there[i] % 256];
  }
  EXPECT_LT(unevenness(cells), kUneven);
}

// The gates' hash is one multiplication: addresses in a row fall on a lattice, whose unevenness depends on the key and
// is sometimes more than chance's, so it is not measured against chance. What a packet pays for is a word that is full.
constexpr double kFullest = 3;

double fullest_share(const std::vector<uint32_t>& words) {
  double total = 0;
  for (const uint32_t count : words) total += count;
  return *std::max_element(words.begin(), words.end()) * static_cast<double>(words.size()) / total;
}

TEST_F(Hash, GateBitsAreEven) {
  constexpr uint32_t kBitsMask = 512 * 64 - 1;
  std::vector<uint32_t> words(512);
  for (uint32_t host = 0; host < 65536; ++host) {
    const __be32 address = htonl(0x0af40000 + host);
    ++words[wg_gate_word(wg_reply_gate_hash(&key_, &address, 1, htons(8080), 6), kBitsMask)];
  }
  EXPECT_LT(fullest_share(words), kFullest);
}

// The addresses of a cluster's services stand close together; each shall have a bit of its own.
TEST_F(Hash, FrontendGateBitsAreEven) {
  constexpr uint32_t kBitsMask = 2048 * 64 - 1;
  std::vector<uint32_t> words(2048);
  std::set<uint32_t> places;
  for (uint32_t host = 0; host < 65536; ++host) {
    const __be32 address = htonl(0x0a600000 + host);
    const uint64_t hash = wg_frontend_gate_hash(&key_, &address, 1);
    ++words[wg_gate_word(hash, kBitsMask)];
    if (host < 4096) places.insert(wg_gate_place(hash, kBitsMask));
  }
  EXPECT_LT(fullest_share(words), kFullest);
  EXPECT_GT(places.size(), 3800u) << "4096 addresses among 131072 bits: 4033 expected by chance";
}

TEST_F(Hash, FrontendGateBitsOfIpv6AreEven) {
  constexpr uint32_t kBitsMask = 2048 * 64 - 1;
  std::vector<uint32_t> words(2048);
  for (uint32_t host = 0; host < 65536; ++host) {
    const __be32 address[4] = {htonl(0xfd000096), 0, htonl(host >> 8), htonl(host & 0xff)};
    ++words[wg_gate_word(wg_frontend_gate_hash(&key_, address, 4), kBitsMask)];
  }
  EXPECT_LT(fullest_share(words), kFullest);
}

TEST(Place, CarriesProtocolTagAndValidBit) {
  const struct wg_flow_place tcp = ::wg_flow_place_of(~0ull, 7, WG_PROTOCOL_TCP);
  const struct wg_flow_place udp = ::wg_flow_place_of(~0ull, 7, WG_PROTOCOL_UDP);
  EXPECT_EQ(tcp.want & WG_FLOW_PROTOCOL_MASK, WG_FLOW_TCP << WG_FLOW_PROTOCOL_SHIFT);
  EXPECT_EQ(udp.want & WG_FLOW_PROTOCOL_MASK, WG_FLOW_UDP << WG_FLOW_PROTOCOL_SHIFT);
  EXPECT_EQ(tcp.want & WG_FLOW_TAG_MASK, WG_FLOW_TAG_MASK);
  EXPECT_EQ(tcp.want & ~WG_FLOW_FILTER, 0u);
  EXPECT_TRUE(tcp.want & WG_FLOW_VALID);
}

}  // namespace
}  // namespace waggle
