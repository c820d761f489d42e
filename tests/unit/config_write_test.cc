// SPDX-License-Identifier: Apache-2.0
// What --write-config-to writes and /configz answers.
#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config_rig.h"
#include "daemon/config_settings.h"
#include "source/tree.h"

namespace waggle {
namespace {

using testing::HasSubstr;

constexpr char kDefaults[] = R"(apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
featureGates: {}
clientConnection:
  kubeconfig: ""
  acceptContentTypes: ""
  contentType: "application/vnd.kubernetes.protobuf"
  qps: 5
  burst: 10
logging:
  format: "text"
  verbosity: 0
hostnameOverride: ""
bindAddress: "0.0.0.0"
healthzBindAddress: "0.0.0.0:10256"
metricsBindAddress: "127.0.0.1:10249"
bindAddressHardFail: false
enableProfiling: false
showHiddenMetricsForVersion: ""
mode: "iptables"
iptables:
  masqueradeBit: 14
  masqueradeAll: false
  localhostNodePorts: true
  syncPeriod: "30s"
  minSyncPeriod: "1s"
nftables:
  masqueradeBit: 14
  masqueradeAll: false
  syncPeriod: "30s"
  minSyncPeriod: "1s"
ipvs:
  scheduler: ""
  excludeCIDRs: []
  strictARP: false
  tcpTimeout: "0s"
  tcpFinTimeout: "0s"
  udpTimeout: "0s"
  syncPeriod: "30s"
  minSyncPeriod: "0s"
detectLocalMode: ""
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
clusterCIDR: ""
nodePortAddresses: []
oomScoreAdj: -999
conntrack:
  maxPerCore: 32768
  min: 131072
  tcpEstablishedTimeout: "24h0m0s"
  tcpCloseWaitTimeout: "1h0m0s"
  tcpBeLiberal: false
  udpTimeout: "0s"
  udpStreamTimeout: "0s"
configSyncPeriod: "15m0s"
---
apiVersion: waggle.dev/v1alpha1
kind: WaggleConfiguration
nodeName: "host-1"
manifests: ""
devices: ["auto"]
podInterfaces: ["auto"]
cgroupRoot: "/sys/fs/cgroup"
bpfRoot: "/sys/fs/bpf"
runDir: "/run/waggle"
socketLB:
  tcp: "all"
  udp: "host"
xdp: "auto"
tcAttach: "auto"
snat:
  mode: "needed"
  ports: "61440-65535"
  mark: "0x4000"
clusterIP:
  ping: "answer"
  otherPorts: "reject"
serviceCIDR:
  unallocated: "drop"
kubeProxyRules: "remove"
nodePortAddresses: ["primary"]
detectLocalMode: "Links"
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
clusterCIDR: ""
flowSlots: 0
logLevel: "info"
healthz:
  enabled: true
  bindAddress: ""
metrics:
  enabled: true
  bindAddress: ""
)";

TEST(ConfigWrite, TheDefaultsAreWrittenInFull) { EXPECT_EQ(parse_words({})->effective_config, kDefaults); }

void expect_round_trip(const Result<AgentOptions>& options) {
  ASSERT_TRUE(options) << complaint(options);
  const auto again = parse_file(options->effective_config);
  ASSERT_TRUE(again) << complaint(again) << "\n" << options->effective_config;
  EXPECT_EQ(again->effective_config, options->effective_config);
  EXPECT_EQ(again->node_name, options->node_name);
  EXPECT_EQ(again->servers.healthz, options->servers.healthz);
  EXPECT_EQ(again->snat_mark, options->snat_mark);
  EXPECT_EQ(again->conntrack, options->conntrack);
  EXPECT_EQ(again->policy, options->policy);
  EXPECT_EQ(again->external_ips, options->external_ips);
  EXPECT_EQ(again->detect_local.mode, options->detect_local.mode);
  EXPECT_EQ(again->detect_local.cluster_cidrs, options->detect_local.cluster_cidrs);
}

TEST(ConfigWrite, WhatIsWrittenReadsTheSame) {
  expect_round_trip(parse_words({}));
  expect_round_trip(parse_words({"--bind-address=::", "--nodeport-addresses=primary", "--snat-mark=0x80000000",
                                 "--feature-gates=A=true,B=false", "--conntrack-max-per-core=0", "--v=5",
                                 "--kube-api-qps=0.5", "--hostname-override=it's \"me\""}));
  expect_round_trip(parse_words({"--cluster-cidr=10.0.0.0/8,fd00::/8", "--masquerade-all", "--snat-mode=always",
                                 "--feature-gates=AllowServiceExternalIPs=false"}));
  expect_round_trip(parse_words({"--healthz-port=0", "--proxy-mode=nftables", "--iptables-masquerade-bit=3"}));
  expect_round_trip(parse_file(std::string(kWaggleHead) + "devices: [eth0]\npodInterfaces: []\n"));
  for (const char* name : {"kubeadm.yaml", "waggle.yaml"}) {
    std::ostringstream text;
    text << std::ifstream(std::string(WAGGLE_SOURCE_DIR) + "/docs/config/" + name).rdbuf();
    expect_round_trip(parse_file(text.str()));
  }
}

TEST(ConfigWrite, ConfigzIsTheSameAsJson) {
  const auto options = parse_words({"--proxy-mode=nftables"});
  const auto documents = parse_json(options->servers.configz, "configz");
  ASSERT_TRUE(documents) << documents.error().message;
  const Value* kube_proxy = documents->front().find("kubeproxy.config.k8s.io");
  ASSERT_NE(kube_proxy, nullptr);
  EXPECT_EQ(kube_proxy->find("kind")->text, "KubeProxyConfiguration");
  EXPECT_EQ(kube_proxy->find("apiVersion")->text, "kubeproxy.config.k8s.io/v1alpha1");
  EXPECT_EQ(kube_proxy->find("mode")->text, "nftables");
  EXPECT_EQ(kube_proxy->find("conntrack")->find("min")->text, "131072");
  EXPECT_EQ(documents->front().find("waggle.dev")->find("snat")->find("mark")->text, "0x4000");
}

// docs/configuration.md has a row for every setting and names none that there is not.
TEST(ConfigWrite, EverySettingIsDocumented) {
  std::ostringstream read;
  read << std::ifstream(std::string(WAGGLE_SOURCE_DIR) + "/docs/configuration.md").rdbuf();
  const std::string text = read.str();
  std::set<std::string> flags;
  for_each_setting([&](const Setting& setting) {
    if (!setting.path.empty()) {
      EXPECT_THAT(text, HasSubstr("`" + std::string(setting.path) + "` |"));
    }
    if (!setting.flag.empty()) flags.insert("`--" + std::string(setting.flag) + "`");
  });
  for (const std::string& flag : flags) EXPECT_THAT(text, HasSubstr(flag));
}

}  // namespace
}  // namespace waggle
