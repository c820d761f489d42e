// SPDX-License-Identifier: Apache-2.0
// Every distinct value ever inserted, in order of insertion: the memory of an exhaustive search. Values are compared as
// bytes.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

namespace waggle {

template <typename Value>
class StateSet {
 public:
  StateSet() : places_(1 << 16) {}

  void insert(const Value& value) {
    if (values_.size() * 2 >= places_.size()) grow();
    for (size_t place = hash(value);; ++place) {
      uint32_t& at = places_[place & (places_.size() - 1)];
      if (at == 0) {
        values_.push_back(value);
        at = static_cast<uint32_t>(values_.size());
        return;
      }
      if (std::memcmp(&values_[at - 1], &value, sizeof(Value)) == 0) return;
    }
  }
  [[nodiscard]] size_t size() const { return values_.size(); }
  const Value& operator[](size_t index) const { return values_[index]; }

 private:
  static size_t hash(const Value& value) {
    std::array<uint64_t, (sizeof(Value) + 7) / 8> words{};
    std::memcpy(words.data(), &value, sizeof(Value));
    uint64_t sum = 1;
    for (const uint64_t word : words) {
      sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
      sum ^= sum >> 29;
    }
    return sum;
  }

  void grow() {
    std::vector<uint32_t> larger(places_.size() * 2);
    for (uint32_t index = 0; index < values_.size(); ++index) {
      size_t place = hash(values_[index]);
      while (larger[place & (larger.size() - 1)] != 0) ++place;
      larger[place & (larger.size() - 1)] = index + 1;
    }
    places_ = std::move(larger);
  }

  std::vector<uint32_t> places_;  // index + 1 in values_; 0: free
  std::deque<Value> values_;
};

}  // namespace waggle
