// SPDX-License-Identifier: Apache-2.0
// Owner of one memory mapping of (a part of) an array map; unmaps it once. Move-only.
//
// Pages of a mapped array count as the agent's resident memory although they are the kernel's own, so mappings are kept
// small (MapWindow) or short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "base/result.h"

namespace waggle {

class Mapping {
 public:
  // offset: a multiple of the page size.
  static Result<Mapping> map(int map_fd, uint64_t offset, size_t bytes, bool writable);
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { reset(); }

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  void reset();

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Whole size of an array map's content.
uint64_t array_bytes(uint32_t value_size, uint32_t entries);

// Calls visit(data, offset) for one stretch after the other; a stretch holds whole buckets.
using StretchVisitor = std::function<void(std::span<std::byte> stretch, uint64_t offset)>;
Result<void> visit_stretches(int map_fd, uint64_t total_bytes, bool writable, const StretchVisitor& visit);

// Gives access to single places of an array map through a small mapping that moves; after many moves it maps all of it
// (a bulk write), until release().
class MapWindow {
 public:
  MapWindow(int map_fd, uint64_t total_bytes, bool writable)
      : map_fd_(map_fd), total_(total_bytes), writable_(writable) {}
  // The place at `offset`, good for `bytes`, until the next call.
  Result<std::byte*> at(uint64_t offset, size_t bytes);
  void release();

 private:
  int map_fd_;
  uint64_t total_;
  bool writable_;
  Mapping mapping_;
  uint64_t start_ = 0;
  unsigned moves_ = 0;
};

}  // namespace waggle
