// SPDX-License-Identifier: Apache-2.0
#include "daemon/object_judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "model/cluster_ip_doubt.h"
#include "model/service_cidrs.h"
#include "waggle/abi/settings.h"

namespace waggle {
namespace {

constexpr size_t kMostSaid = 20;  // services that are named one by one

bool is_ours(const Service& service) { return !service.has_proxy_name && !service.headless; }

std::vector<std::string> cluster_ip_words(const Service& service, const State& state) {
  std::vector<std::string> words;
  for (const IpAddress& ip : service.cluster_ips) {
    if (const auto doubt = cluster_ip_doubt(state, ip))
      words.push_back(fmt::format(
          "Service {}: its ClusterIP {} {}; the service's own ports are served, what goes to others is left "
          "alone; unless that is meant, create the service with another ClusterIP",
          service.name.text(), ip.text(), *doubt));
  }
  return words;
}

std::vector<std::string> external_ip_words(const Service& service, const State& state) {
  std::vector<std::string> words;
  for (const IpAddress& ip : service.external_ips) {
    for (const Cidr& cidr : state.ranges().cidrs[static_cast<size_t>(ip.family)]) {
      if (!cidr.contains(ip)) continue;
      words.push_back(
          fmt::format("Service {}: its external IP {} lies in ServiceCIDR range {}; a service that has it as ClusterIP "
                      "comes first; use an external IP outside of all ServiceCIDRs",
                      service.name.text(), ip.text(), cidr.text()));
    }
  }
  return words;
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

std::string service_cidr_problem(const ServiceCidrs& cidrs) {
  std::vector<std::string> left_out;
  for (const auto& of_family : cidrs) {
    for (size_t i = WG_SERVICE_CIDRS; i < of_family.size(); ++i) left_out.push_back(of_family[i].text());
  }
  if (left_out.empty()) return "";
  return fmt::format(
      "there are more than {} service CIDRs of a family: packets to addresses of {} that no service has are let "
      "through",
      WG_SERVICE_CIDRS, fmt::join(left_out, ", "));
}

void ObjectJudge::judge(const State& state, const ObjectName& service) {
  const Service* found = state.service(service);
  const bool judged = found != nullptr && is_ours(*found);
  const std::vector<std::string> nothing;
  keep(doubtful_, service, judged ? cluster_ip_words(*found, state) : nothing);
  keep(external_, service, judged ? external_ip_words(*found, state) : nothing);
  keep(on_own_ports_, service, judged ? own_port_words(*found, own_ports_) : nothing);
  health_ports_.judge(service, judged ? found : nullptr);
}

void ObjectJudge::judge_all(const State& state) {
  contradictions_ = impossible_cidrs(state);
  std::ranges::move(overlaps_of(state), std::back_inserter(contradictions_));
  if (std::string problem = service_cidr_problem(state.ranges().cidrs); !problem.empty())
    contradictions_.push_back(std::move(problem));
  for (OfServices* problems : {&doubtful_, &external_, &on_own_ports_}) problems->clear();
  health_ports_ = {};
  for (const auto& [name, service] : state.services()) judge(state, name);
}

std::vector<std::string> ObjectJudge::standing_problems() const {
  std::vector<std::string> problems = contradictions_;
  name_some(doubtful_, "a doubtful ClusterIP", problems);
  name_some(external_, "an external IP that lies in a ServiceCIDR", problems);
  name_some(on_own_ports_, "a node port that is Waggle's own", problems);
  std::ranges::move(health_ports_.standing_problems(), std::back_inserter(problems));
  return problems;
}

}  // namespace waggle
