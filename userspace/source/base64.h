// SPDX-License-Identifier: Apache-2.0
// Base64 as kubeconfigs and exec programs hold certificates: the standard alphabet. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace waggle {

std::string encode_base64(std::string_view bytes);
// White space may stand anywhere. Nothing if the text is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace waggle
