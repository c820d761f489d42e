// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config_rig.h"

namespace waggle {
namespace {

// A node without a cluster.
Result<AgentOptions> parse_more(std::vector<std::string> more) {
  std::vector<std::string> words{"--manifests", "/m", "--node-name=n1", "--devices", "eth0"};
  words.insert(words.end(), more.begin(), more.end());
  return parse_words(words);
}

TEST(AgentOptions, DefaultsAreThoseOfTheHelp) {
  const auto options = parse_more({});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->manifests, "/m");
  EXPECT_EQ(options->node_name, "n1");
  EXPECT_EQ(options->devices, std::vector<std::string>{"eth0"});
  EXPECT_EQ(options->pod_interfaces, (std::vector<std::string>{"cali*", "veth*", "lxc*", "eni*", "gke*", "azv*"}));
  EXPECT_EQ(options->run_dir, "/run/waggle");
  EXPECT_EQ(options->sock_lb_tcp, WG_SOCK_LB_ALL);
  EXPECT_EQ(options->sock_lb_udp, WG_SOCK_LB_HOST);
  EXPECT_EQ(options->xdp, XdpUse::kAuto);
  EXPECT_EQ(options->tc_attach, TcAttach::kAuto);
  EXPECT_EQ(options->snat_ports, (PortRange{61440, 65535}));
  EXPECT_EQ(options->snat_mark, 0x4000u);
  EXPECT_EQ(options->flow_slots, 0u);
  EXPECT_EQ(options->log_level, "info");
}

TEST(AgentOptions, TheDataplanesOwnPortsForSnatAreTheOptionsDefault) {
  const DataplaneConfig config = dataplane_config(*parse_more({}));
  EXPECT_EQ(config.snat_port_min, DataplaneConfig{}.snat_port_min);
  EXPECT_EQ(config.snat_ports, DataplaneConfig{}.snat_ports);
  EXPECT_NE(agent_help().find("(61440-65535)"), std::string::npos);
}

TEST(AgentOptions, EveryOptionIsRead) {
  const auto options = parse_more({"--pod-interfaces",
                                   "cali*,tap0",
                                   "--pod-interfaces=veth*",
                                   "--cgroup-root",
                                   "/c",
                                   "--bpf-root",
                                   "/b",
                                   "--run-dir",
                                   "/r",
                                   "--socket-lb-tcp",
                                   "host",
                                   "--socket-lb-udp",
                                   "off",
                                   "--xdp",
                                   "off",
                                   "--tc-attach",
                                   "clsact",
                                   "--snat-ports",
                                   "32768-65535",
                                   "--snat-mark",
                                   "0x8000",
                                   "--flow-slots",
                                   "65536",
                                   "--log-level",
                                   "debug"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->pod_interfaces, (std::vector<std::string>{"cali*", "tap0", "veth*"}));
  EXPECT_EQ(options->cgroup_root, "/c");
  EXPECT_EQ(options->bpf_root, "/b");
  EXPECT_EQ(options->run_dir, "/r");
  EXPECT_EQ(options->sock_lb_tcp, WG_SOCK_LB_HOST);
  EXPECT_EQ(options->sock_lb_udp, WG_SOCK_LB_OFF);
  EXPECT_EQ(options->xdp, XdpUse::kOff);
  EXPECT_EQ(options->tc_attach, TcAttach::kClsact);
  EXPECT_EQ(options->log_level, "debug");
  const DataplaneConfig config = dataplane_config(*options);
  EXPECT_EQ(config.snat_port_min, 32768);
  EXPECT_EQ(config.snat_ports, 32768u);
  EXPECT_EQ(config.snat_mark, 0x8000u);
  EXPECT_EQ(config.sizes.flow_slots4, 65536u);
  EXPECT_EQ(config.sizes.snat_slots4, 16384u);
}

TEST(AgentOptions, EachPolicyIsABitOfTheProgramsSettings) {
  const auto policy = [](const std::vector<std::string>& words) {
    return dataplane_config(parse_more(words).value()).policy;
  };
  EXPECT_EQ(policy({}), DataplaneConfig{}.policy);
  EXPECT_EQ(policy({}), WG_POLICY_ANSWER_PING | WG_POLICY_REJECT_UNKNOWN | WG_POLICY_DROP_UNALLOCATED);
  EXPECT_EQ(policy({"--snat-mode=always"}), policy({}) | WG_POLICY_SNAT_ALWAYS);
  EXPECT_EQ(policy({"--masquerade-all"}), policy({}) | WG_POLICY_MASQUERADE_ALL);
  EXPECT_EQ(policy({"--cluster-ip-ping=reject"}), policy({}) & ~WG_POLICY_ANSWER_PING);
  EXPECT_EQ(policy({"--cluster-ip-other-ports=pass"}), policy({}) & ~WG_POLICY_REJECT_UNKNOWN);
  EXPECT_EQ(policy({"--service-cidr-unallocated=pass"}), policy({}) & ~WG_POLICY_DROP_UNALLOCATED);
  EXPECT_FALSE(parse_more({"--cluster-ip-ping=maybe"}));
}

TEST(AgentOptions, HelpNeedsNothingElse) {
  const auto options = parse_words({"--help"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->action, AgentAction::kHelp);
  for (const char* option : {"--manifests", "--config", "--hostname-override", "--cluster-cidr"})
    EXPECT_NE(agent_help().find(option), std::string::npos) << option;
}

struct Mistake {
  std::vector<std::string> words;
  std::string said;  // part of the sentence
};

TEST(AgentOptions, NothingIsNeededInACluster) {
  const auto options = parse_words({});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->manifests.empty());
  EXPECT_EQ(options->devices, std::vector<std::string>{"auto"});
}

TEST(AgentOptions, NoneLeavesAKindOfLinkAlone) {
  const auto options = parse_more({"--pod-interfaces=none"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->pod_interfaces.empty());
  const auto neither = parse_words({"--devices=none", "--pod-interfaces=none"});
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.error().message, "--devices and podInterfaces name no link at all: name at least one to attach to");
}

TEST(AgentOptions, AnUnreadableFileIsNamed) {
  std::string word = "--config=/no/such.yaml";
  char* words[] = {word.data()};
  const auto options = parse_agent_options(words);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().message, "--config /no/such.yaml: cannot be read: No such file or directory");
}

// Proves: O-02
TEST(AgentOptions, EachWrongValueIsNamedInOneSentence) {
  const std::vector<Mistake> mistakes{
      {{"--pod-interfaces", "eth0"}, "'eth0' is in both"},
      {{"--devices", "eth1,,eth2"}, "--devices has an empty name"},
      {{"--node-name="}, "node-name"},
      {{"--xdp", "fast"}, "--xdp cannot be 'fast': choose one of auto, off"},
      {{"--socket-lb-tcp", "on"}, "--socket-lb-tcp cannot be 'on'"},
      {{"--socket-lb-udp", "yes"}, "--socket-lb-udp cannot be 'yes'"},
      {{"--tc-attach", "tc"}, "--tc-attach cannot be 'tc'"},
      {{"--log-level", "loud"}, "--log-level cannot be 'loud'"},
      {{"--snat-ports", "60000-65535"}, "has 5536 ports: it must be a power of two"},
      {{"--snat-ports", "512-1023"}, "begins below 1024"},
      {{"--snat-ports", "9-5"}, "is no range of ports"},
      {{"--snat-ports", "1-2,5-6"}, "is no range of ports"},
      {{"--snat-mark", "0x3"}, "exactly one bit"},
      {{"--snat-mark", "0"}, "exactly one bit"},
      {{"--snat-mark", "x"}, "is no 32-bit number"},
      {{"--flow-slots", "1000"}, "is no power of two"},
      {{"--flow-slots", "-1"}, "is no 32-bit number"},
      {{"--config="}, "--config must not be empty"},
      {{"--device", "eth1"}, "device"},
      {{"extra"}, "options only"},
      {{"--snat-mark"}, "snat-mark"},
      {{"--node-name", std::string(300, 'n')}, "node-name"},
  };
  for (const Mistake& mistake : mistakes) {
    const auto options = parse_more(mistake.words);
    ASSERT_FALSE(options) << mistake.said;
    EXPECT_NE(options.error().message.find(mistake.said), std::string::npos) << options.error().message;
    EXPECT_EQ(options.error().message.find('\n'), std::string::npos);
  }
}

TEST(Options, HelpHasNoTwoEmptyLinesInARow) {
  EXPECT_EQ(agent_help().find("\n\n\n"), std::string::npos) << agent_help();
}

}  // namespace
}  // namespace waggle
