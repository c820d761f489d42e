// SPDX-License-Identifier: Apache-2.0
// Socket calls: what the hooks at connect and sendmsg must do. The rest is for packets.
#include <algorithm>

#include "support/reference/flows.h"

namespace waggle::reference {
namespace {

bool is_by_node(const Call& call) { return call.link == Link::kHost; }

// Whom a call comes from as far as it is known without a packet: the node, or some pod of it.
Source source_of(const World& world, const Call& call) {
  const Family family = call.to.address.family;
  if (!is_by_node(call)) {
    return {*IpAddress::parse(family == Family::kIpv4 ? "10.244.1.10" : "2001:db8:f1::10"), Link::kPod};
  }
  const auto own = std::find_if(world.node.addresses.begin(), world.node.addresses.end(),
                                [family](const IpAddress& one) { return one.family == family; });
  return {*own, Link::kHost};
}

// K-75, for the node: any of its addresses of the family will do.
bool node_may_enter(const World& world, const Service& service, Family family) {
  return std::any_of(world.node.node_ips.begin(), world.node.node_ips.end(), [&](const IpAddress& address) {
    return address.family == family && std::any_of(service.source_ranges.begin(), service.source_ranges.end(),
                                                   [&](const Cidr& range) { return range.contains(address); });
  });
}

// A pod's call does not say by which link and from where its packets will come (K-61).
bool only_packets_tell(const World& world, const Frontend& frontend, Family family) {
  const bool matters =
      world.settings.snat_always || (frontend.is_external() && external_local(*world.served(frontend.owner)));
  return matters && has_detector(world, family) && world.settings.detector != Detector::kEveryLink;
}

CallExpectation answer_of(const Decision& decision) {
  switch (decision.verdict) {
    case Verdict::kRejected:
      return {CallResult::kRefused, {}};
    case Verdict::kServed:
      return {CallResult::kTranslated, decision.choices};
    case Verdict::kUntouched:
    case Verdict::kDropped:
    case Verdict::kEchoed:
      break;
  }
  return {};
}

}  // namespace

const AddressPort* Model::kept_by(const Call& call, const Frontend& frontend) const {
  const auto kept = kept_.find(call);
  if (!call.is_send || kept == kept_.end() || kept->second.owner != frontend.owner) return nullptr;
  const bool serves = endpoints_of(world, frontend.owner).serving.contains(kept->second.backend);
  return serves ? &kept->second.backend : nullptr;
}

CallExpectation Model::call(const Call& call) const {
  if (call.protocol == Protocol::kUdp && !is_by_node(call)) return {};
  const auto found = frontends_.find({call.to, call.protocol});
  if (found == frontends_.end()) return answer_of(decide_no_entry(world, call.to.address, false));  // K-85
  Frontend frontend = found->second;
  if (const AddressPort* backend = kept_by(call, frontend)) return {CallResult::kTranslated, {*backend}};
  if (frontend.filtered && !is_by_node(call)) return {};
  if (frontend.filtered && !node_may_enter(world, *world.served(frontend.owner), call.to.address.family))
    return {CallResult::kForbidden, {}};
  if (!is_by_node(call) && only_packets_tell(world, frontend, call.to.address.family)) return {};
  frontend.filtered = false;
  const Source source = source_of(world, call);
  Decision decision = decide(world, frontend, source);
  // Of those that a packet would masquerade, the node's have its address anyway. Hairpin shows in packets only.
  if (!is_by_node(call) && needs_snat(world, frontend, source, decision, {})) return {};
  narrow(decision, frontend.owner, call_affinity_, call.link);
  return answer_of(decision);
}

void Model::called(const Call& call, const AddressPort& chosen) {
  const PortKey owner = frontends_.at({call.to, call.protocol}).owner;
  const bool is_kept = kept_by(call, frontends_.at({call.to, call.protocol})) != nullptr;
  if (call.is_send) kept_[call] = {chosen, owner};
  if (!is_kept && world.served(owner)->affinity_timeout_s != 0) call_affinity_[{owner, call.link}] = {chosen, now_};
}

}  // namespace waggle::reference
