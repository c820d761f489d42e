// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/some_names.h"

namespace waggle {
namespace {

constexpr size_t kNamed = 3;

// As the planner has it: all others are nobody's here.
bool is_served(const Service& service) {
  return !service.has_proxy_name && !service.headless && service.type != "ExternalName" && !service.cluster_ips.empty();
}

}  // namespace

bool ServiceNotes::asks(const Service& service, Thing thing, const NodeInterfaces& interfaces) {
  const auto any_port = [&service](const auto& holds) { return std::ranges::any_of(service.ports, holds); };
  switch (thing) {
    case kNodePort:
      return any_port([](const ServicePort& port) { return port.node_port != 0; });
    case kExternalIp:
      return !service.external_ips.empty();
    case kSourceRange:
      return !service.source_ranges.empty();
    case kAffinity:
      return service.affinity_timeout_s != 0;
    case kOwnAddress:
      return std::ranges::any_of(service.cluster_ips, [&](const IpAddress& ip) { return interfaces.owns(ip); });
  }
  return false;
}

void ServiceNotes::take(const std::vector<Event>& events, const NodeInterfaces& interfaces) {
  for (const Event& event : events) {
    const auto* service = std::get_if<Service>(&event);
    const auto* deletion = std::get_if<Deletion>(&event);
    if (service == nullptr && (deletion == nullptr || deletion->kind != ObjectKind::kService)) continue;
    const ObjectName& name = service != nullptr ? service->name : deletion->name;
    const bool served = service != nullptr && is_served(*service);
    for (const Thing thing : kAll) {
      if (served && asks(*service, thing, interfaces))
        asking_[thing].insert(name);
      else
        asking_[thing].erase(name);
    }
  }
}

ServiceNotes::Note ServiceNotes::note(Thing thing) const {
  const std::set<ObjectName>& names = asking_[thing];
  const std::string who = fmt::format("{} service{} ({})", names.size(), names.size() == 1 ? "" : "s",
                                      some_names(names, kNamed, &ObjectName::text));
  switch (thing) {
    case kNodePort:
      return {false, fmt::format("NodePort is not served yet: node ports of {}", who)};
    case kExternalIp:
      return {false, fmt::format("externalIPs are not served yet: those of {}", who)};
    case kSourceRange:
      return {true, fmt::format("loadBalancerSourceRanges are not kept to yet, every source is let in: {}", who)};
    case kAffinity:
      return {false, fmt::format("session affinity is not kept yet, each connection chooses anew: {}", who)};
    case kOwnAddress:
      return {true,
              fmt::format("an address of this node is the ClusterIP of {}: what listens there on the same port is "
                          "not reached",
                          who)};
  }
  return {};
}

std::vector<std::string> ServiceNotes::all() const {
  std::vector<std::string> texts;
  for (const Thing thing : kAll) {
    if (!asking_[thing].empty()) texts.push_back(note(thing).text);
  }
  return texts;
}

std::vector<ServiceNotes::Note> ServiceNotes::news() {
  std::vector<Note> fresh;
  for (const Thing thing : kAll) {
    if (asking_[thing].empty() || told_[thing]) continue;
    told_[thing] = true;
    fresh.push_back(note(thing));
  }
  return fresh;
}

}  // namespace waggle
