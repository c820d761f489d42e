// SPDX-License-Identifier: Apache-2.0
#include "daemon/service_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/some_names.h"
#include "node/kube_proxy_ipvs.h"

namespace waggle {
namespace {

constexpr size_t kNamed = 3;

// As the planner has it: all others are nobody's here.
bool is_served(const Service& service) {
  return !service.has_proxy_name && !service.headless && service.type != "ExternalName" && !service.cluster_ips.empty();
}

// But for those that kube-proxy's ipvs mode left, where every ClusterIP is: that link is named by itself.
bool is_own(const IpAddress& ip, const NodeInterfaces& interfaces) {
  return std::ranges::any_of(interfaces.all(), [&ip](const auto& entry) {
    const Interface& link = entry.second;
    return link.name != kIpvsLink &&
           std::ranges::find(link.addresses, ip, &InterfaceAddress::address) != link.addresses.end();
  });
}

bool has_own_address(const Service& service, const NodeInterfaces& interfaces) {
  return std::ranges::any_of(service.cluster_ips, [&](const IpAddress& ip) { return is_own(ip, interfaces); });
}

}  // namespace

void ServiceNotes::take(const std::vector<Event>& events, const NodeInterfaces& interfaces) {
  for (const Event& event : events) {
    const auto* service = std::get_if<Service>(&event);
    const auto* deletion = std::get_if<Deletion>(&event);
    if (service == nullptr && (deletion == nullptr || deletion->kind != ObjectKind::kService)) continue;
    const ObjectName& name = service != nullptr ? service->name : deletion->name;
    if (service != nullptr && is_served(*service) && has_own_address(*service, interfaces))
      on_own_address_.insert(name);
    else
      on_own_address_.erase(name);
  }
}

void ServiceNotes::links_changed(const State& state, const NodeInterfaces& interfaces) {
  std::erase_if(on_own_address_, [&](const ObjectName& name) {
    const Service* service = state.service(name);
    return service == nullptr || !has_own_address(*service, interfaces);
  });
}

std::vector<std::string> ServiceNotes::all() const {
  if (on_own_address_.empty()) return {};
  return {
      fmt::format("an address of this node is the ClusterIP of {} service{} ({}): what listens there on the same port "
                  "is not reached",
                  on_own_address_.size(), on_own_address_.size() == 1 ? "" : "s",
                  some_names(on_own_address_, kNamed, &ObjectName::text))};
}

std::vector<std::string> ServiceNotes::news() {
  std::vector<std::string> fresh = told_ ? std::vector<std::string>{} : all();
  told_ = told_ || !fresh.empty();
  return fresh;
}

}  // namespace waggle
