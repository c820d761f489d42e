// SPDX-License-Identifier: Apache-2.0
// Every flag and field of kube-proxy (contract 3.2 and 3.3): read from either, with its default, refused where
// kube-proxy refuses it, and in which order they count.
#include <gmock/gmock.h>

#include <set>

#include "config_rig.h"
#include "daemon/config_settings.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

// One setting of the contract's tables: what to write in a file, as a flag, and the line of --write-config-to that
// must then say so. Empty: it has no such form, or is accepted and forgotten.
struct Row {
  std::string field;  // "a.b"
  std::string flag;
  std::string value;    // in the file
  std::string as_flag;  // the same on the command line
  std::string written;  // "  b: 7"
};

const std::vector<Row> kRows = {
    {"featureGates", "feature-gates", "{A: true}", "A=true", "featureGates: {\"A\":true}"},
    {"clientConnection.kubeconfig", "kubeconfig", "/k", "/k", "  kubeconfig: \"/k\""},
    {"clientConnection.acceptContentTypes", "", "application/json", "", "  acceptContentTypes: \"application/json\""},
    {"clientConnection.contentType", "kube-api-content-type", "application/json", "application/json",
     "  contentType: \"application/json\""},
    {"clientConnection.qps", "kube-api-qps", "7.5", "7.5", "  qps: 7.5"},
    {"clientConnection.burst", "kube-api-burst", "20", "20", "  burst: 20"},
    {"logging.format", "logging-format", "json", "json", "  format: \"json\""},
    {"logging.flushFrequency", "log-flush-frequency", "9s", "9s", ""},
    {"logging.verbosity", "v", "4", "4", "  verbosity: 4"},
    {"logging.vmodule", "vmodule", "[{filePattern: a, verbosity: 4}]", "a=4", ""},
    {"logging.options", "", "{json: {infoBufferSize: \"8\"}}", "", ""},
    {"hostnameOverride", "hostname-override", "N1", "N1", "hostnameOverride: \"N1\""},
    {"bindAddress", "bind-address", "10.0.0.1", "10.0.0.1", "bindAddress: \"10.0.0.1\""},
    {"healthzBindAddress", "healthz-bind-address", "10.0.0.1", "10.0.0.1", "healthzBindAddress: \"10.0.0.1:10256\""},
    {"metricsBindAddress", "metrics-bind-address", "0.0.0.0:99", "0.0.0.0:99", "metricsBindAddress: \"0.0.0.0:99\""},
    {"bindAddressHardFail", "bind-address-hard-fail", "true", "true", "bindAddressHardFail: true"},
    {"enableProfiling", "profiling", "true", "true", "enableProfiling: true"},
    {"showHiddenMetricsForVersion", "show-hidden-metrics-for-version", "\"1.35\"", "1.35",
     "showHiddenMetricsForVersion: \"1.35\""},
    {"mode", "proxy-mode", "ipvs", "ipvs", "mode: \"ipvs\""},
    {"iptables.masqueradeBit", "iptables-masquerade-bit", "7", "7", "  masqueradeBit: 7"},
    {"iptables.masqueradeAll", "masquerade-all", "true", "true", "  masqueradeAll: true"},
    {"iptables.localhostNodePorts", "iptables-localhost-nodeports", "false", "false", "  localhostNodePorts: false"},
    {"iptables.syncPeriod", "iptables-sync-period", "1m", "1m", "  syncPeriod: \"1m0s\""},
    {"iptables.minSyncPeriod", "iptables-min-sync-period", "2s", "2s", "  minSyncPeriod: \"2s\""},
    {"nftables.masqueradeBit", "iptables-masquerade-bit", "7", "7", "  masqueradeBit: 7"},
    {"nftables.masqueradeAll", "masquerade-all", "true", "true", "  masqueradeAll: true"},
    {"nftables.syncPeriod", "iptables-sync-period", "1m", "1m", "  syncPeriod: \"1m0s\""},
    {"nftables.minSyncPeriod", "iptables-min-sync-period", "2s", "2s", "  minSyncPeriod: \"2s\""},
    {"ipvs.scheduler", "ipvs-scheduler", "rr", "rr", "  scheduler: \"rr\""},
    {"ipvs.excludeCIDRs", "ipvs-exclude-cidrs", "[10.0.0.0/8, 11.0.0.0/8]", "10.0.0.0/8,11.0.0.0/8",
     "  excludeCIDRs: [\"10.0.0.0/8\",\"11.0.0.0/8\"]"},
    {"ipvs.strictARP", "ipvs-strict-arp", "true", "true", "  strictARP: true"},
    {"ipvs.tcpTimeout", "ipvs-tcp-timeout", "5s", "5s", "  tcpTimeout: \"5s\""},
    {"ipvs.tcpFinTimeout", "ipvs-tcpfin-timeout", "5s", "5s", "  tcpFinTimeout: \"5s\""},
    {"ipvs.udpTimeout", "ipvs-udp-timeout", "5s", "5s", "  udpTimeout: \"5s\""},
    {"ipvs.syncPeriod", "ipvs-sync-period", "1m", "1m", "  syncPeriod: \"1m0s\""},
    {"ipvs.minSyncPeriod", "ipvs-min-sync-period", "2s", "2s", "  minSyncPeriod: \"2s\""},
    {"winkernel", "", "{networkName: x}", "", ""},
    {"windowsRunAsService", "", "true", "", ""},
    {"portRange", "", "1-2", "", ""},
    {"detectLocalMode", "detect-local-mode", "NodeCIDR", "NodeCIDR", "detectLocalMode: \"NodeCIDR\""},
    {"detectLocal.bridgeInterface", "pod-bridge-interface", "cni0", "cni0", "  bridgeInterface: \"cni0\""},
    {"detectLocal.interfaceNamePrefix", "pod-interface-name-prefix", "veth", "veth", "  interfaceNamePrefix: \"veth\""},
    {"clusterCIDR", "cluster-cidr", "\"10.0.0.0/8,fd00::/8\"", "10.0.0.0/8,fd00::/8",
     "clusterCIDR: \"10.0.0.0/8,fd00::/8\""},
    {"nodePortAddresses", "nodeport-addresses", "[10.0.0.0/8, \"fd00::/8\"]", "10.0.0.0/8,fd00::/8",
     "nodePortAddresses: [\"10.0.0.0/8\",\"fd00::/8\"]"},
    {"oomScoreAdj", "oom-score-adj", "-5", "-5", "oomScoreAdj: -5"},
    {"conntrack.maxPerCore", "conntrack-max-per-core", "0", "0", "  maxPerCore: 0"},
    {"conntrack.min", "conntrack-min", "5", "5", "  min: 5"},
    {"conntrack.tcpEstablishedTimeout", "conntrack-tcp-timeout-established", "0s", "0s",
     "  tcpEstablishedTimeout: \"0s\""},
    {"conntrack.tcpCloseWaitTimeout", "conntrack-tcp-timeout-close-wait", "2h", "2h",
     "  tcpCloseWaitTimeout: \"2h0m0s\""},
    {"conntrack.tcpBeLiberal", "conntrack-tcp-be-liberal", "true", "true", "  tcpBeLiberal: true"},
    {"conntrack.udpTimeout", "conntrack-udp-timeout", "5s", "5s", "  udpTimeout: \"5s\""},
    {"conntrack.udpStreamTimeout", "conntrack-udp-timeout-stream", "6s", "6s", "  udpStreamTimeout: \"6s\""},
    {"configSyncPeriod", "config-sync-period", "1m", "1m", "configSyncPeriod: \"1m0s\""},
};

