// SPDX-License-Identifier: Apache-2.0
// Keeps the programs attached to the links that the options name, and tells them each link's role and SNAT source.
// Level triggered: compares what should be with what is, so a failure is simply tried again. Owned by the agent.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "daemon/kernel_edge.h"
#include "daemon/options.h"
#include "daemon/snat_addresses.h"
#include "node/node_watch.h"

namespace waggle {

struct LinkChoice {
  std::vector<std::string> devices;         // names or globs of uplinks; "auto": those that choose_uplinks() finds
  std::vector<std::string> pod_interfaces;  // names or globs of pods' links; a link in both is an uplink
  bool xdp = true;                          // on uplinks
  DetectLocal detect_local{};               // where packets of local pods come in
  // Asked for "auto" only.
  std::function<std::set<std::string>()> default_route_devices = [] { return std::set<std::string>(); };
};

struct KeptLink {
  std::string name;
  bool uplink = false;
  bool overlay = false;            // a tunnel to other nodes: an uplink without XDP
  wg_link entry{};                 // wanted; snat indexes included
  std::optional<wg_link> written;  // as it stands in the table
  std::optional<AttachMode> tc;
  std::optional<AttachMode> xdp;
  bool narrow_routes = false;        // some have an MTU of their own that XDP does not see
  std::string problem;               // why something is missing; empty: all is in place
  std::vector<std::string> notices;  // fallbacks taken
  Backoff backoff;

  [[nodiscard]] bool complete(bool wants_xdp) const;
  [[nodiscard]] bool xdp_may_send() const { return xdp == AttachMode::kXdpNative && !narrow_routes; }
};

class LinkKeeper {
 public:
  LinkKeeper(LinkChoice choice, KernelEdge& kernel);

  // Takes over what a previous run attached: keeps what is still wanted, detaches the rest. Call once, after the first
  // NodeWatch::take().
  Result<void> adopt(const NodeInterfaces& interfaces);

  // Something changed: `changes` of links, or the addresses of the Node object (InternalIP first).
  void update(const NodeInterfaces& interfaces, const NodeChanges& changes, TimePoint now);
  void set_node_addresses(const NodeInterfaces& interfaces, std::vector<IpAddress> addresses, TimePoint now);

  // Answers whether XDP may now send by other links than before.
  bool set_route_mtus(const NodeInterfaces& interfaces, RouteMtus mtus, TimePoint now);

  // Tries again what failed and is due; ends the patience with what is still missing.
  void retry(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  [[nodiscard]] const std::map<uint32_t, KeptLink>& links() const { return links_; }  // by ifindex
  [[nodiscard]] std::optional<IpAddress> snat_address(const KeptLink& link, Family family) const;
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  enum class Role : uint8_t { kNone, kUplink, kPod, kNotEthernet };

  bool choose(const NodeInterfaces& interfaces);
  void adopt_choice(const NodeInterfaces& interfaces, const wg_control& control);
  [[nodiscard]] bool wants_xdp(const KeptLink& link) const { return link.uplink && !link.overlay && choice_.xdp; }
  [[nodiscard]] Role role_of(const Interface& link) const;
  [[nodiscard]] Role role_of(const NodeInterfaces& interfaces, uint32_t ifindex) const;
  void detach_unwanted(const NodeInterfaces& interfaces, const std::vector<AttachedLink>& attached);
  void follow(const NodeInterfaces& interfaces, const std::set<uint32_t>& indexes);
  [[nodiscard]] uint8_t flags_of(const NodeInterfaces& interfaces, const Interface& link, const KeptLink& kept) const;
  void note_routes(const Interface& link, KeptLink& kept) const;
  void drop(uint32_t ifindex);
  void note_missing(const NodeInterfaces& interfaces);
  [[nodiscard]] std::string detector_problem() const;

  void assign_sources(const NodeInterfaces& interfaces, TimePoint now);
  [[nodiscard]] std::optional<IpAddress> source_of(const Interface& link, Family family) const;
  [[nodiscard]] std::optional<IpAddress> node_source(const NodeInterfaces& interfaces, Family family) const;
  uint8_t index_of(const std::optional<IpAddress>& own, const std::optional<IpAddress>& fallback);
  uint8_t placed(const IpAddress& address);

  void bring_up(TimePoint now);
  void bring_up(uint32_t ifindex, KeptLink& link, TimePoint now);
  Result<void> write_entry(KeptLink& link);
  Result<void> attach(uint32_t ifindex, KeptLink& link);
  Result<void> attach_xdp(uint32_t ifindex, KeptLink& link);

  LinkChoice choice_;
  bool automatic_ = false;            // the devices contain "auto"
  std::vector<std::string> devices_;  // names or globs: what was named, and what was found
  std::set<std::string> found_;       // by choose_uplinks(); stay until the link goes, whatever routes come and go
  KernelEdge& kernel_;
  SnatAddresses snat4_{Family::kIpv4};
  SnatAddresses snat6_{Family::kIpv6};
  std::vector<IpAddress> node_addresses_;
  RouteMtus route_mtus_;
  std::map<uint32_t, KeptLink> links_;
  std::map<std::string, std::string> not_ethernet_;  // link name: complaint
  std::vector<std::string> missing_;                 // complaints about devices that are not there
  std::vector<std::string> source_problems_;
  std::optional<TimePoint> sourceless_since_;  // no address can be a source
  bool sourceless_for_long_ = false;           // so that it is worth a complaint
};

}  // namespace waggle
