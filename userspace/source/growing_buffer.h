// SPDX-License-Identifier: Apache-2.0
// Bytes that are appended to until they are complete. Unlike a string it moves no byte when it grows large: the kernel
// moves the pages (realloc), which halves the cost of a long list. A member of the list reader.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace waggle {

class GrowingBuffer {
 public:
  // `padding`: bytes that are allocated behind the last one, whatever is in them.
  explicit GrowingBuffer(size_t padding) : padding_(padding) {}

  // False when there is no memory.
  bool append(std::string_view bytes) {
    const size_t needed = size_ + bytes.size() + padding_;
    if (needed > capacity_ && !grow(needed)) return false;
    if (!bytes.empty()) std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return true;
  }
  [[nodiscard]] std::string_view bytes() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  bool grow(size_t needed) {
    const size_t wanted = needed + needed / 2;
    auto* grown = static_cast<char*>(std::realloc(data_.get(), wanted));
    if (grown == nullptr) return false;
    static_cast<void>(data_.release());
    data_.reset(grown);
    capacity_ = wanted;
    return true;
  }

  std::unique_ptr<char, Free> data_;
  size_t padding_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace waggle
