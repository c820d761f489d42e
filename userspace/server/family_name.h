// SPDX-License-Identifier: Apache-2.0
// The families as Kubernetes names them in labels and answers.
#pragma once

#include <array>
#include <string_view>

#include "model/address.h"

namespace waggle {

inline constexpr std::array<Family, 2> kFamilies{Family::kIpv4, Family::kIpv6};

inline constexpr size_t index_of(Family family) { return static_cast<size_t>(family); }
inline constexpr std::string_view family_name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

}  // namespace waggle
