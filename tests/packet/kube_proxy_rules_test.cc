// SPDX-License-Identifier: Apache-2.0
// What kube-proxy leaves in netfilter is removed and nothing else is, with real rules in a network namespace: made by
// nft, and by iptables where this machine has it. Needs root.
#include "node/kube_proxy_rules.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "node/run_program.h"

namespace waggle {
namespace {

// As kube-proxy's nftables mode lays its table out, and with others' tables around it.
constexpr char kNftables[] = R"(
table ip kube-proxy {
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.1 . tcp . 443 : goto svc } }
  chain svc { meta l4proto tcp dnat to 10.1.0.1:6443; }
  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain filter-forward { type filter hook forward priority -110; ct state new counter drop; }
}
table ip6 kube-proxy {
  chain filter-input { type filter hook input priority 0; counter; }
}
table ip nat {
  chain KUBE-SEP-B { meta l4proto tcp dnat to 10.1.0.1:80; }
  chain KUBE-SVC-A { jump KUBE-SEP-B; }
  chain KUBE-SERVICES { ip daddr 10.96.0.2 jump KUBE-SVC-A; }
  chain CNI-HOSTPORT-DNAT { counter; }
  chain PREROUTING { type nat hook prerouting priority dstnat; counter jump KUBE-SERVICES; counter jump CNI-HOSTPORT-DNAT; }
}
table ip filter {
  chain KUBE-FIREWALL { counter drop; }
  chain KUBE-FORWARD { accept; }
  chain FORWARD { type filter hook forward priority 0; goto KUBE-FORWARD; }
  chain INPUT { type filter hook input priority 0; jump KUBE-FIREWALL; }
}
table inet other {
  chain KUBE-SERVICES { counter; }
}
)";

struct Rules : testing::Test {
  void SetUp() override { ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root"; }

  static std::string run(const std::vector<std::string>& words, const std::string& input = "") {
    const auto printed = run_program(words, input);
    EXPECT_TRUE(printed) << printed.error().message;
    return printed.value_or("");
  }
  static void nft(const std::string& script) { run({"nft", "-f", "-"}, script); }
  static std::string ruleset() { return run({"nft", "list", "ruleset"}); }
  static bool has(const std::string& what) { return ruleset().find(what) != std::string::npos; }
};

// Proves: O-71, O-72, O-73
TEST_F(Rules, OfKubeProxyGoAndThoseOfOthersStay) {
  ASSERT_FALSE(find_program("nft").empty()) << "this machine has no nft; run scripts/install_dependencies.sh";
  nft(kNftables);
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  EXPECT_TRUE(removed.problems.empty()) << removed.problems.front();
  EXPECT_EQ(removed.tables, 2u);
  EXPECT_EQ(removed.chains, 4u);
  EXPECT_EQ(removed.jumps, 2u);
  for (const char* gone : {"kube-proxy", "KUBE-SEP-B", "KUBE-SVC-A", "KUBE-FORWARD", "10.96.0.2"})
    EXPECT_FALSE(has(gone)) << gone << " is still there:\n" << ruleset();
  for (const char* kept : {"jump CNI-HOSTPORT-DNAT", "jump KUBE-FIREWALL", "chain KUBE-FIREWALL", "table inet other",
                           "chain KUBE-SERVICES"})
    EXPECT_TRUE(has(kept)) << kept << " is gone:\n" << ruleset();
  EXPECT_FALSE(remove_kube_proxy_rules(KubeProxyTable::kRemoved).any()) << "what is gone is no error";
}

// Proves: O-70
TEST_F(Rules, OfKubeProxysTableGoAtTheStartButItsChainsStaySoThatItsConnectionsGoOn) {
  ASSERT_FALSE(find_program("nft").empty()) << "this machine has no nft; run scripts/install_dependencies.sh";
  nft(kNftables);
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kEmptied);
  EXPECT_TRUE(removed.problems.empty()) << removed.problems.front();
  EXPECT_EQ(removed.tables, 2u);
  EXPECT_TRUE(has("type nat hook prerouting priority dstnat")) << ruleset();
  EXPECT_TRUE(has("chain nat-prerouting"));
  EXPECT_FALSE(has("jump services")) << ruleset();
  EXPECT_FALSE(has("ct state new"));
  EXPECT_FALSE(remove_kube_proxy_rules(KubeProxyTable::kEmptied).any()) << "it is done once";
}

TEST_F(Rules, ThatAreNotThereAreNoError) {
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  EXPECT_TRUE(removed.problems.empty());
  EXPECT_FALSE(removed.any());
}

// A chain that something else than a base chain leads to cannot be removed: nothing is, and that is said.
TEST_F(Rules, ThatOthersUseStayAltogetherAndAreNamed) {
  ASSERT_FALSE(find_program("nft").empty()) << "this machine has no nft; run scripts/install_dependencies.sh";
  nft("table ip nat { chain KUBE-MARK-MASQ { counter; }; chain mine { jump KUBE-MARK-MASQ; }; }");
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  ASSERT_EQ(removed.problems.size(), 1u);
  EXPECT_EQ(removed.problems[0], "nf_tables: cannot remove kube-proxy's rules: Device or resource busy");
  EXPECT_TRUE(has("jump KUBE-MARK-MASQ"));
}

class Iptables : public Rules, public testing::WithParamInterface<std::string> {};

// Proves: O-71, O-72, O-73
TEST_P(Iptables, RulesOfKubeProxyGoWhereverIptablesKeepsThem) {
  const std::string program = GetParam();
  ASSERT_FALSE(find_program(program).empty())
      << "this machine has no " << program << "; run scripts/install_dependencies.sh";
  ASSERT_TRUE(run_program({program, "-t", "nat", "-L", "-n"})) << "this kernel has no tables for " << program;
  const auto rule = [&program](std::vector<std::string> words) {
    words.insert(words.begin(), program);
    run(words);
  };
  rule({"-t", "nat", "-N", "KUBE-SERVICES"});
  rule({"-t", "nat", "-N", "KUBE-SVC-A"});
  rule({"-t", "nat", "-A", "KUBE-SERVICES", "-p", "tcp", "-m", "comment", "--comment", "ns/a b", "-j", "KUBE-SVC-A"});
  rule({"-t", "nat", "-A", "PREROUTING", "-m", "comment", "--comment", "kubernetes service portals", "-j",
        "KUBE-SERVICES"});
  rule({"-t", "filter", "-N", "KUBE-FIREWALL"});
  rule({"-t", "filter", "-A", "INPUT", "-j", "KUBE-FIREWALL"});
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kEmptied);
  EXPECT_TRUE(removed.problems.empty()) << removed.problems.front();
  EXPECT_EQ(removed.chains, 2u);
  EXPECT_EQ(removed.jumps, 1u);
  EXPECT_EQ(run({program + "-save", "-t", "nat"}).find("KUBE-"), std::string::npos);
  EXPECT_NE(run({program + "-save", "-t", "filter"}).find("-A INPUT -j KUBE-FIREWALL"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(EveryKind, Iptables,
                         testing::Values("iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"));

}  // namespace
}  // namespace waggle
