// SPDX-License-Identifier: Apache-2.0
#include "daemon/node_identity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"

namespace waggle {
namespace {

// As long as kube-proxy waits (contract I-67).
constexpr std::chrono::seconds kAddressPatience{30};
constexpr std::chrono::minutes kPodCidrPatience{5};

std::string_view name_of(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }
Family other(Family family) { return family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4; }

std::string text_of(const std::vector<Cidr>& cidrs) {
  std::vector<std::string> texts;
  for (const Cidr& cidr : cidrs) texts.push_back(cidr.text());
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string text_of(const NodeIps& ips) {
  std::vector<std::string> texts;
  for (const IpAddress& ip : ips.all()) texts.push_back(ip.text());
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

// There are some, and all are of this family.
bool only(const std::vector<Cidr>& cidrs, Family family) {
  return !cidrs.empty() && std::ranges::all_of(cidrs, [family](const Cidr& c) { return c.address.family == family; });
}

std::string only_words(std::string_view what, const std::vector<Cidr>& cidrs, Family primary) {
  return fmt::format("{} ({}) has {} only, but this node's own address is {}", what, text_of(cidrs),
                     name_of(other(primary)), name_of(primary));
}

}  // namespace

std::vector<IpAddress> NodeIps::all() const {
  std::vector<IpAddress> ips;
  for (const Family family : {primary, other(primary)}) {
    if (const auto& ip = of[static_cast<size_t>(family)]; ip.has_value()) ips.push_back(*ip);
  }
  return ips;
}

NodeIps node_ips(const std::optional<IpAddress>& bind_address, const std::vector<IpAddress>& node_addresses) {
  NodeIps ips;
  if (!node_addresses.empty()) ips.primary = node_addresses.front().family;
  for (const IpAddress& address : node_addresses) {
    auto& place = ips.of[static_cast<size_t>(address.family)];
    if (!place.has_value()) place = address;
  }
  if (!bind_address.has_value()) return ips;
  ips.primary = bind_address->family;
  ips.of[static_cast<size_t>(bind_address->family)] = bind_address;
  return ips;
}

FamilyFindings check_families(const AgentOptions& options, const NodeIps& ips, const std::vector<Cidr>& pod_cidrs,
                              const std::vector<Family>& served) {
  FamilyFindings findings;
  const Family wrong = other(ips.primary);
  const bool dual = served.size() > 1;
  const auto say = [&findings](bool fatal, std::string words) {
    if (fatal && !findings.fatal.has_value())
      findings.fatal = std::move(words);
    else
      findings.notices.push_back(std::move(words));
  };
  if (std::ranges::find(served, ips.primary) == served.end())
    say(true, fmt::format("this node's own address is {}, which this host does not support: switch it on "
                          "(net.ipv6.conf.all.disable_ipv6 = 0), or name another with bindAddress",
                          name_of(ips.primary)));
  const DetectLocal& detect = options.detect_local;
  if (detect.mode == DetectLocalMode::kClusterCidr && only(detect.cluster_cidrs, wrong))
    say(!dual, only_words("clusterCIDR", detect.cluster_cidrs, ips.primary));
  if (detect.mode == DetectLocalMode::kNodeCidr && only(pod_cidrs, wrong))
    say(true, only_words("podCIDRs of the Node object", pod_cidrs, ips.primary));
  if (options.node_ports.accept == NodePortAccept::kListed && only(options.node_ports.cidrs, wrong))
    say(false, only_words("nodePortAddresses", options.node_ports.cidrs, ips.primary) +
                   fmt::format(": its node ports are served on every {} address", name_of(ips.primary)));
  return findings;
}

NodeIdentity::NodeIdentity(const AgentOptions& options, std::vector<Family> served, TimePoint started)
    : options_(options), served_(std::move(served)), started_(started), ips_(node_ips(options.bind_address, {})) {}

void NodeIdentity::take(const Node* self, bool listed) {
  if (self != nullptr) {
    const NodeIps ips = node_ips(options_.bind_address, self->addresses);
    if (settled_ && judged_ && ips != ips_)
      spdlog::info("the addresses of this node are {} now, no longer {}", text_of(ips), text_of(ips_));
    ips_ = ips;
    if (!self->addresses.empty()) settled_ = true;
    if (!pod_cidrs_.empty() && options_.detect_local.mode == DetectLocalMode::kNodeCidr &&
        self->pod_cidrs != pod_cidrs_)
      fatal_ = fmt::format(
          "podCIDRs of the Node object changed from {} to {}; ending, so that the supervisor starts the agent with the "
          "new ones",
          text_of(pod_cidrs_), text_of(self->pod_cidrs));
    pod_cidrs_ = self->pod_cidrs;
  }
  settled_ = settled_ || listed;
  settle();
}

// Asked once: later changes are only said, as the node goes on.
void NodeIdentity::settle() {
  if (judged_ || !settled_ || waits_for_pod_cidrs()) return;
  judged_ = true;
  FamilyFindings findings = check_families(options_, ips_, pod_cidrs_, served_);
  for (const std::string& notice : findings.notices) spdlog::warn("{}", notice);
  if (!fatal_.has_value()) fatal_ = std::move(findings.fatal);
}

bool NodeIdentity::waits_for_pod_cidrs() const {
  return options_.detect_local.mode == DetectLocalMode::kNodeCidr && pod_cidrs_.empty();
}

Result<void> NodeIdentity::check(TimePoint now) {
  if (!settled_ && now >= started_ + kAddressPatience) {
    spdlog::warn("no Node object '{}' with an address came within {} s; going on without", options_.node_name,
                 kAddressPatience.count());
    settled_ = true;
  }
  settle();
  if (fatal_.has_value()) return failure(*fatal_);
  if (!waits_for_pod_cidrs() || now < started_ + kPodCidrPatience) return {};
  return failure(fmt::format(
      "detectLocalMode is NodeCIDR, and the Node object '{}' got no podCIDRs within {} minutes: let the cluster "
      "allocate them (--allocate-node-cidrs of kube-controller-manager), or choose another detectLocalMode",
      options_.node_name, kPodCidrPatience.count()));
}

std::optional<TimePoint> NodeIdentity::next_wake() const {
  if (!settled_) return started_ + kAddressPatience;
  return waits_for_pod_cidrs() ? std::optional(started_ + kPodCidrPatience) : std::nullopt;
}

}  // namespace waggle
