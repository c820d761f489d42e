// SPDX-License-Identifier: Apache-2.0
#include "support/reference/flows.h"

#include <algorithm>

namespace waggle::reference {
namespace {

// How long a flow may be idle (docs/architecture.md, Flows).
uint32_t lifetime_s(Protocol protocol, const Flow& flow) {
  if (protocol == Protocol::kUdp) return flow.replied ? 180 : 30;
  if (flow.has_ended()) return 10;
  if (flow.is_ending()) return 600;
  return flow.replied ? 86400 : 60;
}

void follow(Flow& flow, Protocol protocol, Signal signal, bool by_client) {
  if (!by_client) flow.replied = true;
  if (signal == Signal::kReset || (signal == Signal::kFinish && protocol == Protocol::kSctp)) flow.reset = true;
  if (signal == Signal::kFinish) (by_client ? flow.client_finished : flow.backend_finished) = true;
}

// Replies of this flow would go to this port of the client of `key`.
bool answers_like(const FlowKey& other, const Flow& flow, const FlowKey& key, uint16_t client_port) {
  return other != key && other.client.address == key.client.address && other.protocol == key.protocol &&
         flow.client_port == client_port;
}

}  // namespace

void Model::apply(const Event& event) {
  world.apply(event);
  frontends_ = frontends_of(world);
  for (const auto& [key, frontend] : frontends_) owners_[key] = frontend.owner;
  // K-66: what was remembered while affinity was on does not count when it comes back.
  forget_what_is_off(affinity_);
  forget_what_is_off(call_affinity_);
}

const Frontend* Model::live(const FlowKey& key) const {
  const auto found = frontends_.find({key.frontend, key.protocol});
  return found == frontends_.end() ? nullptr : &found->second;
}

const Flow* Model::flow(const FlowKey& key) const {
  const auto found = flows_.find(key);
  return found == flows_.end() ? nullptr : &found->second;
}

// K-13, K-122, K-123: a connection that ends or opens anew on a dead endpoint, and a UDP flow whose endpoint serves no
// more, leave their endpoint. A UDP flow whose service is gone stays: nobody cleans up after it.
bool Model::must_leave(const FlowKey& key, const Flow& flow, Signal signal) const {
  const bool is_opening = key.protocol != Protocol::kUdp && signal == Signal::kOpen;
  if (key.protocol != Protocol::kUdp && !is_opening) return false;
  if (is_opening && flow.is_ending()) return true;
  if (!is_opening && live(key) == nullptr) return false;
  const auto owner = owners_.find({key.frontend, key.protocol});
  if (owner == owners_.end() || owner->second != flow.owner) return true;  // the address is another service's now
  return !endpoints_of(world, owner->second).serving.contains(flow.backend);
}

// Two flows of one client socket over one endpoint would have the same replies: the second one gets another endpoint or
// another port (docs/adr/0003).
void Model::note_ambiguity(const FlowKey& key, Expectation& expected) const {
  for (const auto& [other, flow] : flows_) {
    if (!answers_like(other, flow, key, key.client.port) || flow.has_ended()) continue;
    if (expected.decision.choices.contains(flow.backend)) expected.ambiguous.insert(flow.backend);
  }
  expected.may_translate_port = !expected.ambiguous.empty();
}

// K-85 and K-87 are about what begins something.
Decision Model::without_entry(const FlowKey& key, Signal signal) const {
  const bool begins = key.protocol == Protocol::kUdp || signal == Signal::kOpen || signal == Signal::kPing;
  if (!begins) return {.reason = "not-service"};
  return decide_no_entry(world, key.frontend.address, signal == Signal::kPing);
}

Expectation Model::request(const FlowKey& key, const Source& source, Signal signal) {
  Expectation expected;
  if (signal == Signal::kPing) {
    expected.decision = without_entry(key, signal);
    return expected;
  }
  const auto known = flows_.find(key);
  if (known != flows_.end() && must_leave(key, known->second, signal)) flows_.erase(known);
  if (const Flow* flow = this->flow(key)) {
    expected.is_new = false;
    expected.flow = flow;
    expected.decision = {.verdict = Verdict::kServed, .choices = {flow->backend}};
    follow(flows_.at(key), key.protocol, signal, true);
    went_on(key);
    return expected;
  }
  const Frontend* frontend = live(key);
  if (frontend == nullptr) {
    expected.decision = without_entry(key, signal);
    return expected;
  }
  // Nothing to reset; and an association begins with INIT only.
  if (signal == Signal::kReset || (key.protocol == Protocol::kSctp && signal != Signal::kOpen)) {
    expected.decision.reason = "no-flow";
    return expected;
  }
  expected.decision = decide(world, *frontend, source);
  expected.outdated = narrow(expected.decision, frontend->owner, affinity_, source.address);
  note_ambiguity(key, expected);
  return expected;
}

bool Model::snat_expected(const FlowKey& key, const Source& source, const Decision& decision,
                          const AddressPort& chosen) const {
  return needs_snat(world, *live(key), source, decision, chosen);
}

void Model::opened(const FlowKey& key, const Flow& flow, Signal signal) {
  Flow added = flow;
  added.owner = live(key)->owner;
  follow(added, key.protocol, signal, true);
  added.seen = now_;
  flows_[key] = added;
  // One that has ended and would answer alike is over for good.
  std::erase_if(flows_, [&](const auto& one) {
    return answers_like(one.first, one.second, key, added.client_port) && one.second.backend == added.backend &&
           one.second.has_ended();
  });
  if (world.served(added.owner)->affinity_timeout_s != 0)
    affinity_[{added.owner, key.client.address}] = {added.backend, now_};
}

bool Model::goes_on(const FlowKey& key) const {
  const Flow* known = flow(key);
  return known != nullptr && !known->has_ended() && !must_leave(key, *known, Signal::kData);
}

void Model::replied(const FlowKey& key, Signal signal) {
  follow(flows_.at(key), key.protocol, signal, false);
  went_on(key);
}

void Model::went_on(const FlowKey& key) { flows_.at(key).seen = now_; }

void Model::pass(uint32_t seconds, const std::set<FlowKey>& without_clock) {
  now_ += seconds;
  std::erase_if(flows_, [&](const auto& one) {
    return !without_clock.contains(one.first) && now_ - one.second.seen > lifetime_s(one.first.protocol, one.second);
  });
}

bool Model::is_reserved(const AddressPort& node, const AddressPort& backend, const FlowKey& except) const {
  return std::any_of(flows_.begin(), flows_.end(), [&](const auto& one) {
    return one.first != except && one.first.protocol == except.protocol && !one.second.has_ended() &&
           one.second.node == node && one.second.backend == backend;
  });
}

}  // namespace waggle::reference
