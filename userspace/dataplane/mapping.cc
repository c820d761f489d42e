// SPDX-License-Identifier: Apache-2.0
#include "dataplane/mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/errors.h"

namespace waggle {
namespace {

constexpr uint64_t kStretch = 1u << 20;
constexpr uint64_t kWindow = 1u << 16;
constexpr unsigned kMovesBeforeAll = 32;

}  // namespace

Result<Mapping> Mapping::map(int map_fd, uint64_t offset, size_t bytes, bool writable) {
  const int protection = PROT_READ | (writable ? PROT_WRITE : 0);
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED, map_fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) return system_failure("mapping a table into memory", errno);
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(data);
  mapping.size_ = bytes;
  return mapping;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Mapping::reset() {
  if (data_ != nullptr) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

uint64_t array_bytes(uint32_t value_size, uint32_t entries) {
  const uint64_t aligned = (uint64_t{value_size} + 7) / 8 * 8;  // the kernel's element size
  return aligned * entries;
}

Result<void> visit_stretches(int map_fd, uint64_t total_bytes, bool writable, const StretchVisitor& visit) {
  for (uint64_t offset = 0; offset < total_bytes; offset += kStretch) {
    const uint64_t bytes = std::min(kStretch, total_bytes - offset);
    auto mapping = Mapping::map(map_fd, offset, bytes, writable);
    if (!mapping) return tl::unexpected(mapping.error());
    visit({mapping->data(), bytes}, offset);
  }
  return {};
}

Result<std::byte*> MapWindow::at(uint64_t offset, size_t bytes) {
  const bool inside = mapping_.size() != 0 && offset >= start_ && offset + bytes <= start_ + mapping_.size();
  if (!inside) {
    const bool all = ++moves_ > kMovesBeforeAll;
    start_ = all ? 0 : offset / kWindow * kWindow;
    const uint64_t end = all ? total_ : std::min(total_, (offset + bytes + kWindow - 1) / kWindow * kWindow);
    auto mapping = Mapping::map(map_fd_, start_, end - start_, writable_);
    mapping_.reset();
    if (!mapping) return tl::unexpected(mapping.error());
    mapping_ = std::move(*mapping);
  }
  return mapping_.data() + (offset - start_);
}

void MapWindow::release() {
  mapping_.reset();
  moves_ = 0;
}

}  // namespace waggle
