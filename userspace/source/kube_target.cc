// SPDX-License-Identifier: Apache-2.0
#include "source/kube_target.h"

#include <fmt/format.h>

#include <utility>

namespace waggle {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

KubeTarget& KubeTarget::with(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += std::exchange(first_, false) ? '?' : '&';
  text_.append(name).append("=");
  for (const char c : value) {
    if (is_plain(c)) {
      text_ += c;
    } else {
      text_ += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return *this;
}

}  // namespace waggle
