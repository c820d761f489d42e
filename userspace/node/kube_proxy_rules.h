// SPDX-License-Identifier: Apache-2.0
// Removes what kube-proxy left in this network namespace (contract O-70..O-73): its table of nftables, its chains with
// the jumps to them in tables of iptables, whether iptables keeps them in nf_tables or in its own (legacy) tables, and
// the link and the sets of ipvs mode. Waits for the kernel and for programs: not for the event loop's own thread. Used
// by the agent once its own tables serve, and by `waggle cleanup --kube-proxy`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace waggle {

enum class KubeProxyTable : uint8_t {
  // Its rules go, its base chains stay: without any chain of type nat the kernel would stop translating the connections
  // that kube-proxy began.
  kEmptied,
  kRemoved,
};

struct KubeProxyRules {
  size_t tables = 0;  // kube-proxy's own, emptied or removed
  size_t chains = 0;  // in tables of iptables
  size_t jumps = 0;   // to them
  size_t links = 0;   // kube-ipvs0
  size_t sets = 0;    // of addresses, for ipvs mode's rules
  std::vector<std::string> problems;
  std::string remains{};  // what is left to the operator, and how to remove it; empty: nothing

  [[nodiscard]] bool any() const { return tables + chains + jumps + links + sets > 0; }
};

// "what kube-proxy left: 2 nftables tables, 3 iptables chains, ...": what was removed, for people.
std::string kube_proxy_words(const KubeProxyRules& removed);

// Both families. What fails is in `problems`; the rest is done.
KubeProxyRules remove_kube_proxy_rules(KubeProxyTable table);

// The part in nf_tables, in one transaction for each family, and that in iptables' own tables.
Result<KubeProxyRules> remove_from_nftables(bool ipv6, KubeProxyTable table);
Result<KubeProxyRules> remove_from_legacy_iptables(bool ipv6);

}  // namespace waggle
