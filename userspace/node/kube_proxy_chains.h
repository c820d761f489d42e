// SPDX-License-Identifier: Apache-2.0
// What kube-proxy leaves behind in netfilter (contract O-72), and what looks like it but is kubelet's or a CNI's
// (O-73). Pure. Used by whoever removes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace waggle {

inline constexpr std::string_view kKubeProxyTable = "kube-proxy";  // of nftables mode; its own as a whole

// A chain that kube-proxy made in a table of iptables, in mode iptables or ipvs.
bool is_kube_proxy_chain(std::string_view table, std::string_view chain);

// From the output of iptables-save to the input of `iptables-restore --noflush` that removes kube-proxy's chains and
// the jumps to them, and nothing else. Nothing where there are none.
std::optional<std::string> iptables_removal(std::string_view saved);

}  // namespace waggle
