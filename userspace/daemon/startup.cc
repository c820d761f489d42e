// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "daemon/kube_setup.h"
#include "daemon/server_setup.h"
#include "dataplane/cleanup.h"
#include "dataplane/netns_cookie.h"
#include "dataplane/settings.h"
#include "node/conntrack_settings.h"
#include "node/kube_proxy_rules.h"
#include "node/reserved_ports.h"
#include "source/manifest_source.h"

namespace waggle {
namespace {

// The socket programs need cgroup2. Asked before anything is opened: a wrong path is a mistake on the command line.
Result<void> check_cgroup_root(const AgentOptions& options) {
  if (!options.socket_lb()) return {};
  const std::string path = options.cgroup_root.string();
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0)
    return failure(
        fmt::format("--cgroup-root {}: {}; name a directory of a cgroup2 file system, mostly /sys/fs/cgroup (on hybrid "
                    "machines /sys/fs/cgroup/unified)",
                    path, std::strerror(errno)),
        errno);
  if (found.f_type == CGROUP2_SUPER_MAGIC) return {};
  return failure(fmt::format(
      "--cgroup-root {} is not on a cgroup2 file system: name a cgroup2 directory (on hybrid machines often "
      "/sys/fs/cgroup/unified), or turn socket load balancing off with --socket-lb-tcp off --socket-lb-udp off",
      path));
}

Result<UniqueFd> stop_signals() {
  ::signal(SIGPIPE, SIG_IGN);  // whoever read the log may go; the agent stays
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
    return failure(fmt::format("signals cannot be blocked: {}", std::strerror(errno)), errno);
  UniqueFd stop(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!stop.valid()) return failure(fmt::format("signals cannot be received: {}", std::strerror(errno)), errno);
  return stop;
}

Result<void> set_up_sockets(Dataplane& dataplane, const AgentOptions& options) {
  if (!options.socket_lb()) return dataplane.detach_cgroup();
  return dataplane.attach_cgroup(options.cgroup_root);
}

// The range of the pinned tables, which may be older than the option.
PortRange snat_ports(const Dataplane& dataplane) {
  const wg_meta& meta = dataplane.meta();
  return {.first = meta.snat_port_min, .last = static_cast<uint16_t>(meta.snat_port_min + meta.snat_port_mask)};
}

std::vector<std::string> reserve_snat_ports(PortRange ports, const std::filesystem::path& run_dir) {
  const auto reserved = reserve_ports(ports, run_dir);
  const std::string range = port_ranges_text({ports});
  if (reserved && !reserved->empty())
    spdlog::warn("{}; `waggle cleanup` will leave them in net.ipv4.ip_local_reserved_ports", *reserved);
  if (reserved) return {};
  return {
      fmt::format("the SNAT ports {} cannot be reserved, so that a socket of the node may be given one: {}; add {} to "
                  "net.ipv4.ip_local_reserved_ports",
                  range, reserved.error().message, range)};
}

// Best effort: a namespace of its own or a read-only /proc may refuse it, and services work without.
std::vector<std::string> protect_from_oom(int score) {
  const auto set = set_oom_score(score);
  if (set) return {};
  return {fmt::format("the agent's OOM score stays as it is: {}", set.error().message)};
}

// Kernel settings that concern the whole node; answers what could not be had and why that is bearable.
Result<std::vector<std::string>> set_up_kernel(const AgentOptions& options, PortRange ports) {
  std::vector<std::string> problems = reserve_snat_ports(ports, options.run_dir);
  for (std::string& problem : protect_from_oom(options.oom_score_adj)) spdlog::info("{}", problem);
  const auto notices = apply_conntrack(options.conntrack, online_cpus());
  if (!notices) return tl::unexpected(notices.error());
  for (const std::string& notice : *notices) spdlog::info("{}", notice);
  return problems;
}

struct NodeSetup {
  Dataplane dataplane;
  std::vector<std::string> problems;
};

Result<NodeSetup> set_up_node(const AgentOptions& options) {
  auto dataplane = Dataplane::open(dataplane_config(options));
  if (!dataplane) return tl::unexpected(dataplane.error());
  for (const std::string& notice : dataplane->notices()) spdlog::warn("{}", notice);
  auto problems = set_up_kernel(options, snat_ports(*dataplane));
  if (!problems) return tl::unexpected(problems.error());
  if (auto notice = node_notice(options.node_name, dataplane->meta())) problems->push_back(std::move(*notice));
  if (auto attached = set_up_sockets(*dataplane, options); !attached) return tl::unexpected(attached.error());
  return NodeSetup{std::move(*dataplane), std::move(*problems)};
}

Result<void> open_source(const AgentOptions& options, AgentParts& parts) {
  if (options.manifests.empty()) return open_kube_source(options, parts);
  auto source = ManifestSource::open(options.manifests.string());
  if (!source) return tl::unexpected(std::move(source.error()).in("--manifests"));
  parts.source = std::move(*source);
  return {};
}

}  // namespace

