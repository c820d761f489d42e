// SPDX-License-Identifier: Apache-2.0
// How a command of the CLI ends: well, or with one sentence for stderr and an exit status.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/result.h"

namespace waggle::cli {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Trouble {
  std::string message{};
  int status = kExitFailed;
  std::string help_on{};  // usage: the command whose help explains; "" all of them

  // The message, for usage with where to look.
  [[nodiscard]] std::string text() const;
};

template <typename T>
using Outcome = tl::expected<T, Trouble>;

[[nodiscard]] inline tl::unexpected<Trouble> failed(Error error) {
  return tl::unexpected<Trouble>(Trouble{.message = std::move(error.message)});
}
// The command line is wrong. `message`: a sentence without its full stop.
[[nodiscard]] inline tl::unexpected<Trouble> usage(std::string message, std::string help_on = "") {
  return tl::unexpected<Trouble>(
      Trouble{.message = std::move(message), .status = kExitUsage, .help_on = std::move(help_on)});
}

}  // namespace waggle::cli
