// SPDX-License-Identifier: Apache-2.0
// Durations as Kubernetes' files and flags spell them: "30s", "1h30m", "0s", "1.5h". Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace waggle {

using Duration = std::chrono::nanoseconds;

// Nothing where the text is no duration or one of more than 292 years.
std::optional<Duration> parse_duration(std::string_view text);

// "15m0s", "1.5s", "0s": as Kubernetes' own programs print it, so that files can be compared.
std::string duration_text(Duration duration);

}  // namespace waggle