// Lines of the written configuration that the default one does not have.
std::vector<std::string> news(const AgentOptions& options) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  };
  const auto before = parse_words({});
  const std::vector<std::string> old = lines(before->effective_config);
  std::vector<std::string> added;
  for (const std::string& line : lines(options.effective_config))
    if (std::ranges::find(old, line) == old.end()) added.push_back(line);
  return added;
}

std::string as_file(const std::string& field, const std::string& value) {
  const size_t point = field.find('.');
  if (point == std::string::npos) return kKubeProxyHead + field + ": " + value + "\n";
  return kKubeProxyHead + field.substr(0, point) + ":\n  " + field.substr(point + 1) + ": " + value + "\n";
}

TEST(KubeProxyConfig, EveryFieldIsRead) {
  for (const Row& row : kRows) {
    const auto options = parse_file(as_file(row.field, row.value));
    ASSERT_TRUE(options) << row.field << ": " << complaint(options);
    if (row.written.empty()) continue;
    EXPECT_THAT(news(*options), Contains(row.written)) << row.field;
  }
}

TEST(KubeProxyConfig, EveryFlagIsRead) {
  for (const Row& row : kRows) {
    if (row.flag.empty()) continue;
    const auto options = parse_words({"--" + row.flag + "=" + row.as_flag});
    ASSERT_TRUE(options) << row.flag << ": " << complaint(options);
    if (row.written.empty()) continue;
    EXPECT_THAT(news(*options), Contains(row.written)) << row.flag;
  }
}

