// SPDX-License-Identifier: Apache-2.0
// Configuration files: what is read, what is passed over, what is refused and in which words.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "config_rig.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string file_of(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(WAGGLE_SOURCE_DIR) + "/docs/config/" + name).rdbuf();
  return text.str();
}

// Proves: O-01
TEST(ConfigFile, KubeadmsIsTakenUnchanged) {
  const auto options = parse_file(file_of("kubeadm.yaml"), {"--hostname-override=Node-7"});
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->node_name, "node-7");
  EXPECT_EQ(options->api.kubeconfig, "/var/lib/kube-proxy/kubeconfig.conf");
  EXPECT_TRUE(options->manifests.empty());
  EXPECT_EQ(options->servers.healthz->text(), "0.0.0.0:10256");
  EXPECT_EQ(options->servers.metrics->text(), "127.0.0.1:10249");
  EXPECT_EQ(options->servers.proxy_mode, "iptables");
  EXPECT_EQ(options->servers.sync_period, 30s);
  EXPECT_EQ(options->node_ports.accept, NodePortAccept::kEveryAddress);
  EXPECT_EQ(options->oom_score_adj, -999);
  EXPECT_EQ(options->conntrack, ConntrackSettings{});
  EXPECT_EQ(options->detect_local.cluster_cidrs, std::vector<Cidr>{*Cidr::parse("10.244.0.0/16")});
  EXPECT_EQ(options->devices, std::vector<std::string>{"auto"});
  EXPECT_THAT(options->pod_interfaces, testing::Contains("cali*"));
  EXPECT_THAT(options->notices, testing::IsEmpty());  // it sets nothing that Waggle does not use
}

TEST(ConfigFile, BothDocumentsMayStandInOneFile) {
  const auto options = parse_file(file_of("waggle.yaml"));
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->servers.proxy_mode, "nftables");
  EXPECT_EQ(options->servers.metrics->text(), "0.0.0.0:10249");
  EXPECT_EQ(options->node_ports.accept, NodePortAccept::kNodeAddresses);
  EXPECT_EQ(options->conntrack.max_per_core, 65536u);
  EXPECT_EQ(options->conntrack.tcp_close_wait, 1800s);
  EXPECT_EQ(options->devices, (std::vector<std::string>{"bond0", "flannel.1"}));
  EXPECT_EQ(options->pod_interfaces, std::vector<std::string>{"veth*"});
  EXPECT_EQ(options->snat_ports, (PortRange{57344, 65535}));
  EXPECT_EQ(options->snat_mark, 0x8000u);
  EXPECT_EQ(options->flow_slots, 262144u);
  EXPECT_THAT(options->notices, IsEmpty());
}

TEST(ConfigFile, JsonIsReadToo) {
  const auto options = parse_file(
      R"({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "ipvs"})");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->servers.proxy_mode, "ipvs");
}

// Proves: O-11, X-231
TEST(ConfigFile, KubeProxysUnknownFieldsArePassedOverAndNamed) {
  const auto options = parse_file(std::string(kKubeProxyHead) + "mode: nftables\nfuture: 1\nconntrack:\n  dccp: 5s\n");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_THAT(options->notices,
              ElementsAre(StartsWith("c.yaml:4: KubeProxyConfiguration: future: there is no such field"),
                          StartsWith("c.yaml:6: KubeProxyConfiguration: conntrack.dccp: there is no such field")));
}

// Proves: O-11, X-231
TEST(ConfigFile, OfKubeProxysRepeatedFieldsTheLastCounts) {
  const auto options = parse_file(std::string(kKubeProxyHead) + "mode: ipvs\nmode: nftables\n");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->servers.proxy_mode, "nftables");
  EXPECT_THAT(options->notices, ElementsAre("c.yaml:3: KubeProxyConfiguration: mode: stands twice in its map; the last "
                                            "one counts"));
  EXPECT_THAT(complaint(parse_file(std::string(kWaggleHead) + "xdp: auto\nxdp: off\n")),
              StartsWith("c.yaml:3: WaggleConfiguration: xdp: stands twice in its map"));
}

