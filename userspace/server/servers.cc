// SPDX-License-Identifier: Apache-2.0
#include "server/servers.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/family_name.h"
#include "server/process_facts.h"

namespace waggle {
namespace {

constexpr std::chrono::seconds kBindAgain{5};     // contract O-39
constexpr std::chrono::seconds kCollectAgain{1};  // scrapers that come together share what is collected

void add(std::array<NoLocalEndpoints, 2>& totals, const ServiceFacts& facts, int64_t sign) {
  for (size_t family = 0; family < totals.size(); ++family) {
    totals[family].internal += sign * facts.families[family].no_local_internal;
    totals[family].external += sign * facts.families[family].no_local_external;
  }
}

bool lacks_local(const ServiceFacts& facts) {
  return std::ranges::any_of(facts.families, [](const FamilyFacts& family) {
    return family.no_local_internal + family.no_local_external > 0;
  });
}

// Runs the page's head first, then the rows.
HttpBodySource after(std::string head, HttpBodySource rows) {
  return [head = std::move(head), rows = std::move(rows)](std::string& out) mutable {
    if (head.empty()) return rows(out);
    out += std::exchange(head, {});
    return true;
  };
}

HttpResponse quiet(std::string content_type, std::string body) {
  return {.content_type = std::move(content_type),
          .headers = {{"X-Content-Type-Options", "nosniff"}},
          .body = std::move(body),
          .more = {}};
}

}  // namespace

EventNote event_note(const Event& event) {
  EventNote note;
  if (std::holds_alternative<Service>(event)) note.kind = ObjectKind::kService;
  if (const auto* slice = std::get_if<EndpointSlice>(&event)) {
    note.kind = ObjectKind::kEndpointSlice;
    note.family = slice->family;
    note.trigger_time = slice->last_change_trigger_time;
  }
  if (const auto* node = std::get_if<Node>(&event)) {
    note.kind = ObjectKind::kNode;
    note.node = *node;
  }
  if (const auto* gone = std::get_if<Deletion>(&event)) {
    note.kind = gone->kind;
    note.deletion = true;
  }
  return note;
}

Servers::Servers(ServersConfig config, ServersHooks hooks, std::unique_ptr<HttpServer> http, Moment now)
    : config_(std::move(config)),
      hooks_(std::move(hooks)),
      now_(now),
      http_(std::move(http)),
      health_(2 * config_.sync_period),
      service_health_(*http_, {.addresses = config_.health_check_addresses,
                               .proxy_healthy = [this] { return health_.healthy(now_); },
                               .failed =
                                   [this](const ObjectName& service, uint16_t port, const std::string& why) {
                                     post(service_healthcheck_event(config_.node_name, service, port, why, now_.wall));
                                   },
                               .fixed_server = [this](uint16_t port) { return fixed_server(port); }}),
      sync_(config_.families),
      latency_(now.wall),
      build_{.version = config_.version, .compiler = __VERSION__, .platform = "linux/" WAGGLE_ARCHITECTURE},
      health_door_{.what = "health server", .where = config_.health, .problem = {}},
      metrics_door_{.what = "metrics server", .where = config_.metrics, .problem = {}} {}

Result<std::unique_ptr<Servers>> Servers::open(ServersConfig config, ServersHooks hooks, Moment now) {
  auto http = HttpServer::open(config.limits);
  if (!http) return tl::unexpected(http.error());
  std::unique_ptr<Servers> servers(new Servers(std::move(config), std::move(hooks), std::move(*http), now));
  for (const Family family : servers->config_.families) servers->health_.loop_started(family, now);
  servers->sync_.sync_requested(now);
  servers->bind_all(now);
  if (auto bound = servers->insist_on_doors(now); !bound) return tl::unexpected(bound.error());
  servers->post(starting_event(servers->config_.node_name, now.wall));
  return servers;
}

// --- ports ---

bool Servers::knock(Door& door, const HttpHandler& handler) {
  if (!door.where.has_value() || door.id != 0) return true;
  auto id = http_->listen(*door.where, handler);
  door.id = id ? *id : 0;
  door.problem = id ? "" : fmt::format("{}: {}", door.what, id.error().message);
  return id.has_value();
}

std::string Servers::fixed_server(uint16_t port) const {
  for (const Door* door : {&health_door_, &metrics_door_}) {
    if (door->id != 0 && http_->port_of(door->id) == port) return "Waggle's " + door->what;
  }
  return "";
}

void Servers::bind_all(Moment now) {
  knock(health_door_, [this](const HttpRequest& request) { return answer_health(request); });
  knock(metrics_door_, [this](const HttpRequest& request) { return answer_metrics_port(request); });
  service_health_.retry();
  retry_at_.reset();
  if (wants_retry()) retry_at_ = now.steady + kBindAgain;
}

bool Servers::wants_retry() const {
  return !health_door_.problem.empty() || !metrics_door_.problem.empty() || service_health_.wants_retry();
}

Result<void> Servers::insist_on_doors(Moment now) {
  if (!config_.bind_hard_fail) return {};
  if (!health_door_.problem.empty()) {
    post(health_server_event(config_.node_name, health_door_.problem, now.wall));
    return failure(health_door_.problem + " (bindAddressHardFail is set)");
  }
  if (!metrics_door_.problem.empty()) {
    post(metrics_server_event(config_.node_name, metrics_door_.problem, now.wall));
    return failure(metrics_door_.problem + " (bindAddressHardFail is set)");
  }
  return {};
}

void Servers::post(ClusterEvent event) {
  if (hooks_.post) hooks_.post(std::move(event));
}

void Servers::step(Moment now) {
  now_ = now;
  if (retry_at_.has_value() && now.steady >= *retry_at_) bind_all(now);
  http_->step(now.steady);
}

std::optional<TimePoint> Servers::next_wake() const {
  const auto next = http_->next_wake();
  if (!retry_at_.has_value() || !next.has_value()) return retry_at_.has_value() ? retry_at_ : next;
  return std::min(*next, *retry_at_);
}

std::vector<std::string> Servers::standing_problems() const {
  std::vector<std::string> problems = service_health_.standing_problems();
  for (const Door* door : {&health_door_, &metrics_door_}) {
    if (!door->problem.empty()) problems.push_back(door->problem);
  }
  return problems;
}

// --- what the daemon tells ---

void Servers::changed(const EventNote& note, const std::set<ObjectName>& touched, bool synced, Moment now) {
  now_ = now;
  if (note.kind == ObjectKind::kNode) note_node(note, now);
  const bool slice = note.kind == ObjectKind::kEndpointSlice;
  const bool service = note.kind == ObjectKind::kService;
  if (slice) sync_.slice_event();
  if (service) sync_.service_event();
  if (touched.empty()) return;
  touched_.insert(touched.begin(), touched.end());
  if (slice) ++pending_slices_;
  if (service) pending_services_.insert(touched.begin(), touched.end());
  for (const ObjectName& name : touched) {
    if (!slice) break;
    if (note.deletion)
      latency_.forget(name);
    else
      latency_.changed(name, note.family, note.trigger_time);
  }
  if (synced && (slice || service)) want_sync(now);
}

// A change of zone asks for a sync at any time, also before the first lists (O-38).
void Servers::note_node(const EventNote& note, Moment now) {
  if (!note.node.has_value() || note.node->name != config_.node_name) return;
  health_.node_seen(*note.node);
  if (std::exchange(zone_, note.node->zone) != note.node->zone) want_sync(now);
}

void Servers::want_sync(Moment now) {
  for (const Family family : config_.families) health_.sync_wanted(family, now);
  sync_.sync_requested(now);
}

// In the contract's order: latency, gauges, health, then the health check ports (O-54).
void Servers::sync_ended(const SyncRound& round, const State& state, Moment now) {
  now_ = now;
  sync_.round(round, now);
  if (!round.succeeded) return;
  sync_.programmed(latency_.programmed(now.wall));
  for (const Family family : config_.families) health_.synced(family, now);
  health_.programmed();
  follow_services(state);
  pending_services_.clear();
  pending_slices_ = 0;
  if (wants_retry() && !retry_at_.has_value()) retry_at_ = now.steady + kBindAgain;
}

void Servers::follow_services(const State& state) {
  std::map<ObjectName, ServiceFacts> changed;
  for (const ObjectName& name : touched_) {
    ServiceFacts facts = service_facts(state, name, config_.node_name);
    if (const auto before = no_local_.find(name); before != no_local_.end()) {
      add(no_local_totals_, before->second, -1);
      no_local_.erase(before);
    }
    if (lacks_local(facts)) {
      add(no_local_totals_, facts, 1);
      no_local_.emplace(name, facts);
    }
    changed.emplace(name, facts);
  }
  touched_.clear();
  service_health_.apply(changed);
}

void Servers::listen_for_health_checks(std::vector<IpAddress> addresses) {
  service_health_.listen_on(std::move(addresses));
  if (wants_retry() && !retry_at_.has_value()) retry_at_ = now_.steady + kBindAgain;
}

// --- what is answered ---

HttpResponse Servers::answer_health(const HttpRequest& request) {
  const bool livez = request.path == "/livez";
  if (!livez && request.path != "/healthz" && request.path != "/readyz") return http_not_found();
  const auto question = livez                        ? HealthQuestion::kLivez
                        : request.path == "/healthz" ? HealthQuestion::kHealthz
                                                     : HealthQuestion::kReadyz;
  HealthAnswer answer = health_.answer(question, now_);
  const unsigned status = answer.good ? 200 : 503;
  if (question != HealthQuestion::kReadyz) sync_.health_answer(livez, status);
  HttpResponse response = quiet("application/json", std::move(answer.body));
  response.status = status;
  return response;
}

HttpResponse Servers::answer_metrics_port(const HttpRequest& request) {
  if (auto refused = refuse_unless_reading(request)) return *refused;
  if (request.path == "/metrics") return metrics_answer();
  if (request.path == "/metrics/slis") return quiet("text/plain; version=0.0.4; charset=utf-8", "");
  if (request.path == "/healthz" || request.path == "/healthz/ping") return quiet("text/plain; charset=utf-8", "ok");
  if (request.path == "/proxyMode") return quiet("text/plain; charset=utf-8", config_.proxy_mode);
  if (request.path == "/configz") return quiet("application/json", config_.configz);
  return http_not_found();
}

HttpResponse Servers::metrics_answer() {
  if (collected_ == nullptr || now_.steady - collected_at_ >= kCollectAgain) {
    collected_ = std::make_shared<const MetricsInput>(hooks_.collect ? hooks_.collect() : MetricsInput{});
    collected_at_ = now_.steady;
  }
  std::string head = metrics_head({.build = build_,
                                   .sync = sync_,
                                   .sync_now = {.pending_services = pending_services_.size(),
                                                .pending_slices = pending_slices_,
                                                .no_local = no_local_totals_},
                                   .input = *collected_,
                                   .refusals = http_->connections().refusals(),
                                   .health_check_listeners = service_health_.listening()});
  if (const auto process = read_process_facts()) {
    MetricsText text;
    write_process_metrics(text, *process);
    head += text.text();
  }
  HttpResponse response = quiet("text/plain; version=0.0.4; charset=utf-8", "");
  response.more = after(std::move(head), traffic_rows(collected_));
  return response;
}

}  // namespace waggle
