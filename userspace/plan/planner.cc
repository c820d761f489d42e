// SPDX-License-Identifier: Apache-2.0
#include "plan/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/cluster_ip_doubt.h"
#include "plan/planner_impl.h"

namespace waggle {
namespace {

// An index the flow sweep did not look at is one that no flow can name.
bool is_referenced(const std::vector<bool>& references, uint32_t index) {
  return index < references.size() && references[index];
}

std::string port_text(const ServiceObject& object, const WantedService& wanted) {
  return fmt::format("service {} port {}{}{}/{} ({})", object.name.text(), wanted.port_name,
                     wanted.port_name.empty() ? "" : " ", wanted.port, protocol_name(wanted.protocol),
                     wanted.family == Family::kIpv4 ? "IPv4" : "IPv6");
}

void note_uses(ServiceObject& object, const Service& service) {
  object.has_node_ports =
      std::any_of(service.ports.begin(), service.ports.end(), [](const auto& port) { return port.node_port != 0; });
  object.has_source_ranges = !service.source_ranges.empty();
}

}  // namespace

Planner::Impl::Impl(PlannerConfig settings)
    : config(std::move(settings)),
      backends(config.hash_key, config.sizes),
      services(config.sizes, backends),
      frontend_gate(Table::kFrontendGate, config.sizes.frontend_gate_words),
      frontends4(Family::kIpv4, config.hash_key, config.sizes.frontend_buckets4, config.sizes.services, frontend_gate),
      frontends6(Family::kIpv6, config.hash_key, config.sizes.frontend_buckets6, config.sizes.services, frontend_gate) {
}

Plan Planner::Impl::plan(const State& state, std::set<ObjectName> touched) {
  if (const Node* node = state.node(config.node_name)) zone = node->zone;
  ChangeList changes(epoch);
  services.source_ranges().plan_began();
  if (needs_all) {
    frontends4.repair(changes);
    frontends6.repair(changes);
    frontend_gate.repair(changes);
    backends.repair(changes);
    services.repair(changes);
    for (uint32_t index = 1; index < services.size(); ++index) {
      if (services.at(index).in_use && services.at(index).object == nullptr) bury_service(index, changes);
    }
  }
  if (room_made) touched.insert(waiting.begin(), waiting.end());
  for (const ObjectName& name : touched) plan_object(state, name, changes);
  resolve_frontends(changes);
  room_made = services.source_ranges().makes_room();
  needs_all = false;
  adopted_frontends.clear();
  return finish(changes);
}

Plan Planner::Impl::plan_all(const State& state) {
  std::set<ObjectName> names(waiting);
  for (const auto& [name, service] : state.services()) names.insert(names.end(), name);
  for (const auto& [name, object] : objects) names.insert(name);
  return plan(state, std::move(names));
}

Plan Planner::Impl::finish(ChangeList& changes) {
  fresh_unreachable = fresh_unreachable || changes.leaves_unreachable();
  Plan plan;
  plan.writes = changes.take();
  plan.problems = object_problems.take_news();
  for (std::string& problem : frontend_problems.take_news()) plan.problems.push_back(std::move(problem));
  return plan;
}

void Planner::Impl::plan_object(const State& state, const ObjectName& name, ChangeList& changes) {
  if (must_wait(state, name)) return keep(name);
  confirm(name);
  std::vector<std::string> problems;
  std::vector<WantedService> wanted;
  const Service* service = state.service(name);
  if (service) {
    const WantedContext context{{config.node_name, zone}, addresses, config.service_external_ips};
    wanted = wanted_services(*service, state.slices_of(name), context, problems);
    for (WantedService& one : wanted) one.doubtful = cluster_ip_doubt(state, one.frontends.front().address).has_value();
  }
  waiting.erase(name);
  if (!wanted.empty() || objects.contains(name)) {
    ServiceObject& object = objects[name];
    object.name = name;
    if (service) note_uses(object, *service);
    if (service && object.created != service->creation_timestamp) {
      object.created = service->creation_timestamp;
      for (const uint32_t index : object.indexes) {
        for (const ServiceClaim& claim : services.at(index).claims) mark(*claim.frontend);
      }
    }
    std::vector<uint32_t> kept;
    for (const WantedService& one : wanted) plan_service(object, one, kept, problems, changes);
    for (const uint32_t index : object.indexes) {
      if (std::find(kept.begin(), kept.end(), index) == kept.end()) bury_service(index, changes);
    }
    if (object.indexes.empty()) objects.erase(name);
  }
  object_problems.replace(name, std::move(problems));
}

uint32_t Planner::Impl::index_of(const ServiceObject& object, const WantedService& wanted) {
  const auto found = std::find_if(object.indexes.begin(), object.indexes.end(), [&](uint32_t index) {
    const ServiceEntry& entry = services.at(index);
    return entry.port_name == wanted.port_name && entry.protocol() == wanted.protocol &&
           entry.family() == wanted.family;
  });
  return found == object.indexes.end() ? 0 : *found;
}

// An index that cannot be brought up to date keeps what it has, frontends and all.
void Planner::Impl::plan_service(ServiceObject& object, const WantedService& wanted, std::vector<uint32_t>& kept,
                                 std::vector<std::string>& problems, ChangeList& changes) {
  uint32_t index = index_of(object, wanted);
  const bool is_new = index == 0;
  if (is_new) index = services.take().value_or(0);
  Result<void> done = failure("there is no room in table services");
  if (index != 0) {
    services.at(index).object = &object;
    services.at(index).port_name = wanted.port_name;
    done = services.update(index, wanted, changes);
  }
  if (done) {
    if (is_new) object.indexes.push_back(index);
    claim_wanted(index, wanted);
  } else {
    problems.push_back(fmt::format("{}: {}; {}; make the table larger or use fewer services", port_text(object, wanted),
                                   done.error().message,
                                   is_new ? "it is not served yet" : "it keeps its previous endpoints"));
    waiting.insert(object.name);
    if (is_new && index != 0) services.give_back(index);
  }
  if (!is_new || done) kept.push_back(index);
}

void Planner::Impl::bury_service(uint32_t index, ChangeList& changes) {
  claim(index, {});
  services.bury(index, changes);
}

void Planner::Impl::grace_began() {
  backends.grace_began();
  services.grace_began();
  frontends4.grace_began();
  frontends6.grace_began();
  fresh_unreachable = false;
  ++epoch;
}

void Planner::Impl::grace_passed() {
  for (const bool made :
       {backends.grace_passed(), services.grace_passed(), frontends4.grace_passed(), frontends6.grace_passed()})
    room_made = room_made || made;
  last_settled = epoch;
}

Plan Planner::Impl::release(const FlowReferences& references, uint32_t settled) {
  ChangeList changes(epoch);
  if (needs_all) return finish(changes);
  release_tombstones(frontends4, references.frontends4, settled, changes);
  release_tombstones(frontends6, references.frontends6, settled, changes);
  std::vector<uint32_t> unused;
  for (const uint32_t index : backends.gone()) {
    if (backends.gone_since(index) < settled && !is_referenced(references.backends, index)) unused.push_back(index);
  }
  services.release_backends(unused, changes);
  free_services(settled, changes);
  return finish(changes);
}

void Planner::Impl::free_services(uint32_t settled, ChangeList& changes) {
  std::vector<uint32_t> unused;
  for (const uint32_t index : services.buried()) {
    const ServiceEntry& entry = services.at(index);
    if (entry.buried < settled && entry.frontends == 0 && entry.backends.empty()) unused.push_back(index);
  }
  for (const uint32_t index : unused) {
    if (ServiceObject* object = services.at(index).object) {
      std::erase(object->indexes, index);
      if (object->indexes.empty()) objects.erase(ObjectName(object->name));
    }
    services.release(index, changes);
  }
}

std::set<ObjectName> Planner::Impl::set_node_addresses(NodeAddresses now) {
  const bool node_ports_move = addresses.node_port_addresses != now.node_port_addresses;
  const bool ranges_change = addresses.node_ips != now.node_ips;
  addresses = std::move(now);
  std::set<ObjectName> touched;
  if (!node_ports_move && !ranges_change) return touched;
  for (const auto& [name, object] : objects) {
    if ((node_ports_move && object.has_node_ports) || (ranges_change && object.has_source_ranges)) {
      touched.insert(touched.end(), name);
    }
  }
  return touched;
}

Planner::Planner(PlannerConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;

Result<void> Planner::adopt(TableStore& store) {
  auto adopted = std::make_unique<Impl>(impl_->config);
  adopted->complete = impl_->complete;
  adopted->addresses = impl_->addresses;
  return adopted->adopt(store).map([&] { impl_ = std::move(adopted); });
}

void Planner::set_complete(bool complete) { impl_->complete = complete; }

const std::set<ObjectName>& Planner::unconfirmed() const { return impl_->unconfirmed; }

Plan Planner::plan(const State& state, const std::set<ObjectName>& touched) {
  return impl_->needs_all ? impl_->plan_all(state) : impl_->plan(state, touched);
}

std::set<ObjectName> Planner::set_node_addresses(NodeAddresses addresses) {
  return impl_->set_node_addresses(std::move(addresses));
}

bool Planner::empty() const { return impl_->objects.empty(); }

Plan Planner::plan_all(const State& state) { return impl_->plan_all(state); }

void Planner::grace_began() { impl_->grace_began(); }

void Planner::grace_passed() { impl_->grace_passed(); }

uint32_t Planner::settled() const { return impl_->last_settled; }

bool Planner::wants_grace() const {
  return impl_->fresh_unreachable || impl_->backends.resting() || impl_->services.resting() ||
         impl_->frontends4.resting() || impl_->frontends6.resting();
}

Plan Planner::release(const FlowReferences& references, uint32_t settled) {
  return impl_->release(references, settled);
}

bool Planner::wants_sweep() const {
  return !impl_->backends.gone().empty() || !impl_->services.buried().empty() ||
         !impl_->frontends4.tombstones().empty() || !impl_->frontends6.tombstones().empty();
}

bool Planner::wants_plan() const {
  return impl_->needs_all || (impl_->room_made && !(impl_->waiting.empty() && impl_->homeless.empty()));
}

std::vector<std::string> Planner::standing_problems() const {
  std::vector<std::string> all;
  for (const auto& [name, problems] : impl_->object_problems.standing()) {
    all.insert(all.end(), problems.begin(), problems.end());
  }
  for (const auto& [key, problems] : impl_->frontend_problems.standing()) {
    all.insert(all.end(), problems.begin(), problems.end());
  }
  return all;
}

}  // namespace waggle