TEST(KubeProxyConfig, TheTableOfSettingsHasNoOthers) {
  std::set<std::string> known;
  for (const Row& row : kRows) known.insert(row.field + " " + row.flag);
  std::set<std::string> settings;
  for (const Setting& setting : kube_proxy_settings())
    settings.insert(std::string(setting.path) + " " + std::string(setting.flag));
  EXPECT_EQ(settings, known);
}

TEST(KubeProxyConfig, FlagsOfTheStartAndOfLoggingAreAccepted) {
  for (const char* word : {"--master=https://1.2.3.4",
                           "--cleanup",
                           "--init-only",
                           "--write-config-to=/x",
                           "--version",
                           "--help",
                           "-h",
                           "--healthz-port=1",
                           "--metrics-port=1",
                           "--log-json-info-buffer-size=1",
                           "--log-json-split-stream",
                           "--log-text-info-buffer-size=1",
                           "--log-text-split-stream=true",
                           "--boot-id-file=/x",
                           "--machine-id-file=/x",
                           "-v2",
                           "-v=2",
                           "--v=2",
                           "--cluster_cidr=10.0.0.0/8",
                           "--masquerade-all",
                           "--masquerade-all=0"}) {
    const auto options = parse_words({word});
    EXPECT_TRUE(options) << word << ": " << complaint(options);
  }
}

// Proves: O-02
TEST(KubeProxyConfig, ActionsAreTold) {
  EXPECT_EQ(parse_words({}).value().action, AgentAction::kRun);
  EXPECT_EQ(parse_words({"--version"}).value().action, AgentAction::kVersion);
  EXPECT_FALSE(parse_words({"positional"}));
  EXPECT_EQ(parse_words({"--cleanup"}).value().action, AgentAction::kCleanup);
  EXPECT_EQ(parse_words({"--cleanup=false"}).value().action, AgentAction::kRun);
  EXPECT_EQ(parse_words({"--init-only"}).value().action, AgentAction::kInitOnly);
  EXPECT_EQ(parse_words({"--version", "--cleanup"}).value().action, AgentAction::kVersion);
  const auto write = parse_words({"--write-config-to", "/x"});
  EXPECT_EQ(write->action, AgentAction::kWriteConfig);
  EXPECT_EQ(write->write_config_to, "/x");
  EXPECT_THAT(complaint(parse_words({"--cleanup", "--init-only"})), HasSubstr("exclude each other"));
}

// --- order ---

