// SPDX-License-Identifier: Apache-2.0
#include "plan/endpoint_sets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace waggle {
namespace {

struct Candidate {
  const Endpoint* endpoint;
  uint16_t port;
};

bool same_place(const Candidate& a, const Candidate& b) {
  return a.port == b.port && a.endpoint->address == b.endpoint->address;
}

// Contract I-43, I-44: by name and protocol; the number is the slice's.
std::vector<Candidate> join(const std::vector<const EndpointSlice*>& slices, const ServicePort& port, Family family) {
  std::vector<Candidate> joined;
  for (const EndpointSlice* slice : slices) {
    if (slice->family != family) continue;
    for (const EndpointPort& slice_port : slice->ports) {
      if (slice_port.name != port.name || slice_port.protocol != port.protocol || slice_port.port == 0) continue;
      for (const Endpoint& endpoint : slice->endpoints) {
        if (endpoint.address.family == family) joined.push_back({&endpoint, slice_port.port});
      }
    }
  }
  return joined;
}

// Contract I-47: the first stays unless a later one is not terminating. Sorted by address and port after.
void keep_one_of_each(std::vector<Candidate>& candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    const auto order = a.endpoint->address <=> b.endpoint->address;
    return order != 0 ? order < 0 : a.port < b.port;
  });
  size_t kept = 0;
  for (const Candidate& candidate : candidates) {
    if (kept == 0 || !same_place(candidates[kept - 1], candidate)) {
      candidates[kept++] = candidate;
    } else if (!candidate.endpoint->terminating) {
      candidates[kept - 1] = candidate;
    }
  }
  candidates.resize(kept);
}

bool is_local(const Endpoint& endpoint, const NodeContext& node) {
  return !node.name.empty() && endpoint.node_name == node.name;
}

// Contract I-84 and what must still be reachable for its flows: backends that serve, or are ready whatever else they
// say.
bool is_serving(const Endpoint& endpoint) { return endpoint.ready || endpoint.serving; }

using Places = std::vector<uint32_t>;

// The choice of contract section 1.6 over the candidates of one service port.
class Choice {
 public:
  Choice(const std::vector<Candidate>& candidates, const NodeContext& node) : candidates_(candidates), node_(node) {
    for (uint32_t place = 0; place < candidates.size(); ++place) {
      const Endpoint& endpoint = at(place);
      if (endpoint.ready) {
        ready_.push_back(place);
      } else if (endpoint.serving && endpoint.terminating) {
        terminating_.push_back(place);
      }
    }
  }

  [[nodiscard]] bool any() const { return !ready_.empty() || !terminating_.empty(); }

  // I-80, I-81
  [[nodiscard]] Places cluster() const {
    if (ready_.empty()) return terminating_;
    Places near = hinted(&Endpoint::node_hints, node_.name);
    if (near.empty()) near = hinted(&Endpoint::zone_hints, node_.zone);
    return near.empty() ? ready_ : near;
  }

  // I-82
  [[nodiscard]] Places local() const {
    Places here = local_of(ready_);
    return here.empty() ? local_of(terminating_) : here;
  }

 private:
  [[nodiscard]] const Endpoint& at(uint32_t place) const { return *candidates_[place].endpoint; }

  // Ready endpoints hinted for `me`; none unless every ready endpoint carries a hint of this kind.
  [[nodiscard]] Places hinted(HintList Endpoint::*hints, std::string_view me) const {
    Places mine;
    if (me.empty()) return mine;
    for (const uint32_t place : ready_) {
      if ((at(place).*hints).empty()) return {};
      if ((at(place).*hints).contains(me)) mine.push_back(place);
    }
    return mine;
  }

  [[nodiscard]] Places local_of(const Places& places) const {
    Places here;
    std::copy_if(places.begin(), places.end(), std::back_inserter(here),
                 [this](uint32_t place) { return is_local(at(place), node_); });
    return here;
  }

  const std::vector<Candidate>& candidates_;
  const NodeContext& node_;
  Places ready_;
  Places terminating_;
};

// A place and its "address:port", without an allocation: a cluster has a hundred thousand of them.
struct NamedPlace {
  std::array<char, 56> text;
  uint32_t size = 0;
  uint32_t place = 0;

  [[nodiscard]] std::string_view view() const { return {text.data(), size}; }
};

NamedPlace named_place(const Candidate& candidate, uint32_t place) {
  NamedPlace named;
  named.place = place;
  const IpAddress& address = candidate.endpoint->address;
  if (address.family == Family::kIpv6) {
    const std::string text = address_port_text(address, candidate.port);
    named.size = static_cast<uint32_t>(text.copy(named.text.data(), named.text.size()));
    return named;
  }
  char* end = named.text.data();
  for (size_t byte = 0; byte < 4; ++byte) {
    end = std::to_chars(end, named.text.end(), address.bytes[byte]).ptr;
    *end++ = byte < 3 ? '.' : ':';
  }
  end = std::to_chars(end, named.text.end(), candidate.port).ptr;
  named.size = static_cast<uint32_t>(end - named.text.data());
  return named;
}

// Contract I-50. The order also decides whether a set counts as changed, so it must not depend on the order of slices.
void sort_by_text(Places& places, const std::vector<Candidate>& candidates) {
  std::vector<NamedPlace> named;
  named.reserve(places.size());
  for (const uint32_t place : places) named.push_back(named_place(candidates[place], place));
  std::sort(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.view() < b.view(); });
  std::transform(named.begin(), named.end(), places.begin(), [](const NamedPlace& one) { return one.place; });
}

}  // namespace

EndpointSets endpoint_sets(const std::vector<const EndpointSlice*>& slices, const ServicePort& port, Family family,
                           SetsNeeded needed, const NodeContext& node) {
  std::vector<Candidate> candidates = join(slices, port, family);
  keep_one_of_each(candidates);
  std::erase_if(candidates, [](const Candidate& candidate) { return !is_serving(*candidate.endpoint); });

  const Choice choice(candidates, node);
  EndpointSets sets;
  if (needed.cluster) sets.cluster = choice.cluster();
  if (needed.local) sets.local = choice.local();
  sets.usable_somewhere = !sets.cluster.empty() || (needed.local && choice.any());
  sort_by_text(sets.cluster, candidates);
  sort_by_text(sets.local, candidates);

  sets.endpoints.reserve(candidates.size());
  for (const auto& [endpoint, number] : candidates) {
    sets.endpoints.push_back({.address = endpoint->address,
                              .port = number,
                              .terminating = endpoint->terminating,
                              .local = is_local(*endpoint, node)});
  }
  for (const uint32_t place : sets.cluster) sets.endpoints[place].in_cluster = true;
  for (const uint32_t place : sets.local) sets.endpoints[place].in_local = true;
  return sets;
}

}  // namespace waggle
