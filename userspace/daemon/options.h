// SPDX-License-Identifier: Apache-2.0
// The options of `waggle agent` as plain values, whatever file or flag they came from. Parsed once by agent_command(),
// read by the Agent and its parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/config_duration.h"
#include "dataplane/dataplane.h"
#include "node/conntrack_settings.h"
#include "node/kernel_settings.h"

namespace waggle {

enum class XdpUse : uint8_t { kAuto, kOff };

enum class AgentAction : uint8_t { kRun, kHelp, kVersion, kWriteConfig, kCleanup, kInitOnly };

// How to reach the API server; all empty: as a pod does.
struct ApiOptions {
  std::filesystem::path kubeconfig;
  std::string master;  // URL, instead of the kubeconfig's
};

// The unspecified address (0.0.0.0 or ::) stands for both families (contract O-30).
struct ListenAddress {
  IpAddress address;
  uint16_t port = 0;  // host byte order

  auto operator<=>(const ListenAddress&) const = default;
  // "10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]:80". default_port: where the text has none.
  static std::optional<ListenAddress> parse(std::string_view text, uint16_t default_port);
  [[nodiscard]] std::string text() const { return address_port_text(address, port); }
};

struct ServerOptions {
  std::optional<ListenAddress> healthz;             // none: not served
  std::optional<ListenAddress> metrics;             // none: not served
  bool hard_fail = false;                           // an address that cannot be bound ends the agent
  Duration sync_period = std::chrono::seconds(30);  // a change unserved for twice as long is unhealthy (contract O-33)
  std::string proxy_mode = "iptables";              // what /proxyMode answers
  std::string configz;                              // what /configz answers: JSON
};

enum class NodePortAccept : uint8_t { kEveryAddress, kNodeAddresses, kListed };

struct NodePortOptions {
  NodePortAccept accept = NodePortAccept::kNodeAddresses;
  std::vector<Cidr> cidrs;  // kListed; a family without any accepts every address of the node (contract K-42)
};

enum class DetectLocalMode : uint8_t { kNone, kLinks, kClusterCidr, kNodeCidr, kBridgeInterface, kInterfaceNamePrefix };
std::string_view detect_local_name(DetectLocalMode mode);  // "ClusterCIDR"

// How a local pod's packet is told from others (contract K-61).
struct DetectLocal {
  DetectLocalMode mode = DetectLocalMode::kLinks;
  std::vector<Cidr> cluster_cidrs;  // one a family at most
  std::string bridge_interface;
  std::string interface_name_prefix;
};

struct AgentOptions {
  AgentAction action = AgentAction::kRun;
  std::filesystem::path config_file;      // --config; empty: none
  std::string config_text;                // what was read there
  std::filesystem::path write_config_to;  // kWriteConfig
  std::string effective_config;           // both documents, as YAML
  std::vector<std::string> notices;       // for the log, once: what was passed over or is not used

  std::string node_name;
  std::filesystem::path manifests;  // empty: the Kubernetes API
  ApiOptions api;
  ServerOptions servers;
  std::vector<std::string> devices;         // names or globs of uplinks; "auto": see node/uplinks.h
  std::vector<std::string> pod_interfaces;  // names or globs of the pods' host-side links
  std::filesystem::path cgroup_root = "/sys/fs/cgroup";
  std::filesystem::path bpf_root = "/sys/fs/bpf";
  std::filesystem::path run_dir = "/run/waggle";
  wg_sock_lb sock_lb_tcp = WG_SOCK_LB_ALL;
  wg_sock_lb sock_lb_udp = WG_SOCK_LB_HOST;
  XdpUse xdp = XdpUse::kAuto;
  TcAttach tc_attach = TcAttach::kAuto;
  PortRange snat_ports{kDefaultSnatPortMin, kDefaultSnatPortMin + kDefaultSnatPorts - 1};  // a power of two of them
  uint32_t snat_mark = 0x4000;                                                             // one bit of skb->mark
  uint32_t flow_slots = 0;  // IPv4 flow slots, a power of two; 0: from the machine's memory
  std::string log_level = "info";
  std::optional<IpAddress> bind_address;  // stands for the node's own address of its family (contract I-62)
  NodePortOptions node_ports;
  DetectLocal detect_local;
  uint32_t policy = kDefaultPolicy;     // WG_POLICY_*
  bool external_ips = true;             // feature gate AllowServiceExternalIPs (contract I-30)
  bool remove_kube_proxy_rules = true;  // that kube-proxy left in netfilter, once the tables serve (contract O-70)
  int oom_score_adj = -999;
  ConntrackSettings conntrack;

  [[nodiscard]] bool socket_lb() const { return sock_lb_tcp != WG_SOCK_LB_OFF || sock_lb_udp != WG_SOCK_LB_OFF; }
};

// What parsing asks of the machine; tests bring their own.
struct ParseSurroundings {
  std::function<Result<std::string>(const std::filesystem::path&)> read_file;
  std::function<std::string()> host_name;
};
ParseSurroundings real_surroundings();

// Fails with one sentence about the first option or field that is wrong or contradicts another.
Result<AgentOptions> parse_agent_options(std::span<char* const> arguments,
                                         const ParseSurroundings& surroundings = real_surroundings());
std::string agent_help();

std::string_view sock_lb_name(wg_sock_lb use);  // "all", "host", "off"

DataplaneConfig dataplane_config(const AgentOptions& options);

}  // namespace waggle