TEST(KubeProxyConfig, TheFileBeatsFlagsButForThoseOfTheContract) {
  const std::string file = std::string(kKubeProxyHead) +
                           "hostnameOverride: from-file\nmode: nftables\nlogging: {verbosity: 2}\n"
                           "clientConnection: {kubeconfig: /file}\n";
  const auto options = parse_file(file, {"--hostname-override=FLAG", "-v=6", "--proxy-mode=ipvs", "--kubeconfig=/flag",
                                         "--masquerade-all", "--master=https://m"});
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->node_name, "flag");
  EXPECT_EQ(options->log_level, "trace");
  EXPECT_EQ(options->api.master, "https://m");
  EXPECT_EQ(options->servers.proxy_mode, "nftables");
  EXPECT_EQ(options->api.kubeconfig, "/file");
  EXPECT_EQ(options->policy & WG_POLICY_MASQUERADE_ALL, 0u);
  EXPECT_THAT(
      options->notices,
      Contains("--kubeconfig, --proxy-mode, --masquerade-all of no effect: the KubeProxyConfiguration in c.yaml "
               "counts instead"));
}

TEST(KubeProxyConfig, WagglesOptionsBeatTheFile) {
  const std::string file = std::string(kWaggleHead) + "xdp: auto\ndevices: [eth1]\nsnat: {mark: 0x1}\nnodeName: a\n";
  const auto options =
      parse_file(file, {"--xdp=off", "--devices=eth2", "--devices=eth3", "--snat-mark=0x2", "--proxy-mode=nftables"});
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->xdp, XdpUse::kOff);
  EXPECT_EQ(options->devices, (std::vector<std::string>{"eth2", "eth3"}));
  EXPECT_EQ(options->snat_mark, 2u);
  EXPECT_EQ(options->servers.proxy_mode, "nftables");  // no KubeProxyConfiguration says otherwise
  EXPECT_EQ(options->node_name, "a");
}

// Proves: I-60, X-232
TEST(KubeProxyConfig, TheNodesNameIsTheHostsInLowerCaseUnlessNamed) {
  EXPECT_EQ(parse_words({}).value().node_name, "host-1");
  EXPECT_EQ(parse_words({"--hostname-override= N2 "}).value().node_name, "n2");
  EXPECT_EQ(parse_words({"--hostname-override="}).value().node_name, "host-1");
  EXPECT_EQ(parse_words({"--hostname-override=a", "--node-name=b"}).value().node_name, "b");
  EXPECT_EQ(parse_file(std::string(kKubeProxyHead) + "hostnameOverride: C").value().node_name, "c");
  const std::string own = std::string(kWaggleHead) + "nodeName: d\n---\n" + kKubeProxyHead + "hostnameOverride: c";
  EXPECT_EQ(parse_file(own).value().node_name, "d");
  EXPECT_EQ(parse_file(own, {"--hostname-override=e"}).value().node_name, "e");
  EXPECT_THAT(complaint(parse_words({"--hostname-override=  "})), StartsWith("--hostname-override is blank"));
}

// Proves: O-10, X-233
TEST(KubeProxyConfig, TheSelectedModesSectionCounts) {
  const std::string sections =
      "iptables: {syncPeriod: 10s, masqueradeAll: true, masqueradeBit: 3}\n"
      "nftables: {syncPeriod: 20s, masqueradeBit: 4}\nipvs: {syncPeriod: 40s}\n";
  const auto with = [&](const std::string& mode) { return parse_file(kKubeProxyHead + sections + "mode: " + mode); };
  EXPECT_EQ(with("iptables").value().servers.sync_period, 10s);
  EXPECT_EQ(with("iptables").value().snat_mark, 8u);
  EXPECT_EQ(with("nftables").value().servers.sync_period, 20s);
  EXPECT_EQ(with("nftables").value().snat_mark, 16u);
  EXPECT_EQ(with("ipvs").value().servers.sync_period, 40s);
  EXPECT_EQ(parse_words({"--proxy-mode=nftables", "--iptables-sync-period=5s"}).value().servers.sync_period, 5s);
}

