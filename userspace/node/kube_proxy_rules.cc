// SPDX-License-Identifier: Apache-2.0
#include "node/kube_proxy_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "node/kube_proxy_chains.h"
#include "node/kube_proxy_ipvs.h"
#include "node/run_program.h"

namespace waggle {
namespace {

// Tables that iptables keeps in the kernel by itself; reading the list makes none.
bool has_legacy_tables(bool ipv6) {
  std::ifstream names(ipv6 ? "/proc/self/net/ip6_tables_names" : "/proc/self/net/ip_tables_names");
  std::string name;
  return static_cast<bool>(std::getline(names, name)) && !name.empty();
}

// The variant for these tables has a name of its own where a machine has both.
std::string legacy_program(bool ipv6, std::string_view what) {
  const std::string name = fmt::format("{}tables-legacy-{}", ipv6 ? "ip6" : "ip", what);
  return find_program(name);
}

size_t lines_with(std::string_view text, std::string_view begin) {
  size_t count = text.starts_with(begin) ? 1 : 0;
  const std::string after_line = fmt::format("\n{}", begin);
  for (size_t at = 0; (at = text.find(after_line, at)) != std::string_view::npos; ++at) ++count;
  return count;
}

void add(KubeProxyRules& sum, Result<KubeProxyRules> part) {
  if (!part) {
    sum.problems.push_back(std::move(part.error().message));
    return;
  }
  sum.tables += part->tables;
  sum.chains += part->chains;
  sum.jumps += part->jumps;
}

void add_count(KubeProxyRules& sum, size_t& count, const Result<size_t>& removed) {
  if (!removed) sum.problems.push_back(removed.error().message);
  count += removed.value_or(0);
}

}  // namespace

Result<KubeProxyRules> remove_from_legacy_iptables(bool ipv6) {
  KubeProxyRules removed;
  if (!has_legacy_tables(ipv6)) return removed;
  const std::string save = legacy_program(ipv6, "save");
  const std::string restore = legacy_program(ipv6, "restore");
  const std::string_view family = ipv6 ? "IPv6" : "IPv4";
  if (save.empty() || restore.empty())
    return failure(fmt::format(
        "this node has {} tables of iptables-legacy, and no iptables-legacy-save and -restore to look for kube-proxy's "
        "rules in them; where there are some, remove them with `kube-proxy --cleanup`",
        family));
  const auto saved = run_program({save});
  if (!saved) return tl::unexpected(saved.error());
  const auto removal = iptables_removal(*saved);
  if (!removal.has_value()) return removed;
  if (auto done = run_program({restore, "--noflush", "-w", "5"}, *removal); !done) return tl::unexpected(done.error());
  removed.chains = lines_with(*removal, "-X ");
  removed.jumps = lines_with(*removal, "-D ");
  return removed;
}

std::string kube_proxy_words(const KubeProxyRules& removed) {
  return fmt::format(
      "what kube-proxy left: {} nftables tables, {} iptables chains and {} jumps to them, {} link{} of IPVS, {} sets",
      removed.tables, removed.chains, removed.jumps, removed.links, removed.links == 1 ? "" : "s", removed.sets);
}

KubeProxyRules remove_kube_proxy_rules(KubeProxyTable table) {
  KubeProxyRules sum;
  for (const bool ipv6 : {false, true}) {
    add(sum, remove_from_nftables(ipv6, table));
    add(sum, remove_from_legacy_iptables(ipv6));
  }
  add_count(sum, sum.links, remove_ipvs_link());
  add_count(sum, sum.sets, remove_ipvs_sets());
  sum.remains = ipvs_servers_words();
  return sum;
}

}  // namespace waggle
