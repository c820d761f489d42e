// SPDX-License-Identifier: Apache-2.0
#include "cli/interface_names.h"

#include <net/if.h>

#include <array>

#include "dataplane/netns_cookie.h"

namespace waggle::cli {

InterfaceNames::InterfaceNames(const std::optional<AgentStatus>& status) {
  if (!status || !status->netns_cookie) return;
  const auto own = own_netns_cookie();
  here_ = own && *own == *status->netns_cookie;
}

Value InterfaceNames::of(uint32_t ifindex) const {
  std::array<char, IF_NAMESIZE> name{};
  const bool known = here_ && ::if_indextoname(ifindex, name.data()) != nullptr;
  return known ? Value(name.data()) : Value();
}

}  // namespace waggle::cli