// Proves: O-05
TEST(KubeProxyConfig, ServersListenWhereTheContractSays) {
  const auto healthz = [](std::vector<std::string> words) {
    return parse_words(std::move(words)).value().servers.healthz;
  };
  const auto metrics = [](std::vector<std::string> words) {
    return parse_words(std::move(words)).value().servers.metrics;
  };
  EXPECT_EQ(healthz({}).value().text(), "0.0.0.0:10256");
  EXPECT_EQ(metrics({}).value().text(), "127.0.0.1:10249");
  EXPECT_EQ(healthz({"--bind-address=::"}).value().text(), "[::]:10256");
  EXPECT_EQ(metrics({"--bind-address=fd00::1"}).value().text(), "[::1]:10249");
  EXPECT_EQ(healthz({"--healthz-bind-address=1.2.3.4"}).value().text(), "1.2.3.4:10256");
  EXPECT_EQ(healthz({"--healthz-bind-address=fd00::1"}).value().text(), "[fd00::1]:10256");
  EXPECT_EQ(healthz({"--healthz-bind-address=[fd00::1]"}).value().text(), "[fd00::1]:10256");
  EXPECT_EQ(healthz({"--healthz-bind-address=[fd00::1]:5"}).value().text(), "[fd00::1]:5");
  EXPECT_EQ(healthz({"--healthz-bind-address="}).value().text(), "0.0.0.0:10256");
  EXPECT_EQ(healthz({"--healthz-bind-address=1.2.3.4", "--healthz-port=7"}).value().text(), "1.2.3.4:7");
  EXPECT_EQ(healthz({"--healthz-bind-address=1.2.3.4:8", "--healthz-port=7"}).value().text(), "1.2.3.4:8");
  EXPECT_EQ(healthz({"--healthz-port=0"}), std::nullopt);
  EXPECT_EQ(metrics({"--metrics-port=7"}).value().text(), "127.0.0.1:7");
}

// --- what is refused ---

// Proves: O-12
TEST(KubeProxyConfig, WhatKubeProxyRefusesIsRefused) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"--proxy-mode=userspace"}, "--proxy-mode cannot be 'userspace': choose one of iptables, nftables, ipvs"},
      {{"--iptables-sync-period=0s"}, "--iptables-sync-period must be more than 0"},
      {{"--iptables-min-sync-period=-1s"}, "--iptables-min-sync-period must not be below 0"},
      {{"--iptables-min-sync-period=31s"},
       "--iptables-min-sync-period is longer than iptables.syncPeriod, which is 30s"},
      {{"--ipvs-sync-period=1"}, "--ipvs-sync-period '1' is no duration"},
      {{"--config-sync-period=0"}, "--config-sync-period must be more than 0"},
      {{"--bind-address=eth0"}, "--bind-address 'eth0' is no IP address"},
      {{"--healthz-bind-address=1.2.3.4:0"}, "--healthz-bind-address '1.2.3.4:0' is no address to listen on"},
      {{"--healthz-bind-address=1.2.3.4:65536"}, "--healthz-bind-address '1.2.3.4:65536' is no address"},
      {{"--metrics-bind-address=localhost:80"}, "--metrics-bind-address 'localhost:80' is no address"},
      {{"--metrics-bind-address=fd00::1:99999"}, "--metrics-bind-address 'fd00::1:99999' is no address"},
      {{"--metrics-port=0"}, "--metrics-port must be a port from 1 to 65535"},
      {{"--healthz-port=-1"}, "--healthz-port must be a port"},
      {{"--healthz-bind-address=1.2.3.4:5", "--metrics-bind-address=1.2.3.4:5"}, "healthz and metrics cannot both"},
      {{"--nodeport-addresses=primary,10.0.0.0/8"}, "--nodeport-addresses mixes 'primary' with addresses"},
      {{"--nodeport-addresses=10.0.0.1"}, "--nodeport-addresses '10.0.0.1' is no CIDR"},
      {{"--detect-local-mode=Magic"}, "--detect-local-mode cannot be 'Magic'"},
      {{"--detect-local-mode=BridgeInterface"}, "detectLocal.bridgeInterface must not be empty in"},
      {{"--detect-local-mode=InterfaceNamePrefix"}, "detectLocal.interfaceNamePrefix must not be empty in"},
      {{"--cluster-cidr=10.0.0.0/8,11.0.0.0/8"}, "--cluster-cidr has more than one CIDR of a family"},
      {{"--cluster-cidr=10.0.0.0/8,fd00::/8,fd01::/16"}, "--cluster-cidr has more than one CIDR of a family"},
      {{"--cluster-cidr=10.0.0.0"}, "--cluster-cidr '10.0.0.0' is no CIDR"},
      {{"--iptables-masquerade-bit=32"}, "--iptables-masquerade-bit '32' is no bit of the packet mark"},
      {{"--iptables-masquerade-bit=-1"}, "--iptables-masquerade-bit '-1' is no bit of the packet mark"},
      {{"--oom-score-adj=1001"}, "--oom-score-adj '1001' is not between -1000 and 1000"},
      {{"--conntrack-max-per-core=-1"}, "--conntrack-max-per-core must not be below 0"},
      {{"--conntrack-min=-1"}, "--conntrack-min must not be below 0"},
      {{"--conntrack-udp-timeout=-1s"}, "--conntrack-udp-timeout must not be below 0"},
      {{"--kube-api-burst=-1"}, "--kube-api-burst must not be below 0"},
      {{"--feature-gates=A"}, "--feature-gates 'A' is no feature gate; write it as Name=true"},
      {{"--masquerade-all=maybe"}, "--masquerade-all 'maybe' is neither true nor false"},
      {{"--manifests=/m", "--master=https://x"}, "--master and a directory of manifests exclude each other"},
  };
  for (const auto& [words, said] : mistakes) EXPECT_THAT(complaint(parse_words(words)), StartsWith(said));
}

