// SPDX-License-Identifier: Apache-2.0
#include "server/sync_metrics.h"

#include <numeric>

#include "server/family_name.h"

namespace waggle {
namespace {

using enum MetricType;

// 1 ms, doubled 14 times.
const std::vector<double>& sync_buckets() {
  static const std::vector<double> buckets = [] {
    std::vector<double> bounds;
    for (int power = 0; power < 15; ++power) bounds.push_back(0.001 * (1 << power));
    return bounds;
  }();
  return buckets;
}

// 0.25, 0.5, then every second to a minute, every 5 s to two minutes, every 30 s to five.
const std::vector<double>& programming_buckets() {
  static const std::vector<double> buckets = [] {
    std::vector<double> bounds{0.25, 0.5};
    for (int second = 1; second < 60; ++second) bounds.push_back(second);
    for (int second = 60; second < 120; second += 5) bounds.push_back(second);
    for (int second = 120; second <= 300; second += 30) bounds.push_back(second);
    return bounds;
  }();
  return buckets;
}

constexpr std::array kApiBuckets{0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0};

double in_seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

SyncMetrics::OfFamily::OfFamily()
    : rounds(sync_buckets()),
      full_rounds(sync_buckets()),
      partial_rounds(sync_buckets()),
      programming(programming_buckets()),
      udp_cleanups(sync_buckets()) {}

SyncMetrics::SyncMetrics(std::vector<Family> families) : families_(std::move(families)) {
  for (const bool livez : {false, true}) {
    for (const unsigned status : {200u, 503u}) health_answers_[{livez, status}] = 0;
  }
}

void SyncMetrics::sync_requested(Moment now) {
  for (const Family family : families_) of_[index_of(family)].last_queued_s = unix_seconds(now.wall);
}

// In kube-proxy each family counts every service.
void SyncMetrics::service_event() { service_events_ += families_.size(); }

void SyncMetrics::round(const SyncRound& round, Moment now) {
  if (!round.succeeded) ++failures_;
  for (const Family family : families_) {
    OfFamily& of = of_[index_of(family)];
    of.rounds.observe(in_seconds(round.took));
    (round.full ? of.full_rounds : of.partial_rounds).observe(in_seconds(round.took));
    if (round.succeeded) of.last_sync_s = unix_seconds(now.wall);
  }
}

void SyncMetrics::programmed(const std::vector<ProgrammingLatency::Observation>& observations) {
  for (const auto& [family, seconds] : observations) of_[index_of(family)].programming.observe(seconds);
}

void SyncMetrics::udp_cleanup(Family family, std::chrono::nanoseconds took, uint64_t deleted) {
  of_[index_of(family)].udp_cleanups.observe(in_seconds(took));
  of_[index_of(family)].udp_deleted += deleted;
}

void SyncMetrics::api_request(const std::string& host, const std::string& method, const std::string& code,
                              std::chrono::nanoseconds took) {
  ++api_requests_[{code, host, method}];
  api_durations_.try_emplace({host, method}, kApiBuckets).first->second.observe(in_seconds(took));
}

void SyncMetrics::write(MetricsText& text, const Now& now) const {
  write_rounds(text);
  write_changes(text, now);
  write_no_local(text, now);
  write_health(text);
  write_api_requests(text);
}

void SyncMetrics::write_histogram(MetricsText& text, std::string_view name, std::string_view help,
                                  Histogram OfFamily::*which) const {
  text.family(name, kHistogram, help);
  for (const Family family : families_)
    text.histogram({{"ip_family", family_name(family)}}, of_[index_of(family)].*which);
}

void SyncMetrics::write_rounds(MetricsText& text) const {
  write_histogram(text, "kubeproxy_sync_proxy_rules_duration_seconds",
                  "Duration of one sync of the tables, in seconds.", &OfFamily::rounds);
  write_histogram(text, "kubeproxy_sync_full_proxy_rules_duration_seconds",
                  "Duration of one full sync of the tables, in seconds.", &OfFamily::full_rounds);
  write_histogram(text, "kubeproxy_sync_partial_proxy_rules_duration_seconds",
                  "Duration of one sync of what changed, in seconds.", &OfFamily::partial_rounds);
  write_histogram(text, "kubeproxy_network_programming_duration_seconds",
                  "Time from a change of a pod's or service's endpoints until the tables show it, in seconds.",
                  &OfFamily::programming);
  write_histogram(text, "kubeproxy_conntrack_reconciler_sync_duration_seconds",
                  "Duration of one cleanup of stale UDP connections, in seconds.", &OfFamily::udp_cleanups);
  text.family("kubeproxy_conntrack_reconciler_deleted_entries_total", kCounter,
              "Stale UDP connections deleted. Waggle gives them a new backend instead.");
  for (const Family family : families_)
    text.sample({{"ip_family", family_name(family)}}, of_[index_of(family)].udp_deleted);
  text.family("kubeproxy_sync_proxy_rules_last_timestamp_seconds", kGauge, "Unix time of the last successful sync.");
  for (const Family family : families_)
    text.sample({{"ip_family", family_name(family)}}, of_[index_of(family)].last_sync_s);
  text.family("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", kGauge,
              "Unix time when a sync was last asked for.");
  for (const Family family : families_)
    text.sample({{"ip_family", family_name(family)}}, of_[index_of(family)].last_queued_s);
}

void SyncMetrics::write_changes(MetricsText& text, const Now& now) const {
  text.family("kubeproxy_sync_proxy_rules_endpoint_changes_pending", kGauge,
              "EndpointSlice changes that the tables do not show yet.");
  text.sample({}, now.pending_slices);
  text.family("kubeproxy_sync_proxy_rules_endpoint_changes_total", kCounter, "EndpointSlice changes seen.");
  text.sample({}, slice_events_);
  text.family("kubeproxy_sync_proxy_rules_service_changes_pending", kGauge,
              "Services with changes that the tables do not show yet.");
  text.sample({}, now.pending_services);
  text.family("kubeproxy_sync_proxy_rules_service_changes_total", kCounter,
              "Service changes seen, counted once a family.");
  text.sample({}, service_events_);
}

void SyncMetrics::write_no_local(MetricsText& text, const Now& now) const {
  text.family("kubeproxy_sync_proxy_rules_no_local_endpoints_total", kGauge,
              "Service ports whose traffic policy is Local and that have endpoints, but none on this node.");
  for (const Family family : families_) {
    const NoLocalEndpoints& count = now.no_local[index_of(family)];
    text.sample({{"ip_family", family_name(family)}, {"traffic_policy", "internal"}}, count.internal);
    text.sample({{"ip_family", family_name(family)}, {"traffic_policy", "external"}}, count.external);
  }
}

void SyncMetrics::write_health(MetricsText& text) const {
  for (const bool livez : {false, true}) {
    text.family(livez ? "kubeproxy_proxy_livez_total" : "kubeproxy_proxy_healthz_total", kCounter,
                livez ? "Answers of /livez by status." : "Answers of /healthz by status.");
    for (const auto& [key, count] : health_answers_) {
      if (key.first == livez) text.sample({{"code", std::to_string(key.second)}}, count);
    }
  }
}

void SyncMetrics::write_api_requests(MetricsText& text) const {
  if (api_requests_.empty()) return;
  text.family("rest_client_requests_total", kCounter, "Requests to the API server by status code, host and method.");
  for (const auto& [key, count] : api_requests_) {
    const auto& [code, host, method] = key;
    text.sample({{"code", code}, {"host", host}, {"method", method}}, count);
  }
  text.family("rest_client_request_duration_seconds", kHistogram,
              "Time from a request to the API server until its answer began, in seconds.");
  for (const auto& [key, durations] : api_durations_)
    text.histogram({{"host", key.first}, {"verb", key.second}}, durations);
}

}  // namespace waggle
