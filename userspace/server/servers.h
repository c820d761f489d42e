// SPDX-License-Identifier: Apache-2.0
// Everything the agent serves over HTTP: health (default port 10256), metrics (127.0.0.1:10249) and the
// healthCheckNodePorts, and the counting behind it. Owned by the daemon, driven by its epoll loop:
//
//   auto servers = Servers::open(config, hooks, Moment::now());   before the source is read (contract O-39)
//   add (*servers)->fd() to the loop; wake up at (*servers)->next_wake(); then (*servers)->step(Moment::now())
//
//   for each event of the source:
//     const EventNote note = event_note(event);
//     const auto touched = state.apply(std::move(event));
//     servers->changed(note, touched, source_was_synced, now);
//   after each attempt to write what changed (also when there was nothing to write):
//     servers->sync_ended({.succeeded = nothing is pending, .full = ..., .took = ...}, state, now);
//
// Nothing here waits, and no failure here stops the data plane.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/state.h"
#include "server/events.h"
#include "server/health_state.h"
#include "server/http_server.h"
#include "server/metrics_input.h"
#include "server/metrics_page.h"
#include "server/programming_latency.h"
#include "server/service_health.h"
#include "server/sync_metrics.h"

namespace waggle {

struct ServersConfig {
  std::string node_name;
  std::string version;
  std::vector<Family> families{Family::kIpv4, Family::kIpv6};  // those that are served
  std::optional<BindAddress> health;                           // none: no health server
  std::optional<BindAddress> metrics;                          // none: no metrics server
  bool bind_hard_fail = false;                                 // bindAddressHardFail
  std::chrono::nanoseconds sync_period = std::chrono::seconds(30);
  // Where health check ports listen; none: on the wildcard addresses.
  std::optional<std::vector<IpAddress>> health_check_addresses{};
  // What /proxyMode says. "iptables" would promise counters that Waggle does not have (contract summary, surprise 11).
  std::string proxy_mode = "waggle";
  std::string configz;  // the effective configuration, JSON: {"kubeproxy.config.k8s.io": {...}}
  HttpLimits limits;
};

struct ServersHooks {
  std::function<MetricsInput()> collect;  // at most once a second, when a scraper asks; must be quick
  // Where events go; may be none. Must not wait.
  std::function<void(ClusterEvent)> post;
};

// What Servers needs to know of an event, taken before the State swallows it.
struct EventNote {
  std::optional<ObjectKind> kind;
  bool deletion = false;
  Family family = Family::kIpv4;  // of a slice
  std::string trigger_time;       // of a slice
  std::optional<Node> node;
};
EventNote event_note(const Event& event);

class Servers {
 public:
  // Fails only with bind_hard_fail, when a port cannot be had; the event about it is posted then.
  static Result<std::unique_ptr<Servers>> open(ServersConfig config, ServersHooks hooks, Moment now);

  [[nodiscard]] int fd() const { return http_->fd(); }
  void step(Moment now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  // One event was applied and touched these services. synced: the source had delivered its first lists before.
  void changed(const EventNote& note, const std::set<ObjectName>& touched, bool synced, Moment now);
  // An attempt to write ended. After a success the health ports and counts follow `state` (O-54).
  void sync_ended(const SyncRound& round, const State& state, Moment now);
  // Health check ports listen on these addresses from now on.
  void listen_for_health_checks(std::vector<IpAddress> addresses);
  // Counts that only the daemon and the API client can see; see SyncMetrics.
  [[nodiscard]] SyncMetrics& metrics() { return sync_; }

  [[nodiscard]] std::vector<std::string> standing_problems() const;
  [[nodiscard]] bool healthy(Moment now) const { return health_.healthy(now); }
  [[nodiscard]] uint16_t health_port() const { return http_->port_of(health_door_.id); }    // 0: not bound
  [[nodiscard]] uint16_t metrics_port() const { return http_->port_of(metrics_door_.id); }  // 0: not bound

 private:
  // A fixed port: tried again every 5 s until it is bound.
  struct Door {
    std::string what;  // "health server"
    std::optional<BindAddress> where;
    HttpServer::ListenerId id = 0;
    std::string problem;
  };

  Servers(ServersConfig config, ServersHooks hooks, std::unique_ptr<HttpServer> http, Moment now);
  bool knock(Door& door, const HttpHandler& handler);  // binds if that is wanted and not done; false: cannot
  void bind_all(Moment now);
  [[nodiscard]] std::string fixed_server(uint16_t port) const;  // who of the two has it, or ""
  [[nodiscard]] bool wants_retry() const;
  Result<void> insist_on_doors(Moment now);
  void post(ClusterEvent event);

  void note_node(const EventNote& note, Moment now);
  void want_sync(Moment now);
  void follow_services(const State& state);

  HttpResponse answer_health(const HttpRequest& request);
  HttpResponse answer_metrics_port(const HttpRequest& request);
  HttpResponse metrics_answer();

  ServersConfig config_;
  ServersHooks hooks_;
  Moment now_;
  std::unique_ptr<HttpServer> http_;
  HealthState health_;
  ServiceHealth service_health_;
  SyncMetrics sync_;
  ProgrammingLatency latency_;
  BuildFacts build_;
  Door health_door_;
  Door metrics_door_;
  std::optional<TimePoint> retry_at_;

  std::string zone_;              // of the own node, as last seen
  std::set<ObjectName> touched_;  // since the last successful sync
  std::set<ObjectName> pending_services_;
  uint64_t pending_slices_ = 0;
  std::map<ObjectName, ServiceFacts> no_local_;  // services that add to the totals
  std::array<NoLocalEndpoints, 2> no_local_totals_;
  std::shared_ptr<const MetricsInput> collected_;
  TimePoint collected_at_{};
};

}  // namespace waggle
