// SPDX-License-Identifier: Apache-2.0
// Services of a previous run that the source cannot account for yet, because part of what it reads could not be read
// since the start (Source: SourceBatch::complete). They keep what they have, frontends and all, until the source is
// complete: a restart beside a broken manifest must take as little away as a running agent would (invariant 4).
#include <arpa/inet.h>

#include <algorithm>

#include "plan/planner_impl.h"

namespace waggle {
namespace {

bool is_known(const std::vector<const EndpointSlice*>& slices, const wg_backend& backend, Family family) {
  const auto is_it = [&](const Endpoint& endpoint) {
    return endpoint.address.family == family && compare_places(backend, endpoint.address, ntohs(backend.port)) == 0;
  };
  return std::any_of(slices.begin(), slices.end(), [&](const EndpointSlice* slice) {
    return std::any_of(slice->endpoints.begin(), slice->endpoints.end(), is_it);
  });
}

// As far as the tables tell; what is kept comes before everything else in any case.
ClaimKind kind_of(uint32_t flags) {
  if ((flags & WG_FRONTEND_NODE_PORT) != 0) return ClaimKind::kNodePort;
  return (flags & WG_FRONTEND_EXTERNAL) != 0 ? ClaimKind::kLoadBalancer : ClaimKind::kClusterIp;
}

}  // namespace

// Would a plan from what is known now take away what may only be unread: the service, or an endpoint that no slice
// names in whatever condition?
bool Planner::Impl::accounts_for(const State& state, const ServiceObject& object) {
  if (state.service(object.name) == nullptr) return false;
  const auto slices = state.slices_of(object.name);
  return std::all_of(object.indexes.begin(), object.indexes.end(), [&](uint32_t index) {
    const ServiceEntry& entry = services.at(index);
    return std::all_of(entry.backends.begin(), entry.backends.end(), [&](uint32_t id) {
      return backends.is_gone(id) || is_known(slices, backends.at(id), entry.family());
    });
  });
}

bool Planner::Impl::must_wait(const State& state, const ObjectName& name) {
  if (complete || !unconfirmed.contains(name)) return false;
  const ServiceObject& object = objects.at(name);
  // What a crash left half-written cannot be kept as it is.
  const bool whole = std::all_of(object.indexes.begin(), object.indexes.end(),
                                 [this](uint32_t index) { return services.holds_its_sets(index); });
  return whole && !accounts_for(state, object);
}

// Claims the frontends that the tables have for it; see award().
void Planner::Impl::keep(const ObjectName& name) {
  for (const uint32_t index : objects.at(name).indexes) {
    ServiceEntry& entry = services.at(index);
    if (entry.kept) continue;
    entry.kept = true;
    std::vector<ServiceClaim> claims;
    for (FrontendEntry* frontend : adopted_frontends[index])
      claims.push_back({frontend, frontend->flags, kind_of(frontend->flags)});
    claim(index, std::move(claims));
  }
}

void Planner::Impl::confirm(const ObjectName& name) {
  if (unconfirmed.erase(name) == 0) return;
  for (const uint32_t index : objects.at(name).indexes) {
    ServiceEntry& entry = services.at(index);
    if (!entry.kept) continue;
    entry.kept = false;
    for (const ServiceClaim& claim : entry.claims) mark(*claim.frontend);
  }
}

}  // namespace waggle
