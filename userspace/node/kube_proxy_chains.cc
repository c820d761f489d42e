// SPDX-License-Identifier: Apache-2.0
#include "node/kube_proxy_chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace waggle {
namespace {

constexpr std::array<std::string_view, 7> kNatChains{"KUBE-SERVICES",  "KUBE-NODEPORTS",    "KUBE-POSTROUTING",
                                                     "KUBE-MARK-MASQ", "KUBE-PROXY-CANARY", "KUBE-LOAD-BALANCER",
                                                     "KUBE-NODE-PORT"};
constexpr std::array<std::string_view, 5> kNatPrefixes{"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-"};
constexpr std::array<std::string_view, 10> kFilterChains{
    "KUBE-SERVICES",       "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD",   "KUBE-NODEPORTS",
    "KUBE-PROXY-FIREWALL", "KUBE-PROXY-CANARY",      "KUBE-NODE-PORT", "KUBE-SOURCE-RANGES-FIREWALL",
    "KUBE-IPVS-FILTER",    "KUBE-IPVS-OUT-FILTER"};

template <size_t kSize>
bool among(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// The chain that a rule ends in: what follows the last -j or -g outside of quotes. iptables-save quotes only comments,
// which stand before.
std::string_view target_of(const std::vector<std::string_view>& words) {
  std::string_view target;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "-j" || words[i] == "-g") target = words[i + 1];
  }
  return target;
}

// What one table needs; empty: nothing.
struct TableRemoval {
  std::string jumps;
  std::vector<std::string_view> chains;

  void take(std::string_view table, std::string_view line) {
    const auto words = words_of(line);
    if (words.empty()) return;
    if (words[0].starts_with(':') && is_kube_proxy_chain(table, words[0].substr(1)))
      chains.push_back(words[0].substr(1));
    const bool rule = words.size() > 2 && words[0] == "-A" && !is_kube_proxy_chain(table, words[1]);
    if (rule && is_kube_proxy_chain(table, target_of(words))) jumps += fmt::format("-D{}\n", line.substr(2));
  }
  // Naming a chain empties it; only empty chains that nobody jumps to can be deleted.
  [[nodiscard]] std::string text(std::string_view table) const {
    if (chains.empty()) return "";
    std::string out = fmt::format("*{}\n", table);
    for (const std::string_view chain : chains) out += fmt::format(":{} - [0:0]\n", chain);
    out += jumps;
    for (const std::string_view chain : chains) out += fmt::format("-X {}\n", chain);
    return out + "COMMIT\n";
  }
};

}  // namespace

bool is_kube_proxy_chain(std::string_view table, std::string_view chain) {
  if (table == "mangle") return chain == "KUBE-PROXY-CANARY";
  if (table == "filter") return among(kFilterChains, chain);
  return table == "nat" && (among(kNatChains, chain) || std::ranges::any_of(kNatPrefixes, [chain](auto prefix) {
                              return chain.starts_with(prefix);
                            }));
}

std::optional<std::string> iptables_removal(std::string_view saved) {
  std::string out;
  std::string_view table;
  TableRemoval removal;
  while (!saved.empty()) {
    const size_t end = std::min(saved.find('\n'), saved.size());
    const std::string_view line = saved.substr(0, end);
    saved.remove_prefix(std::min(end + 1, saved.size()));
    if (line.starts_with('*')) {
      table = line.substr(1);
      removal = {};
    } else if (line == "COMMIT") {
      out += removal.text(table);
    } else {
      removal.take(table, line);
    }
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

}  // namespace waggle
