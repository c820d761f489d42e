// SPDX-License-Identifier: Apache-2.0
// kube-proxy's own metrics, with its names, labels and buckets (contract 3.6), counted here as the daemon tells what
// happens. Owned by Servers, written to the metrics page.
#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "server/metrics_text.h"
#include "server/moment.h"
#include "server/programming_latency.h"

namespace waggle {

// One attempt to bring the tables to what the source wants.
struct SyncRound {
  bool succeeded = false;
  bool full = false;  // everything was compared, not just what changed
  std::chrono::nanoseconds took{0};
};

// Label traffic_policy; service ports that have endpoints, but none usable on this node.
struct NoLocalEndpoints {
  int64_t internal = 0;
  int64_t external = 0;
};

class SyncMetrics {
 public:
  // families: those that are served; only they appear.
  explicit SyncMetrics(std::vector<Family> families);

  void sync_requested(Moment now);
  void service_event();
  void slice_event() { ++slice_events_; }
  void round(const SyncRound& round, Moment now);
  void programmed(const std::vector<ProgrammingLatency::Observation>& observations);
  void udp_cleanup(Family family, std::chrono::nanoseconds took, uint64_t deleted);
  void health_answer(bool livez, unsigned status) { ++health_answers_[{livez, status}]; }
  // method: the HTTP verb; code: the status, or "<error>" if none came; host: host:port of the API server.
  void api_request(const std::string& host, const std::string& method, const std::string& code,
                   std::chrono::nanoseconds took);

  struct Now {
    uint64_t pending_services = 0;
    uint64_t pending_slices = 0;
    std::array<NoLocalEndpoints, 2> no_local;  // index: Family
  };
  void write(MetricsText& text, const Now& now) const;
  [[nodiscard]] uint64_t failures() const { return failures_; }
  [[nodiscard]] const std::vector<Family>& families() const { return families_; }

 private:
  struct OfFamily {
    OfFamily();
    Histogram rounds, full_rounds, partial_rounds, programming, udp_cleanups;
    double last_sync_s = 0;  // Unix time; 0: never
    double last_queued_s = 0;
    uint64_t udp_deleted = 0;
  };
  void write_histogram(MetricsText& text, std::string_view name, std::string_view help,
                       Histogram OfFamily::*which) const;
  void write_rounds(MetricsText& text) const;
  void write_changes(MetricsText& text, const Now& now) const;
  void write_no_local(MetricsText& text, const Now& now) const;
  void write_health(MetricsText& text) const;
  void write_api_requests(MetricsText& text) const;

  std::vector<Family> families_;
  std::array<OfFamily, 2> of_;  // index: Family
  uint64_t service_events_ = 0;
  uint64_t slice_events_ = 0;
  uint64_t failures_ = 0;
  std::map<std::pair<bool, unsigned>, uint64_t> health_answers_;                        // (livez, status)
  std::map<std::tuple<std::string, std::string, std::string>, uint64_t> api_requests_;  // (code, host, method)
  std::map<std::pair<std::string, std::string>, Histogram> api_durations_;              // (host, verb)
};

}  // namespace waggle
