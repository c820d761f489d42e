// SPDX-License-Identifier: Apache-2.0
// "did you mean ...": the known word nearest to one mistyped. Used by the parser and by commands that take names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace waggle::cli {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// "; did you mean 'service'?" or nothing when no known word is near.
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> known);

}  // namespace waggle::cli
