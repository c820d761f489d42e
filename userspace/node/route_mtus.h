// SPDX-License-Identifier: Apache-2.0
// MTUs that routes have of their own (`ip route add ... mtu 1290`), by the link they lead over. The kernel's forwarding
// honours them; bpf_fib_lookup, which XDP asks, does not. Read by the agent through its NodeWatch.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <map>

#include "base/result.h"

namespace waggle {

class RouteMtus {
 public:
  void note(uint32_t ifindex, uint32_t mtu);
  // Of a route whose links are not known.
  void note_everywhere(uint32_t mtu) { note(kEveryLink, mtu); }
  // The smallest of a link's routes; the largest number there is if none has an MTU of its own.
  [[nodiscard]] uint32_t smallest(uint32_t ifindex) const;

 private:
  static constexpr uint32_t kEveryLink = 0;
  std::map<uint32_t, uint32_t> by_index_;
};

// Takes in one RTM_NEWROUTE: unicast routes of every table but `local`, all links of one with several next hops. Locked
// MTUs (`mtu lock`) and what the kernel learned about a path are left out: bpf_fib_lookup honours those.
void note_route(const nlmsghdr* message, RouteMtus& mtus);

// Of the network namespace this thread is in. A change in the meantime may be missed; it is announced.
Result<RouteMtus> read_route_mtus();

}  // namespace waggle
