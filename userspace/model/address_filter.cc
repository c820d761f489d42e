// SPDX-License-Identifier: Apache-2.0
#include "model/address_filter.h"

#include <cstring>
#include <utility>

namespace waggle {
namespace {

constexpr size_t kFirstPlaces = 64;

// Nothing is lost if someone aims at it: a "yes" is looked after.
uint32_t hash_of(const IpAddress& address) {
  uint64_t halves[2];
  std::memcpy(halves, address.bytes.data(), sizeof halves);
  uint64_t hash = (halves[0] ^ static_cast<uint64_t>(address.family)) * 0x9e3779b97f4a7c15;
  hash = (hash ^ hash >> 32 ^ halves[1]) * 0xbf58476d1ce4e5b9;
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

size_t AddressFilter::place_of(uint32_t hash) const {
  size_t place = hash & (places_.size() - 1);
  while (places_[place].count != 0 && places_[place].hash != hash) place = next(place);
  return place;
}

void AddressFilter::grow() {
  const auto old = std::exchange(places_, std::vector<Place>(places_.empty() ? kFirstPlaces : 2 * places_.size()));
  for (const Place& one : old) {
    if (one.count != 0) places_[place_of(one.hash)] = one;
  }
}

void AddressFilter::add(const IpAddress& address) {
  if (2 * (used_ + 1) > places_.size()) grow();
  const uint32_t hash = hash_of(address);
  Place& place = places_[place_of(hash)];
  place.hash = hash;
  if (place.count++ == 0) ++used_;
}

bool AddressFilter::may_have(const IpAddress& address) const {
  return used_ != 0 && places_[place_of(hash_of(address))].count != 0;
}

// What stands behind the gap in the same run is put again, so that the run has no gap.
void AddressFilter::remove(const IpAddress& address) {
  size_t place = place_of(hash_of(address));
  if (--places_[place].count != 0) return;
  --used_;
  for (place = next(place); places_[place].count != 0; place = next(place)) {
    const Place moved = std::exchange(places_[place], Place{});
    places_[place_of(moved.hash)] = moved;
  }
}

}  // namespace waggle
