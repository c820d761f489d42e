// SPDX-License-Identifier: Apache-2.0
// The one error style of Waggle: functions that can fail answer Result<T>; nothing of ours throws.
//
// An Error is words for people: which object, which operation, the cause, the remedy if there is one. Context is added
// on the way up ("services.yaml:12: ..."), and whoever ends the journey logs it once.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace waggle {

struct Error {
  std::string message;
  int code = 0;  // errno where the cause was a system call, else 0: for callers that act on it, never for people

  // "where: message"
  [[nodiscard]] Error in(std::string_view where) && {
    return Error{std::string(where) + ": " + std::move(message), code};
  }
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> failure(std::string message, int code = 0) {
  return tl::unexpected<Error>(Error{std::move(message), code});
}

}  // namespace waggle
