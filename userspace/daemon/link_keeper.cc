// SPDX-License-Identifier: Apache-2.0
#include "daemon/link_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/local_pods.h"
#include "node/uplinks.h"

namespace waggle {
namespace {

// What is tried once and may fail without harm: said, not repeated.
void report(const Result<void>& done, std::string_view what, uint32_t ifindex) {
  if (!done) spdlog::warn("link {}: cannot {}: {}", ifindex, what, done.error().message);
}

std::set<uint32_t> indexes_of(const NodeInterfaces& interfaces) {
  std::set<uint32_t> indexes;
  for (const auto& [ifindex, link] : interfaces.all()) indexes.insert(ifindex);
  return indexes;
}

}  // namespace

LinkKeeper::LinkKeeper(LinkChoice choice, KernelEdge& kernel) : choice_(std::move(choice)), kernel_(kernel) {
  automatic_ = std::erase(choice_.devices, "auto") > 0;
  devices_ = choice_.devices;
}

// --- which links ---

// Answers whether other links are uplinks now.
bool LinkKeeper::choose(const NodeInterfaces& interfaces) {
  if (!automatic_) return false;
  std::set<std::string> found =
      choose_uplinks(interfaces, node_addresses_, choice_.default_route_devices(), choice_.pod_interfaces);
  for (const std::string& name : found_) {
    if (interfaces.find(name) != nullptr) found.insert(name);
  }
  if (found == found_) return false;
  for (const std::string& name : found) {
    if (!found_.contains(name)) spdlog::info("{}: taken for an uplink; name others with --devices", name);
  }
  found_ = std::move(found);
  devices_ = choice_.devices;
  devices_.insert(devices_.end(), found_.begin(), found_.end());
  return true;
}

// What a previous run had found stays, though the Node object that named it is not known yet.
void LinkKeeper::adopt_choice(const NodeInterfaces& interfaces, const wg_control& control) {
  if (!automatic_) return;
  for (const wg_link& entry : control.link) {
    const Interface* link = entry.ifindex == 0 ? nullptr : interfaces.find(entry.ifindex);
    if (link != nullptr && link->ethernet && (entry.flags & WG_LINK_UPLINK) != 0) found_.insert(link->name);
  }
  devices_.insert(devices_.end(), found_.begin(), found_.end());
  choose(interfaces);
}

LinkKeeper::Role LinkKeeper::role_of(const Interface& link) const {
  const bool uplink = matches_any(devices_, link.name);
  if (!uplink && !matches_any(choice_.pod_interfaces, link.name)) return Role::kNone;
  if (link.ethernet) return uplink ? Role::kUplink : Role::kPod;
  // A glob may well match the loopback device; only its name says that it is meant.
  const auto named = [&link](const std::vector<std::string>& patterns) {
    return std::ranges::find(patterns, link.name) != patterns.end();
  };
  const bool meant = !link.loopback || named(choice_.devices) || named(choice_.pod_interfaces);
  return meant ? Role::kNotEthernet : Role::kNone;
}

LinkKeeper::Role LinkKeeper::role_of(const NodeInterfaces& interfaces, uint32_t ifindex) const {
  const Interface* link = interfaces.find(ifindex);
  return link == nullptr ? Role::kNone : role_of(*link);
}

Result<void> LinkKeeper::adopt(const NodeInterfaces& interfaces) {
  auto control = kernel_.control();
  if (!control) return tl::unexpected(std::move(control.error()).in("reading the table 'control'"));
  snat4_.adopt(*control);
  snat6_.adopt(*control);
  if (const auto pruned = kernel_.prune(); !pruned)
    spdlog::warn("cannot remove the programs of links that are gone: {}", pruned.error().message);
  adopt_choice(interfaces, *control);
  for (const wg_link& entry : control->link) {
    const Role role = role_of(interfaces, entry.ifindex);
    if (entry.ifindex != 0 && role != Role::kUplink && role != Role::kPod) kernel_.clear_link(entry.ifindex);
  }
  auto attached = kernel_.attached();
  if (!attached) return tl::unexpected(std::move(attached.error()).in("listing attached programs"));
  detach_unwanted(interfaces, *attached);
  return {};
}

void LinkKeeper::detach_unwanted(const NodeInterfaces& interfaces, const std::vector<AttachedLink>& attached) {
  for (const AttachedLink& link : attached) {
    const Role role = role_of(interfaces, link.ifindex);
    if (role != Role::kUplink && role != Role::kPod)
      report(kernel_.detach_link(link.ifindex), "detach its programs", link.ifindex);
    else if (link.hook == Hook::kXdp &&
             (role == Role::kPod || !choice_.xdp || is_overlay(*interfaces.find(link.ifindex))))
      report(kernel_.detach_xdp(link.ifindex), "detach XDP", link.ifindex);
  }
}

void LinkKeeper::update(const NodeInterfaces& interfaces, const NodeChanges& changes, TimePoint now) {
  for (const uint32_t ifindex : changes.vanished) drop(ifindex);
  follow(interfaces, choose(interfaces) ? indexes_of(interfaces) : changes.changed);
  note_missing(interfaces);
  assign_sources(interfaces, now);
  bring_up(now);
}

void LinkKeeper::set_node_addresses(const NodeInterfaces& interfaces, std::vector<IpAddress> addresses, TimePoint now) {
  if (addresses == node_addresses_) return;
  node_addresses_ = std::move(addresses);
  if (choose(interfaces)) {
    follow(interfaces, indexes_of(interfaces));
    note_missing(interfaces);
  }
  assign_sources(interfaces, now);
  bring_up(now);
}

void LinkKeeper::follow(const NodeInterfaces& interfaces, const std::set<uint32_t>& indexes) {
  for (const uint32_t ifindex : indexes) {
    const Interface* link = interfaces.find(ifindex);
    if (link == nullptr) continue;
    const Role role = role_of(*link);
    const auto kept = links_.find(ifindex);
    const bool other_role = kept != links_.end() && kept->second.uplink != (role == Role::kUplink);
    if (other_role || role == Role::kNone || role == Role::kNotEthernet) drop(ifindex);
    if (role == Role::kNone || role == Role::kNotEthernet) continue;
    KeptLink& entry = links_[ifindex];
    entry.name = link->name;
    entry.uplink = role == Role::kUplink;
    entry.overlay = is_overlay(*link);
    entry.entry.ifindex = ifindex;
    note_routes(*link, entry);
    entry.entry.flags = flags_of(interfaces, *link, entry);
  }
}

uint8_t LinkKeeper::flags_of(const NodeInterfaces& interfaces, const Interface& link, const KeptLink& kept) const {
  const bool pods = leads_to_local_pods(choice_.detect_local, interfaces, link, kept.uplink);
  return static_cast<uint8_t>((kept.xdp_may_send() ? WG_LINK_XDP : 0u) | (kept.uplink ? WG_LINK_UPLINK : 0u) |
                              (pods ? WG_LINK_LOCAL_PODS : 0u));
}

void LinkKeeper::drop(uint32_t ifindex) {
  const auto kept = links_.find(ifindex);
  if (kept == links_.end()) return;
  kernel_.clear_link(ifindex);
  report(kernel_.detach_link(ifindex), "remove its programs", ifindex);
  spdlog::info("{}: no longer attached", kept->second.name);
  links_.erase(kept);
}

void LinkKeeper::note_missing(const NodeInterfaces& interfaces) {
  missing_.clear();
  not_ethernet_.clear();
  for (const auto& [ifindex, link] : interfaces.all()) {
    if (role_of(link) != Role::kNotEthernet) continue;
    not_ethernet_[link.name] =
        fmt::format("device '{}' is not attached: it is no Ethernet device, and only those are supported", link.name);
  }
  if (automatic_ && found_.empty() && choice_.devices.empty())
    missing_.emplace_back(
        "no uplink is found: no link has an address of the Node object, a default route or a global address; name it "
        "with --devices");
  for (const std::string& pattern : choice_.devices) {
    const auto matches = [&pattern](const auto& entry) { return matches_any({pattern}, entry.second.name); };
    if (std::ranges::any_of(interfaces.all(), matches)) continue;
    missing_.push_back(is_glob(pattern)
                           ? fmt::format("no device matches '{}' of --devices; one that appears is attached", pattern)
                           : fmt::format("device '{}' of --devices does not exist in this network namespace; it is "
                                         "attached when it appears",
                                         pattern));
  }
}

// --- SNAT sources ---

std::optional<IpAddress> LinkKeeper::source_of(const Interface& link, Family family) const {
  const SnatAddresses& known = family == Family::kIpv4 ? snat4_ : snat6_;
  std::optional<IpAddress> used;
  for (const InterfaceAddress& candidate : link.addresses) {
    if (candidate.address.family != family || !candidate.usable_as_source()) continue;
    if (std::ranges::find(node_addresses_, candidate.address) != node_addresses_.end()) return candidate.address;
    if (!used.has_value() && known.knows(candidate.address)) used = candidate.address;
  }
  return used.has_value() ? used : link.primary_address(family);
}

std::optional<IpAddress> LinkKeeper::node_source(const NodeInterfaces& interfaces, Family family) const {
  for (const IpAddress& address : node_addresses_) {
    if (address.family == family && interfaces.owns(address)) return address;
  }
  for (const std::string& pattern : devices_) {
    for (const auto& [ifindex, link] : interfaces.all()) {
      if (!link.ethernet || !matches_any({pattern}, link.name)) continue;
      if (const auto source = source_of(link, family); source.has_value()) return source;
    }
  }
  return std::nullopt;
}

void LinkKeeper::assign_sources(const NodeInterfaces& interfaces, TimePoint now) {
  snat4_.start_round();
  snat6_.start_round();
  source_problems_.clear();
  const auto node4 = node_source(interfaces, Family::kIpv4);
  const auto node6 = node_source(interfaces, Family::kIpv6);
  const bool sourceless = !links_.empty() && !node4.has_value() && !node6.has_value();
  if (!sourceless) sourceless_since_.reset();
  if (sourceless && !sourceless_since_.has_value()) sourceless_since_ = now;
  for (auto& [ifindex, link] : links_) {
    const Interface* interface = interfaces.find(ifindex);
    if (interface == nullptr) continue;
    link.entry.snat4 = index_of(source_of(*interface, Family::kIpv4), node4);
    link.entry.snat6 = index_of(source_of(*interface, Family::kIpv6), node6);
  }
}

uint8_t LinkKeeper::index_of(const std::optional<IpAddress>& own, const std::optional<IpAddress>& fallback) {
  const uint8_t index = own.has_value() ? placed(*own) : uint8_t{WG_NO_ADDRESS};
  if (index != WG_NO_ADDRESS || !fallback.has_value() || fallback == own) return index;
  return placed(*fallback);
}

uint8_t LinkKeeper::placed(const IpAddress& address) {
  SnatAddresses& addresses = address.family == Family::kIpv4 ? snat4_ : snat6_;
  const auto place = addresses.place_of(address);
  if (!place.has_value()) {
    source_problems_.push_back(fmt::format("{} cannot be a source for SNAT: {} addresses are in use already",
                                           address.text(), WG_SNAT_ADDRESSES));
    return WG_NO_ADDRESS;
  }
  if (!place->fresh) return place->index;
  const wg_family family = address.family == Family::kIpv4 ? WG_IPV4 : WG_IPV6;
  const auto written = kernel_.set_snat_address(family, place->index, address);
  if (written) return place->index;
  source_problems_.push_back(
      fmt::format("{} cannot be a source for SNAT: {}", address.text(), written.error().message));
  addresses.forget(place->index);
  return WG_NO_ADDRESS;
}

std::optional<IpAddress> LinkKeeper::snat_address(const KeptLink& link, Family family) const {
  const uint8_t index = family == Family::kIpv4 ? link.entry.snat4 : link.entry.snat6;
  if (index == WG_NO_ADDRESS) return std::nullopt;
  return (family == Family::kIpv4 ? snat4_ : snat6_).at(index);
}

}  // namespace waggle
