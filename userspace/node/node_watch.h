// SPDX-License-Identifier: Apache-2.0
// What happens to the node's network: an interface at the I/O edge. The daemon owns one, polls `fd()` for reading and
// calls `take()`. The real one listens to the kernel over netlink; tests use a fake.
#pragma once

#include <memory>
#include <set>

#include "base/result.h"
#include "node/interfaces.h"
#include "node/route_mtus.h"

namespace waggle {

struct NodeChanges {
  std::set<uint32_t> vanished;  // ifindexes of links that went; one may be back under the same number
  std::set<uint32_t> changed;   // ifindexes of links that appeared, changed or got other addresses
  bool next_hops = false;       // a link, address, route or neighbour changed: resolved next hops may be wrong
  bool routes = false;          // a link, address or route changed: route_mtus() may answer otherwise

  [[nodiscard]] bool any() const { return next_hops || !vanished.empty() || !changed.empty(); }
};

class NodeWatch {
 public:
  virtual ~NodeWatch() = default;
  [[nodiscard]] virtual int fd() const = 0;
  // What changed since the last call; the first call after opening has everything as changed. Never waits for news.
  virtual Result<NodeChanges> take() = 0;
  // As of the last take().
  [[nodiscard]] virtual const NodeInterfaces& interfaces() const = 0;
  // As of now. Lists all routes: with thousands of them this takes milliseconds.
  virtual Result<RouteMtus> route_mtus() = 0;
};

// Watches links, addresses, routes and neighbours of the network namespace this thread is in. Uses netlink alone: under
// `nsenter --net` /sys still shows the host's devices.
Result<std::unique_ptr<NodeWatch>> watch_netlink();

}  // namespace waggle
