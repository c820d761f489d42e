// SPDX-License-Identifier: Apache-2.0
#include "daemon/object_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace waggle {
namespace {

constexpr size_t kMostSaid = 20;  // services that are named one by one

bool in_any(const std::vector<Cidr>& cidrs, const IpAddress& address) {
  return std::ranges::any_of(cidrs, [&address](const Cidr& cidr) { return cidr.contains(address); });
}

bool is_ours(const Service& service) { return !service.has_proxy_name && !service.headless; }

// Where no ServiceCIDR of the family is known, nothing can be said.
std::vector<std::string> outside_words(const Service& service, const ServiceCidrs& cidrs) {
  for (const IpAddress& ip : service.cluster_ips) {
    const auto& of_family = cidrs[static_cast<size_t>(ip.family)];
    if (of_family.empty() || in_any(of_family, ip)) continue;
    return {fmt::format(
        "Service {}: its ClusterIP {} lies in no ServiceCIDR; it is served, but the cluster may give the address to "
        "something else",
        service.name.text(), ip.text())};
  }
  return {};
}

bool overlap(const Cidr& one, const Cidr& other) {
  return one != other && (one.contains(other.address) || other.contains(one.address));
}

std::vector<std::string> overlap_words(const ServiceCidr& one, const ServiceCidr& other) {
  std::vector<std::string> problems;
  for (const Cidr& cidr : one.cidrs) {
    for (const Cidr& second : other.cidrs) {
      if (!overlap(cidr, second)) continue;
      problems.push_back(fmt::format("ServiceCIDR {}: {} overlaps {} of ServiceCIDR {}", one.name, cidr.text(),
                                     second.text(), other.name));
    }
  }
  return problems;
}

std::vector<std::string> overlaps_of(const State& state) {
  std::vector<std::string> problems;
  const auto& objects = state.service_cidrs();
  for (auto one = objects.begin(); one != objects.end(); ++one) {
    for (auto other = std::next(one); other != objects.end(); ++other) {
      for (std::string& problem : overlap_words(one->second, other->second)) problems.push_back(std::move(problem));
    }
  }
  return problems;
}

using OfServices = std::map<ObjectName, std::vector<std::string>>;

void keep(OfServices& problems, const ObjectName& service, std::vector<std::string> words) {
  if (words.empty())
    problems.erase(service);
  else
    problems[service] = std::move(words);
}

// `rest`: what is said of those that are too many to be named.
void name_some(const OfServices& of_services, std::string_view rest, std::vector<std::string>& problems) {
  size_t said = 0;
  for (const auto& [name, words] : of_services) {
    if (++said > kMostSaid) break;
    problems.insert(problems.end(), words.begin(), words.end());
  }
  if (of_services.size() > kMostSaid)
    problems.push_back(fmt::format("{} more services have {}", of_services.size() - kMostSaid, rest));
}

}  // namespace

void ObjectJudge::judge(const State& state, const ObjectName& service) {
  const Service* found = state.service(service);
  const bool judged = found != nullptr && is_ours(*found);
  keep(outside_, service, judged ? outside_words(*found, cidrs_) : std::vector<std::string>{});
  health_ports_.judge(service, judged ? found : nullptr);
  keep(on_own_ports_, service, judged ? own_port_words(*found, own_ports_) : std::vector<std::string>{});
}

void ObjectJudge::judge_all(const State& state) {
  cidrs_ = service_cidrs(state);
  contradictions_ = impossible_cidrs(state);
  std::ranges::move(overlaps_of(state), std::back_inserter(contradictions_));
  outside_.clear();
  on_own_ports_.clear();
  health_ports_ = {};
  for (const auto& [name, service] : state.services()) judge(state, name);
}

std::vector<std::string> ObjectJudge::standing_problems() const {
  std::vector<std::string> problems = contradictions_;
  name_some(outside_, "a ClusterIP that lies in no ServiceCIDR", problems);
  name_some(on_own_ports_, "a node port that is Waggle's own", problems);
  std::ranges::move(health_ports_.standing_problems(), std::back_inserter(problems));
  return problems;
}

}  // namespace waggle