TEST(KubeProxyConfig, ASecondClusterCidrOfAnotherModeIsNotLookedAt) {
  EXPECT_TRUE(parse_words({"--detect-local-mode=NodeCIDR", "--cluster-cidr=10.0.0.0/8,11.0.0.0/8"}));
}

// Proves: K-61
TEST(KubeProxyConfig, LocalPodsAndNodePortsAreAsTold) {
  const auto options = parse_words({"--detect-local-mode=InterfaceNamePrefix", "--pod-interface-name-prefix=veth",
                                    "--nodeport-addresses=10.0.0.0/8,fd00::/8", "--bind-address=10.1.2.3"});
  ASSERT_TRUE(options) << complaint(options);
  EXPECT_EQ(options->detect_local.mode, DetectLocalMode::kInterfaceNamePrefix);
  EXPECT_EQ(options->detect_local.interface_name_prefix, "veth");
  EXPECT_EQ(options->node_ports.accept, NodePortAccept::kListed);
  EXPECT_EQ(options->node_ports.cidrs.size(), 2u);
  EXPECT_EQ(options->bind_address, IpAddress::parse("10.1.2.3"));
  EXPECT_EQ(parse_words({}).value().bind_address, std::nullopt);
  EXPECT_EQ(parse_words({"--nodeport-addresses=primary"}).value().node_ports.accept, NodePortAccept::kNodeAddresses);
}

struct Silence {
  std::string file;
  std::vector<std::string> words;
  NodePortAccept node_ports;
  DetectLocalMode detector;
};

// Proves: K-40, X-229
TEST(KubeProxyConfig, WhatIsMeantWhereNothingIsSaidDependsOnWhetherThereIsSuchADocument) {
  const std::string head = kKubeProxyHead;
  const std::vector<Silence> cases = {
      {"", {}, NodePortAccept::kNodeAddresses, DetectLocalMode::kLinks},
      {kWaggleHead, {}, NodePortAccept::kNodeAddresses, DetectLocalMode::kLinks},
      {head, {}, NodePortAccept::kEveryAddress, DetectLocalMode::kClusterCidr},
      {head + "mode: iptables\n", {}, NodePortAccept::kEveryAddress, DetectLocalMode::kClusterCidr},
      {head + "mode: nftables\n", {}, NodePortAccept::kNodeAddresses, DetectLocalMode::kClusterCidr},
      {"", {"--proxy-mode=iptables"}, NodePortAccept::kEveryAddress, DetectLocalMode::kLinks},
      {"", {"--proxy-mode=nftables"}, NodePortAccept::kNodeAddresses, DetectLocalMode::kLinks},
      {"", {"--cluster-cidr=10.0.0.0/8"}, NodePortAccept::kNodeAddresses, DetectLocalMode::kClusterCidr},
      {"", {"--detect-local-mode=ClusterCIDR"}, NodePortAccept::kNodeAddresses, DetectLocalMode::kClusterCidr},
  };
  for (const Silence& silence : cases) {
    const auto options = silence.file.empty() ? parse_words(silence.words) : parse_file(silence.file, silence.words);
    ASSERT_TRUE(options) << complaint(options);
    EXPECT_EQ(options->node_ports.accept, silence.node_ports) << silence.file;
    EXPECT_EQ(options->detect_local.mode, silence.detector) << silence.file;
  }
}

