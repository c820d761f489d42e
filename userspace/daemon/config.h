// SPDX-License-Identifier: Apache-2.0
// What files and flags can say, as plain values: KubeProxyConfiguration and WaggleConfiguration field for field, and
// what stands on the command line alone. Filled through the table of config_settings.h, checked and turned into
// AgentOptions by agent_options(). Initial values are the defaults.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/config_duration.h"

namespace waggle {

// Fields that mean nothing here, whatever is in them.
struct Anything {};
// A number that is a set of bits: read as 0x4000 or 16384.
struct Bits {
  uint32_t value = 0;
};
using Gates = std::map<std::string, bool>;

struct ClientConnection {
  std::string kubeconfig;
  std::string accept_content_types;
  std::string content_type = "application/vnd.kubernetes.protobuf";
  double qps = 5;
  int32_t burst = 10;
};

struct LoggingConfig {
  std::string format = "text";
  int32_t verbosity = 0;
};

// `iptables`, `nftables` and `ipvs` of the file; what a mode does not have keeps its default.
struct ModeConfig {
  int32_t masquerade_bit = 14;
  bool masquerade_all = false;
  bool localhost_node_ports = true;
  Duration sync_period = std::chrono::seconds(30);
  Duration min_sync_period = std::chrono::seconds(1);
};

struct IpvsConfig {
  std::string scheduler;
  std::vector<std::string> exclude_cidrs;
  bool strict_arp = false;
  Duration tcp_timeout{0};
  Duration tcp_fin_timeout{0};
  Duration udp_timeout{0};
  Duration sync_period = std::chrono::seconds(30);
  Duration min_sync_period{0};
};

struct ConntrackConfig {
  int32_t max_per_core = 32768;
  int32_t min = 131072;
  Duration tcp_established_timeout = std::chrono::hours(24);
  Duration tcp_close_wait_timeout = std::chrono::hours(1);
  bool tcp_be_liberal = false;
  Duration udp_timeout{0};
  Duration udp_stream_timeout{0};
};

struct KubeProxyConfig {
  Gates feature_gates;
  ClientConnection client;
  LoggingConfig logging;
  std::string hostname_override;
  std::string bind_address = "0.0.0.0";
  std::string healthz_bind_address;  // empty: 0.0.0.0:10256, or [::]:10256 where bind_address is IPv6
  std::string metrics_bind_address;  // empty: 127.0.0.1:10249, or [::1]:10249
  bool bind_address_hard_fail = false;
  bool enable_profiling = false;
  std::string show_hidden_metrics;
  std::string mode;
  ModeConfig iptables;
  ModeConfig nftables;
  IpvsConfig ipvs;
  std::string detect_local_mode;
  std::string bridge_interface;
  std::string interface_name_prefix;
  std::string cluster_cidr;
  std::vector<std::string> node_port_addresses;
  int32_t oom_score_adj = -999;
  ConntrackConfig conntrack;
  Duration config_sync_period = std::chrono::minutes(15);
};

struct WaggleConfig {
  std::string node_name;
  std::string manifests;  // empty: the Kubernetes API
  std::vector<std::string> devices{"auto"};
  std::vector<std::string> pod_interfaces{"auto"};
  std::string cgroup_root = "/sys/fs/cgroup";
  std::string bpf_root = "/sys/fs/bpf";
  std::string run_dir = "/run/waggle";
  std::string socket_lb_tcp = "all";
  std::string socket_lb_udp = "host";
  std::string xdp = "auto";
  std::string tc_attach = "auto";
  std::string snat_mode = "needed";
  std::string snat_ports = "61440-65535";
  Bits snat_mark;  // 0: the masquerade bit of KubeProxyConfiguration
  std::string cluster_ip_ping = "answer";
  std::string cluster_ip_other_ports = "reject";
  std::string service_cidr_unallocated = "drop";
  std::string kube_proxy_rules = "remove";
  // Empty: those of KubeProxyConfiguration.
  std::vector<std::string> node_port_addresses;
  std::string detect_local_mode;
  std::string bridge_interface;
  std::string interface_name_prefix;
  std::string cluster_cidr;
  uint32_t flow_slots = 0;
  std::string log_level;  // empty: from the verbosity of KubeProxyConfiguration
  bool healthz_enabled = true;
  std::string healthz_bind_address;
  bool metrics_enabled = true;
  std::string metrics_bind_address;
};

struct CommandLineOnly {
  std::string config;
  std::string write_config_to;
  std::string master;
  bool cleanup = false;
  bool init_only = false;
  bool version = false;
  bool help = false;
  int32_t healthz_port = 10256;
  int32_t metrics_port = 10249;
  Anything ignored;
};

struct Setting;

struct Configuration {
  KubeProxyConfig kube_proxy;
  WaggleConfig waggle;
  CommandLineOnly command_line;

  // Who said so, for messages: "--snat-ports", or "waggle.yaml:12: snat.ports:". Settings nobody named are not in it.
  std::map<const Setting*, std::string> said_by;
  bool kube_proxy_file = false;            // a file had a KubeProxyConfiguration: it beats kube-proxy's flags
  std::string file_text;                   // of --config, as it was read
  std::vector<std::string> remarks;        // on what was read and passed over
  std::vector<std::string> ignored_flags;  // given, but the file counts: "--proxy-mode"
};

}  // namespace waggle