Result<AgentParts> open_parts(const AgentOptions& options) {
  AgentParts parts;
  if (auto checked = check_cgroup_root(options); !checked) return tl::unexpected(checked.error());
  auto stop = stop_signals();
  if (!stop) return tl::unexpected(stop.error());
  if (!options.config_file.empty()) {
    auto config = ConfigWatch::open(options.config_file, options.config_text);
    if (!config) return tl::unexpected(config.error());
    parts.config = std::move(*config);
  }
  if (auto opened = open_source(options, parts); !opened) return tl::unexpected(opened.error());
  auto network = watch_netlink();
  if (!network) return tl::unexpected(network.error());
  auto node = set_up_node(options);
  if (!node) return tl::unexpected(node.error());

  const Dataplane& dataplane = node->dataplane;
  parts.start_problems = std::move(node->problems);
  parts.planner = {.sizes = dataplane.sizes().plan,
                   .hash_key = dataplane.meta().hash_key,
                   .node_name = options.node_name,
                   .service_external_ips = options.external_ips};
  parts.servers = servers_config(options, served_families());
  parts.own_ports = own_ports(parts.servers, snat_ports(dataplane));
  parts.stop = std::move(*stop);
  parts.netns_cookie = own_netns_cookie().value_or(0);
  parts.network = std::move(*network);
  if (options.remove_kube_proxy_rules) {
    auto leftovers = Leftovers::open([] { return remove_kube_proxy_rules(KubeProxyTable::kEmptied); });
    if (!leftovers) return tl::unexpected(leftovers.error());
    parts.leftovers.emplace(std::move(*leftovers));
  }
  if (options.sock_lb_udp != WG_SOCK_LB_OFF) parts.udp_sockets = kernel_udp_sockets();
  parts.kernel = kernel_edge(std::move(node->dataplane), options.bpf_root);
  return parts;
}

Result<void> init_node(const AgentOptions& options) {
  if (auto checked = check_cgroup_root(options); !checked) return checked;
  const auto node = set_up_node(options);
  if (!node) return tl::unexpected(node.error());
  for (const std::string& problem : node->problems) spdlog::warn("{}", problem);
  spdlog::info("kernel settings, tables and programs are in place under {}", options.bpf_root.string());
  return {};
}

Result<void> clean_up_node(const AgentOptions& options) {
  const auto removed = cleanup_dataplane(options.bpf_root);
  if (!removed) return tl::unexpected(removed.error());
  std::error_code absent;
  std::filesystem::remove(options.run_dir / "status.json", absent);  // of an agent that is gone: the lock was free
  spdlog::info("removed {} links and {} tables under {}", removed->links, removed->maps, options.bpf_root.string());
  if (const auto released = release_ports(options.run_dir); !released)
    spdlog::warn("the reserved ports stay as they are: {}", released.error().message);
  else if (!released->empty())
    spdlog::info("ports {} are reserved no more", port_ranges_text(*released));
  const KubeProxyRules rules = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  if (rules.any()) spdlog::info("removed {}", kube_proxy_words(rules));
  if (!rules.remains.empty()) spdlog::warn("{}", rules.remains);
  if (rules.problems.empty()) return {};
  return failure(fmt::format("{}", fmt::join(rules.problems, "; ")));
}

}  // namespace waggle
