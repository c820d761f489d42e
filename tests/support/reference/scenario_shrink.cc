// SPDX-License-Identifier: Apache-2.0
// Greedy: whatever can go while the case still fails goes, larger parts first.
#include "support/reference/scenario.h"

namespace waggle::reference {
namespace {

class Shrinker {
 public:
  Shrinker(Scenario scenario, const std::function<bool(const Scenario&)>& fails)
      : best_(std::move(scenario)), fails_(fails) {}

  Scenario run() {
    for (bool is_smaller = true; is_smaller;) {
      is_smaller = drop_steps();
      is_smaller = simplify_settings() || is_smaller;
      is_smaller = simplify_objects() || is_smaller;
    }
    return std::move(best_);
  }

 private:
  bool take(Scenario candidate) {
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool drop_steps() {
    bool is_smaller = false;
    for (size_t length = best_.steps.size(); length > 0; length /= 2) {
      for (size_t first = 0; first < best_.steps.size();) {
        Scenario candidate = best_;
        const auto begin = candidate.steps.begin() + static_cast<std::ptrdiff_t>(first);
        const size_t left = std::min(length, candidate.steps.size() - first);
        candidate.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(left));
        if (take(std::move(candidate))) {
          is_smaller = true;
        } else {
          first += length;
        }
      }
    }
    return is_smaller;
  }

  bool simplify_settings() {
    bool is_smaller = false;
    const auto attempt = [&](auto change) {
      Scenario candidate = best_;
      change(candidate.settings);
      if (candidate.settings != best_.settings && take(std::move(candidate))) is_smaller = true;
    };
    attempt([](Settings& one) { one.masquerade_all = false; });
    attempt([](Settings& one) { one.detector = Detector::kNone; });
    return is_smaller;
  }

  bool simplify_objects() {
    bool is_smaller = false;
    for (size_t step = 0; step < best_.steps.size(); ++step) {
      const auto* event = std::get_if<Event>(&best_.steps[step]);
      if (event == nullptr) continue;
      if (std::holds_alternative<Service>(*event)) is_smaller = simplify_service(step) || is_smaller;
      if (std::holds_alternative<EndpointSlice>(*event)) is_smaller = simplify_slice(step) || is_smaller;
    }
    return is_smaller;
  }

  template <typename Object>
  bool attempt(size_t step, const std::function<void(Object&)>& change) {
    Scenario candidate = best_;
    Object& object = std::get<Object>(std::get<Event>(candidate.steps[step]));
    const Object before = object;
    change(object);
    return !(object == before) && take(std::move(candidate));
  }

  // Leaves out elements one by one, but for the first `kept`.
  template <typename Object, typename List>
  bool drop_elements(size_t step, List Object::*list, size_t kept = 0) {
    bool is_smaller = false;
    const auto size = [&] { return (std::get<Object>(std::get<Event>(best_.steps[step])).*list).size(); };
    for (size_t index = size(); index-- > 0 && size() > kept;) {
      is_smaller = attempt<Object>(step,
                                   [&](Object& one) {
                                     (one.*list).erase((one.*list).begin() + static_cast<std::ptrdiff_t>(index));
                                   }) ||
                   is_smaller;
    }
    return is_smaller;
  }

  bool simplify_service(size_t step) {
    bool is_smaller = drop_elements(step, &Service::ports, 1);
    is_smaller = drop_elements(step, &Service::external_ips) || is_smaller;
    is_smaller = drop_elements(step, &Service::load_balancer_ingress) || is_smaller;
    is_smaller = drop_elements(step, &Service::source_ranges) || is_smaller;
    is_smaller = drop_elements(step, &Service::cluster_ips) || is_smaller;
    const auto plain = [&](auto change) { is_smaller = attempt<Service>(step, change) || is_smaller; };
    plain([](Service& one) { one.internal_policy = TrafficPolicy::kCluster; });
    plain([](Service& one) { one.external_policy = TrafficPolicy::kCluster; });
    plain([](Service& one) { one.affinity_timeout_s = 0; });
    plain([](Service& one) { one.has_proxy_name = one.headless = false; });
    plain([](Service& one) { one.creation_timestamp.clear(); });
    plain([](Service& one) {
      for (ServicePort& port : one.ports) port.node_port = 0;
    });
    return is_smaller;
  }

  bool simplify_slice(size_t step) {
    bool is_smaller = drop_elements(step, &EndpointSlice::endpoints);
    is_smaller = drop_elements(step, &EndpointSlice::ports) || is_smaller;
    const auto plain = [&](auto change) {
      is_smaller = attempt<EndpointSlice>(step,
                                          [&](EndpointSlice& one) {
                                            for (Endpoint& endpoint : one.endpoints) change(endpoint);
                                          }) ||
                   is_smaller;
    };
    plain([](Endpoint& one) { one.zone_hints = {}; });
    plain([](Endpoint& one) { one.node_hints = {}; });
    plain([](Endpoint& one) { one.ready = one.serving = true, one.terminating = false; });
    return is_smaller;
  }

  Scenario best_;
  const std::function<bool(const Scenario&)>& fails_;
};

}  // namespace

Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails) {
  return Shrinker(std::move(scenario), fails).run();
}

}  // namespace waggle::reference