TEST(KubeProxyConfig, WagglesFieldsCountInsteadOfKubeProxys) {
  const std::string both = std::string(kKubeProxyHead) +
                           "mode: iptables\nclusterCIDR: 10.0.0.0/8\nnodePortAddresses: [10.0.0.0/8]\n---\n" +
                           kWaggleHead;
  EXPECT_EQ(parse_file(both + "detectLocalMode: Links\n")->detect_local.mode, DetectLocalMode::kLinks);
  EXPECT_EQ(parse_file(both + "detectLocalMode: None\n")->detect_local.mode, DetectLocalMode::kNone);
  EXPECT_EQ(parse_file(both + "detectLocalMode: ClusterCIDR\n")->detect_local.cluster_cidrs.front().text(),
            "10.0.0.0/8");
  EXPECT_EQ(parse_file(both + "clusterCIDR: 10.1.0.0/16\n")->detect_local.cluster_cidrs.front().text(), "10.1.0.0/16");
  EXPECT_EQ(parse_file(both + "nodePortAddresses: [primary]\n")->node_ports.accept, NodePortAccept::kNodeAddresses);
  EXPECT_EQ(complaint(parse_file(both + "nodePortAddresses: [x]\n")),
            "c.yaml:9: nodePortAddresses: 'x' is no CIDR; write it as 192.0.2.0/24, or 'primary' alone");
  EXPECT_THAT(complaint(parse_words({"--detect-local-mode=Links"})),
              StartsWith("--detect-local-mode cannot be 'Links': choose one of ClusterCIDR, NodeCIDR, "
                         "BridgeInterface, InterfaceNamePrefix"));
}

// Proves: O-10, K-57
TEST(KubeProxyConfig, MasqueradeAllOfTheSelectedModeCounts) {
  const std::string head = kKubeProxyHead;
  const auto policy = [](const std::string& file) { return parse_file(file)->policy & WG_POLICY_MASQUERADE_ALL; };
  EXPECT_EQ(policy(head), 0u);
  EXPECT_NE(policy(head + "iptables: {masqueradeAll: true}\n"), 0u);
  EXPECT_EQ(policy(head + "mode: nftables\niptables: {masqueradeAll: true}\n"), 0u);
  EXPECT_NE(policy(head + "mode: nftables\nnftables: {masqueradeAll: true}\n"), 0u);
  EXPECT_NE(policy(head + "mode: ipvs\niptables: {masqueradeAll: true}\n"), 0u);
  EXPECT_EQ(policy(head + "mode: ipvs\nnftables: {masqueradeAll: true}\n"), 0u);
  EXPECT_NE(parse_words({"--masquerade-all"})->policy & WG_POLICY_MASQUERADE_ALL, 0u);
}

// Proves: I-30
TEST(KubeProxyConfig, TheGateOfExternalIpsIsRead) {
  EXPECT_TRUE(parse_words({})->external_ips);
  EXPECT_TRUE(parse_words({"--feature-gates=Other=false"})->external_ips);
  EXPECT_FALSE(parse_words({"--feature-gates=AllowServiceExternalIPs=false"})->external_ips);
}

}  // namespace
}  // namespace waggle
