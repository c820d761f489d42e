// SPDX-License-Identifier: Apache-2.0
#include "daemon/snat_addresses.h"

#include <algorithm>

namespace waggle {

void SnatAddresses::adopt(const wg_control& control) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const uint32_t* words = family_ == Family::kIpv4 ? &control.snat_address4[i] : control.snat_address6[i];
    const IpAddress address = IpAddress::from_words(family_, words);
    if (address != IpAddress{.family = family_, .bytes = {}}) entries_[i].address = address;
  }
}

std::optional<SnatAddresses::Place> SnatAddresses::place_of(const IpAddress& address) {
  const auto answer = [&](Entry& entry, bool fresh) {
    entry.last_round = round_;
    return Place{static_cast<uint8_t>(&entry - entries_.data()), fresh};
  };
  const auto known = std::ranges::find(entries_, std::optional(address), &Entry::address);
  if (known != entries_.end()) return answer(*known, false);
  const auto unused = std::ranges::find_if(entries_, [](const Entry& entry) { return !entry.address.has_value(); });
  const auto longest_idle = std::ranges::min_element(entries_, {}, &Entry::last_round);
  if (unused == entries_.end() && longest_idle->last_round == round_) return std::nullopt;
  Entry& entry = unused != entries_.end() ? *unused : *longest_idle;
  entry.address = address;
  return answer(entry, true);
}

bool SnatAddresses::knows(const IpAddress& address) const {
  return std::ranges::find(entries_, std::optional(address), &Entry::address) != entries_.end();
}

void SnatAddresses::start_round() { ++round_; }

}  // namespace waggle