TEST(ConfigFile, WhatHasNoEffectIsNamedInOneLine) {
  const auto options =
      parse_file(std::string(kKubeProxyHead) +
                 "enableProfiling: true\nipvs: {scheduler: rr}\nwinkernel: {enableDSR: true}\n"
                 "featureGates: {AllowServiceExternalIPs: false, Z: true}\nlogging: {flushFrequency: 5000000000}\n");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_THAT(options->notices, ElementsAre(HasSubstr(": featureGates.Z, logging.flushFrequency, enableProfiling, "
                                                      "ipvs.scheduler, winkernel")));
}

struct Mistake {
  std::string file;
  std::string said;  // the beginning of the sentence
};

void expect_complaints(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    const std::string said = complaint(parse_file(mistake.file));
    EXPECT_THAT(said, StartsWith(mistake.said)) << mistake.file;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
}

// Proves: O-11, X-231
TEST(ConfigFile, WhatIsNoConfigurationIsRefused) {
  const std::string kube_proxy = kKubeProxyHead;
  expect_complaints({
      {"", "c.yaml: there is no configuration in this file; write a KubeProxyConfiguration or a WaggleConfiguration"},
      {"- a\n", "c.yaml:1: this document is no configuration"},
      {"mode: [\n", "c.yaml:2: this is not YAML"},
      {"kind: Service\napiVersion: v1\n", "c.yaml:1: kind \"Service\" of apiVersion \"v1\" is no configuration"},
      {"\nkind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1\n",
       "c.yaml:2: kind \"KubeProxyConfiguration\" of apiVersion \"kubeproxy.config.k8s.io/v1\" is no configuration"},
      {"mode: nftables\n", "c.yaml:1: kind \"\" of apiVersion \"\""},
      {kube_proxy + "---\n" + kube_proxy, "c.yaml:4: there is a second KubeProxyConfiguration in this file"},
      {kube_proxy + "---\nkind: Pod\napiVersion: v1\n", "c.yaml:4: kind \"Pod\""},
      {std::string("\xff\xfe"), "c.yaml:1: this is not UTF-8 text"},
  });
}

TEST(ConfigFile, WrongTypesAreRefusedWithLineAndField) {
  const std::string head = kKubeProxyHead;
  const std::string name = ": KubeProxyConfiguration: ";
  expect_complaints({
      {head + "mode: 5\n", "c.yaml:3" + name + "mode: must be text, not the number 5; put it in quotes"},
      {head + "mode: [a]\n", "c.yaml:3" + name + "mode: must be text, not a list"},
      {head + "bindAddressHardFail: \"yes\"\n", "c.yaml:3" + name + "bindAddressHardFail: must be true or false"},
      {head + "conntrack: 5\n", "c.yaml:3" + name + "conntrack: must be a map, not the number 5"},
      {head + "conntrack:\n  min: many\n", "c.yaml:4" + name + "conntrack.min: must be a whole number"},
      {head + "conntrack:\n  min: 99999999999\n",
       "c.yaml:4" + name + "conntrack.min: '99999999999' is no 32-bit number"},
      {head + "conntrack: {udpTimeout: 5}\n",
       "c.yaml:3" + name + "conntrack.udpTimeout: the number 5 has no unit; write it as 5s"},
      {head + "conntrack: {udpTimeout: 5x}\n",
       "c.yaml:3" + name + "conntrack.udpTimeout: '5x' is no duration; write it as 30s, 15m or 1h30m"},
      {head + "clientConnection: {qps: fast}\n", "c.yaml:3" + name + "clientConnection.qps: must be a number"},
      {head + "nodePortAddresses: 10.0.0.0/8\n", "c.yaml:3" + name + "nodePortAddresses: must be a list"},
      {head + "nodePortAddresses: [5]\n", "c.yaml:3" + name + "nodePortAddresses[0]: must be text"},
      {head + "featureGates: [A]\n", "c.yaml:3" + name + "featureGates: must be a map"},
      {head + "featureGates: {A: 1}\n", "c.yaml:3" + name + "featureGates.A: must be true or false"},
  });
}

