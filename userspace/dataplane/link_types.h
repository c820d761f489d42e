// SPDX-License-Identifier: Apache-2.0
// Kernel constants newer than the headers we build with (tcx came with 6.6). Used inside dataplane/ only.
#pragma once

#include <cstdint>

namespace waggle {

inline constexpr uint32_t kAttachTcxIngress = 46;  // BPF_TCX_INGRESS
inline constexpr uint32_t kAttachTcxEgress = 47;   // BPF_TCX_EGRESS
inline constexpr uint32_t kLinkTypeTcx = 11;       // BPF_LINK_TYPE_TCX

}  // namespace waggle
