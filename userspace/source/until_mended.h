// SPDX-License-Identifier: Apache-2.0
// What becomes of an object that is refused as a whole, to stand at the end of the complaint about it. Used by both
// sources.
#pragma once

#include <string_view>

#include "model/state.h"

namespace waggle {

// has_good_version: one that was read earlier keeps serving.
constexpr std::string_view until_mended(ObjectKind kind, bool has_good_version) {
  if (has_good_version) return "; until it is mended, the last good version keeps serving";
  if (kind == ObjectKind::kService)
    return "; until it is mended, nothing of it is served but what a previous run programmed";
  if (kind == ObjectKind::kEndpointSlice)
    return "; until it is mended, none of its endpoints is served but those that a previous run programmed";
  return "; until it is mended, it does not count";
}

}  // namespace waggle
