// SPDX-License-Identifier: Apache-2.0
// What an address is to the service that claims it, the strongest claim first: node ports yield to exact addresses
// (contract K-04); what anyone may write into a Service, to what the cluster gave out. Age counts within a kind (K-06).
#pragma once

#include <cstdint>

namespace waggle {

enum class ClaimKind : uint8_t { kClusterIp, kLoadBalancer, kExternalIp, kNodePort };

}  // namespace waggle