TEST(ConfigFile, WagglesUnknownFieldsAreErrorsWithLineAndField) {
  const std::string head = kWaggleHead;
  const std::string name = ": WaggleConfiguration: ";
  expect_complaints({
      {head + "device: eth0\n",
       "c.yaml:3" + name + "device: there is no such field; docs/configuration.md lists all fields"},
      {head + "snat:\n  ports: 61440-65535\n  bits: 1\n", "c.yaml:5" + name + "snat.bits: there is no such field"},
      {head + "snat.ports: 61440-65535\n", "c.yaml:3" + name + "snat.ports: there is no such field"},
      {head + "snat: 5\n", "c.yaml:3" + name + "snat: must be a map"},
      {head + "snat: {mark: x}\n", "c.yaml:3" + name + "snat.mark: 'x' is no 32-bit number; write it as 0x4000"},
      {head + "devices: eth0\n", "c.yaml:3" + name + "devices: must be a list"},
      {head + "a: 1\nb: 2\nc: 3\n", "c.yaml:3" + name +
                                        "a: there is no such field; docs/configuration.md lists all fields "
                                        "(and 2 more mistakes in this document)"},
  });
}

TEST(ConfigFile, WrongValuesNameTheirPlaceInTheFile) {
  const std::string waggle = kWaggleHead;
  const std::string kube_proxy = kKubeProxyHead;
  expect_complaints({
      {waggle + "xdp: fast\n", "c.yaml:3: xdp: cannot be 'fast': choose one of auto, off"},
      {waggle + "socketLB: {udp: on}\n", "c.yaml:3: WaggleConfiguration: socketLB.udp: must be text"},
      {waggle + "socketLB: {udp: some}\n", "c.yaml:3: socketLB.udp: cannot be 'some'"},
      {waggle + "snat:\n  ports: 60000-65535\n", "c.yaml:4: snat.ports: 60000-65535 has 5536 ports"},
      {waggle + "snat: {mark: 0x3}\n", "c.yaml:3: snat.mark: must be exactly one bit"},
      {waggle + "devices: [none]\npodInterfaces: [none]\n", "c.yaml:3: devices: and podInterfaces name no link"},
      {waggle + "devices: [veth1]\npodInterfaces: [veth1]\n", "'veth1' is in both c.yaml:3: devices: and"},
      {waggle + "nodeName: \"  \"\n", "c.yaml:3: nodeName: is blank"},
      {kube_proxy + "healthzBindAddress: here\n", "c.yaml:3: healthzBindAddress: 'here' is no address to listen on"},
      {kube_proxy + "healthzBindAddress: 0.0.0.0:1\n---\n" + waggle + "healthz: {bindAddress: 0.0.0.0:2}\n",
       "c.yaml:7: healthz.bindAddress: '0.0.0.0:2' contradicts c.yaml:3: healthzBindAddress: '0.0.0.0:1': keep one"},
  });
}

TEST(ConfigFile, OffNeedsNoQuotes) {
  const auto options =
      parse_file(std::string(kWaggleHead) + "xdp: off\nsocketLB: {tcp: off, udp: \"off\"}\nlogLevel: off\n");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->xdp, XdpUse::kOff);
  EXPECT_FALSE(options->socket_lb());
  EXPECT_EQ(options->log_level, "off");
  EXPECT_THAT(complaint(parse_file(std::string(kWaggleHead) + "nodeName: no\n")),
              HasSubstr("nodeName: must be text, not false; put it in quotes"));
}

TEST(ConfigFile, WaggleSaysWhereToServeWhereKubeProxyDoesNot) {
  const auto options =
      parse_file(std::string(kWaggleHead) + "healthz: {bindAddress: \"[fd00::1]:8080\"}\nmetrics: {enabled: false}\n");
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->servers.healthz->text(), "[fd00::1]:8080");
  EXPECT_FALSE(options->servers.metrics.has_value());
}

}  // namespace
}  // namespace waggle
