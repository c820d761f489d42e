// SPDX-License-Identifier: Apache-2.0
#include "source/base64.h"

#include <algorithm>
#include <cstdint>

namespace waggle {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  uint32_t gathered = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    padding += c == '=';
    if (c == '=') continue;
    const size_t bits = kDigits.find(c);
    if (bits == std::string_view::npos || padding > 0) return std::nullopt;
    gathered = (gathered << 6) | static_cast<uint32_t>(bits);
    // Every digit but the first of four completes a byte, whose bits stand above those of the next one.
    if (const size_t place = digits++ % 4; place > 0) out.push_back(static_cast<char>(gathered >> (6 - 2 * place)));
  }
  const bool whole = digits % 4 == 0 ? padding == 0 : digits % 4 + padding == 4 && digits % 4 != 1;
  if (!whole) return std::nullopt;
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t size = std::min<size_t>(3, bytes.size() - at);
    uint32_t gathered = 0;
    for (size_t i = 0; i < 3; ++i) gathered = gathered << 8 | (i < size ? static_cast<uint8_t>(bytes[at + i]) : 0U);
    for (size_t i = 0; i < 4; ++i) out.push_back(i <= size ? kDigits[gathered >> (18 - 6 * i) & 63] : '=');
  }
  return out;
}

}  // namespace waggle
