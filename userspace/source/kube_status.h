// SPDX-License-Identifier: Apache-2.0
// What the API server answers when it does not do what was asked: a Status object. Made by the decoders, read by the
// reflectors.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waggle {

enum class KubeFormat : uint8_t { kProtobuf, kJson };

// By the Content-Type without parameters; nothing for any other.
std::optional<KubeFormat> format_of(std::string_view content_type);

// Of a list's metadata.
struct ListMeta {
  std::string version;
  std::string next_page;  // the continue token; "" on the last page
};

constexpr std::string_view kVersionTooLarge = "ResourceVersionTooLarge";  // the reason of a cause

struct KubeStatus {
  int code = 0;
  std::string reason;                               // "Expired"
  std::string message;                              // for people
  bool version_too_large = false;                   // a cause: the server does not know this resource version yet
  std::optional<std::chrono::seconds> retry_after;  // from the details
};

// At most an hour; nothing for none.
std::optional<std::chrono::seconds> seconds_to_wait(int64_t seconds);

// The Status in the body of an error, in whatever form it is; for other bodies the text itself, shortened.
KubeStatus status_of_body(std::string_view content_type, const std::string& body);

}  // namespace waggle
