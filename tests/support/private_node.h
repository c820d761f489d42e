// SPDX-License-Identifier: Apache-2.0
// A node's network for tests that run programs through BPF_PROG_TEST_RUN: links, routes and neighbours in namespaces
// of this process alone. They end with the process, whatever becomes of it. Needs root and `ip`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "support/packet_builder.h"

namespace waggle {

// Links of the node, with fixed indexes. Uplinks face the fabric, where the other nodes and the outside clients are.
inline constexpr uint32_t kPodLink = 11;
inline constexpr uint32_t kUplink = 21;
inline constexpr uint32_t kUplink2 = 31;

// The node's addresses on its uplinks, the MACs of the uplinks and of what is behind them.
inline constexpr const char* kNodeAddress4 = "192.0.2.1";
inline constexpr const char* kNodeAddress6 = "2001:db8:1::1";
inline constexpr const char* kNodeSecondAddress4 = "198.51.100.1";
inline constexpr const char* kNodeSecondAddress6 = "2001:db8:2::1";
inline constexpr Mac kUplinkMac = {0x02, 0, 0, 0, 0, 0x21};
inline constexpr Mac kUplink2Mac = {0x02, 0, 0, 0, 0, 0x31};
inline constexpr Mac kRouterMac = {0x02, 0, 0, 0, 0, 0x22};   // of the neighbour on the first uplink
inline constexpr Mac kRouter2Mac = {0x02, 0, 0, 0, 0, 0x32};  // of the neighbour on the second one

// What lies where (and the same below 2001:db8:..., see private_node.cc):
//   10.244.1.0/24   pods of this node, behind kPodLink
//   10.244.2.0/24   pods behind the first uplink's neighbour
//   10.244.3.0/24   pods behind the second uplink's neighbour
//   10.244.4.0/24   behind a neighbour on the first uplink that does not answer
//   10.244.5.0/24   behind the first uplink's neighbour, over a route with an MTU of 1280
//   203.0.113.0/24  outside clients behind the first uplink's neighbour
//   10.96.0.0/16    (fd00:96::/64) ClusterIPs: the first uplink's neighbour would be sent them, as by a default route

// Moves this process into namespaces of its own and makes all of the above, once; later calls change nothing. Call it
// before there are threads. The directory is an empty BPF file system only this process sees.
Result<std::filesystem::path> enter_private_node();

}  // namespace waggle
