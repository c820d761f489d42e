// SPDX-License-Identifier: Apache-2.0
// The part of the link keeper that acts: entry in the table `control` first, so that a program finds its link's role
// from its first packet on, then TC, then XDP.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "daemon/link_keeper.h"

namespace waggle {
namespace {

// At start the Node object, which names the address, is read a moment after the links; and an address may be on its
// way.
constexpr std::chrono::seconds kSourcePatience{2};

constexpr std::string_view kNarrowRoutes =
    "routes have an MTU of their own, so XDP forwards nothing by it; the kernel does, and tells who sends too much";

bool same_entry(const wg_link& a, const wg_link& b) {
  return a.ifindex == b.ifindex && a.flags == b.flags && a.snat4 == b.snat4 && a.snat6 == b.snat6;
}

void note(KeptLink& link, std::string_view hook, const AttachOutcome& outcome) {
  spdlog::info("{}: {} {} ({})", link.name, outcome.adopted ? "took over" : "attached", hook,
               attach_mode_name(outcome.mode));
  if (outcome.notice.empty()) return;
  spdlog::warn("{}: {}", link.name, outcome.notice);
  link.notices.push_back(outcome.notice);
}

void set_xdp_flag(KeptLink& link) {
  link.entry.flags = static_cast<uint8_t>((link.entry.flags & ~WG_LINK_XDP) | (link.xdp_may_send() ? WG_LINK_XDP : 0u));
}

// Once when it begins and once when it ends; in the status meanwhile.
void tell_routes(KeptLink& link) {
  const bool told = std::erase(link.notices, kNarrowRoutes) > 0;
  const bool holds = link.xdp == AttachMode::kXdpNative && link.narrow_routes;
  if (holds) link.notices.emplace_back(kNarrowRoutes);
  if (holds && !told) spdlog::warn("{}: {}", link.name, kNarrowRoutes);
  if (!holds && told) spdlog::info("{}: no route has an MTU of its own any more, so XDP forwards by it", link.name);
}

}  // namespace

bool KeptLink::complete(bool wants_xdp) const {
  return tc.has_value() && (!wants_xdp || xdp.has_value()) && written.has_value() && same_entry(*written, entry);
}

void LinkKeeper::bring_up(TimePoint now) {
  for (auto& [ifindex, link] : links_) {
    const bool failed_before = link.backoff.retry_at().has_value();  // to be cleared even if nothing is missing now
    const bool complete = link.complete(wants_xdp(link));
    if ((!complete || failed_before) && link.backoff.due(now)) bring_up(ifindex, link, now);
  }
}

void LinkKeeper::retry(TimePoint now) {
  bring_up(now);
  sourceless_for_long_ = sourceless_since_.has_value() && now >= *sourceless_since_ + kSourcePatience;
}

std::optional<TimePoint> LinkKeeper::next_wake() const {
  std::optional<TimePoint> wake;
  if (sourceless_since_.has_value() && !sourceless_for_long_) wake = *sourceless_since_ + kSourcePatience;
  for (const auto& [ifindex, link] : links_) wake = earlier(wake, link.backoff.retry_at());
  return wake;
}

void LinkKeeper::bring_up(uint32_t ifindex, KeptLink& link, TimePoint now) {
  auto done = write_entry(link);
  if (done) done = attach(ifindex, link);
  if (done && wants_xdp(link)) done = attach_xdp(ifindex, link);
  if (done) {
    link.problem.clear();
    link.backoff.succeeded();
    return;
  }
  link.problem = fmt::format("{}: {}", link.name, done.error().message);
  link.backoff.failed(now);
}

Result<void> LinkKeeper::write_entry(KeptLink& link) {
  if (link.written.has_value() && same_entry(*link.written, link.entry)) return {};
  auto done = kernel_.set_link(link.entry);
  if (done) link.written = link.entry;
  return done;
}

Result<void> LinkKeeper::attach(uint32_t ifindex, KeptLink& link) {
  if (link.tc.has_value()) return {};
  const auto outcome = kernel_.attach_link(ifindex);
  if (!outcome) return tl::unexpected(outcome.error());
  link.tc = outcome->mode;
  note(link, "TC", *outcome);
  return {};
}

Result<void> LinkKeeper::attach_xdp(uint32_t ifindex, KeptLink& link) {
  if (link.xdp.has_value()) return {};
  const auto outcome = kernel_.attach_xdp(ifindex);
  if (!outcome) return tl::unexpected(outcome.error());
  link.xdp = outcome->mode;
  note(link, "XDP", *outcome);
  tell_routes(link);
  set_xdp_flag(link);
  return write_entry(link);
}

// --- routes with an MTU of their own ---

void LinkKeeper::note_routes(const Interface& link, KeptLink& kept) const {
  kept.narrow_routes = route_mtus_.smallest(link.index) < link.mtu;
  tell_routes(kept);
}

bool LinkKeeper::set_route_mtus(const NodeInterfaces& interfaces, RouteMtus mtus, TimePoint now) {
  route_mtus_ = std::move(mtus);
  bool changed = false;
  for (auto& [ifindex, link] : links_) {
    const Interface* interface = interfaces.find(ifindex);
    if (interface == nullptr) continue;
    const bool before = link.xdp_may_send();
    note_routes(*interface, link);
    set_xdp_flag(link);
    changed = changed || link.xdp_may_send() != before;
  }
  if (changed) bring_up(now);
  return changed;
}

// Before there are pods, nothing can be said.
std::string LinkKeeper::detector_problem() const {
  const DetectLocal& detect = choice_.detect_local;
  const bool by_bridge = detect.mode == DetectLocalMode::kBridgeInterface;
  if (!by_bridge && detect.mode != DetectLocalMode::kInterfaceNamePrefix) return "";
  const auto is_pods = [](const auto& entry) { return !entry.second.uplink; };
  const auto is_local = [](const auto& entry) { return (entry.second.entry.flags & WG_LINK_LOCAL_PODS) != 0; };
  if (std::ranges::none_of(links_, is_pods) || std::ranges::any_of(links_, is_local)) return "";
  return fmt::format(
      "pods of this node are not recognised: no link that is attached {} '{}'; they count as outside clients where "
      "externalTrafficPolicy is Local; correct detectLocal.{}",
      by_bridge ? "is or belongs to the bridge" : "has, or belongs to a bridge that has, the prefix",
      by_bridge ? detect.bridge_interface : detect.interface_name_prefix,
      by_bridge ? "bridgeInterface" : "interfaceNamePrefix");
}

std::vector<std::string> LinkKeeper::standing_problems() const {
  std::vector<std::string> problems = missing_;
  for (const auto& [name, problem] : not_ethernet_) problems.push_back(problem);
  for (const auto& [ifindex, link] : links_) {
    if (!link.problem.empty()) problems.push_back(link.problem);
  }
  if (std::string problem = detector_problem(); !problem.empty()) problems.push_back(std::move(problem));
  if (sourceless_since_.has_value() && sourceless_for_long_)
    problems.emplace_back(
        "no address of this node can be a source for SNAT: no uplink has a global address and no InternalIP of its "
        "Node object is an address of this network namespace; give an uplink an address, or name the right one with "
        "--devices");
  problems.insert(problems.end(), source_problems_.begin(), source_problems_.end());
  return problems;
}

}  // namespace waggle
