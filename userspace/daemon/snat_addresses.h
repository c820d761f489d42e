// SPDX-License-Identifier: Apache-2.0
// Which node address stands at which index of wg_control.snat_address4/6. Flows name the index, so an index keeps its
// address over restarts, and an address that is wanted no more keeps its index until all others are taken. Pure; owned
// by the link keeper, one per family.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/address.h"
#include "waggle/abi/settings.h"

namespace waggle {

class SnatAddresses {
 public:
  explicit SnatAddresses(Family family) : family_(family) {}

  // Takes over what a previous run left.
  void adopt(const wg_control& control);

  // The index of an address, given one if it has none. `fresh`: it must be written before any link names it. None: all
  // indexes are taken by addresses that links use.
  struct Place {
    uint8_t index = 0;
    bool fresh = false;
  };
  std::optional<Place> place_of(const IpAddress& address);

  [[nodiscard]] bool knows(const IpAddress& address) const;
  void forget(uint8_t index) { entries_[index] = {}; }  // a fresh place that could not be written

  // Links begin to name their addresses anew: what place_of() is not asked for until the next call is in use no more.
  void start_round();

  [[nodiscard]] const std::optional<IpAddress>& at(uint8_t index) const { return entries_[index].address; }

 private:
  struct Entry {
    std::optional<IpAddress> address;
    uint64_t last_round = 0;  // in which it was asked for; 0: never by this run
  };

  Family family_;
  uint64_t round_ = 1;
  std::array<Entry, WG_SNAT_ADDRESSES> entries_;
};

}  // namespace waggle
