// SPDX-License-Identifier: Apache-2.0
// Which addresses some objects have: a set of hashes, with how often each was added, in 16 to 32 bytes for each. A "no"
// is certain, a "yes" almost: whoever hears it looks through the objects. Owned by State.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/address.h"

namespace waggle {

class AddressFilter {
 public:
  void add(const IpAddress& address);
  // One that was added.
  void remove(const IpAddress& address);
  [[nodiscard]] bool may_have(const IpAddress& address) const;

  // It follows from the objects, which are compared.
  bool operator==(const AddressFilter&) const { return true; }

 private:
  struct Place {
    uint32_t hash = 0;
    uint32_t count = 0;  // 0: empty
  };

  [[nodiscard]] size_t next(size_t place) const { return (place + 1) & (places_.size() - 1); }
  // Where the hash stands, or else the empty place where it would.
  [[nodiscard]] size_t place_of(uint32_t hash) const;
  void grow();

  // Open addressing: a hash stands at its place or in the run of others behind it. A power of two, half of them empty.
  std::vector<Place> places_;
  size_t used_ = 0;
};

}  // namespace waggle
