// SPDX-License-Identifier: Apache-2.0
#include "daemon/agent.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "daemon/metrics_facts.h"
#include "daemon/server_setup.h"
#include "daemon/some_names.h"
#include "node/uplinks.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;

// Bursts of route and neighbour changes become one: the first is told at once, the rest together after this.
constexpr milliseconds kNextHopPause{20};
constexpr milliseconds kSweepEvery{10'000};
constexpr milliseconds kStatusPause{100};  // between two writes of the status: a change must not cost a file
constexpr milliseconds kSweepSoon{1'000};  // when flows hold up something that could be released ...
constexpr int kSweepShare = 50;            // ... if that takes no more than this part of a CPU

tl::unexpected<Error> loop_failure(std::string_view operation) {
  const int code = errno;
  return failure(fmt::format("event loop: cannot {}: {}", operation, std::strerror(code)), code);
}

LinkChoice link_choice(const AgentOptions& options) {
  return {.devices = options.devices,
          .pod_interfaces = options.pod_interfaces,
          .xdp = options.xdp == XdpUse::kAuto,
          .default_route_devices = [] { return default_route_devices(); }};
}

bool concerns_nodes(const Event& event) {
  const auto* deletion = std::get_if<Deletion>(&event);
  return std::holds_alternative<Node>(event) || (deletion != nullptr && deletion->kind == ObjectKind::kNode);
}

}  // namespace

Agent::Agent(AgentOptions options, AgentParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      reconciler_(Planner(parts_.planner), parts_.kernel->tables()),
      links_(link_choice(options_), *parts_.kernel),
      status_(options_.run_dir),
      sweep_pause_(kSweepSoon) {}

Result<void> Agent::start() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return loop_failure("be made");
  for (const auto& [fd, who] : {std::pair{parts_.source->fd(), kSource}, std::pair{parts_.network->fd(), kNetwork},
                                std::pair{parts_.stop.get(), kStop}}) {
    if (auto listening = listen(fd, who); !listening) return listening;
  }
  if (parts_.config.has_value()) {
    if (auto listening = listen(parts_.config->fd(), kConfig); !listening) return listening;
  }
  if (auto listening = listen_beside(); !listening) return listening;
  if (auto adopted = reconciler_.adopt(); !adopted)
    return tl::unexpected(std::move(adopted.error()).in("reading back the tables of the previous run"));
  const TimePoint now = Clock::now();
  const auto changes = parts_.network->take();
  if (!changes) return tl::unexpected(changes.error());
  if (auto opened = open_servers(); !opened) return opened;
  if (auto adopted = links_.adopt(parts_.network->interfaces()); !adopted) return adopted;
  links_.update(parts_.network->interfaces(), *changes, now);
  swept_at_ = now;
  check_forwarding();
  publish(true);
  return {};
}

Result<void> Agent::run() {
  for (;;) {
    const auto goes_on = run_once();
    if (!goes_on) {
      publish(false);
      return tl::unexpected(goes_on.error());
    }
    if (!*goes_on) break;
  }
  publish(false);
  spdlog::info("stopped; programs, links and tables stay and keep serving");
  return {};
}

Result<bool> Agent::run_once(std::optional<milliseconds> longest) {
  const auto heard = wait(longest);
  if (!heard) return tl::unexpected(heard.error());
  if ((*heard & kStop) != 0) return false;
  if ((*heard & kConfig) != 0 && parts_.config->changed())
    return failure(fmt::format("{} changed; ending, so that the supervisor starts the agent with what it says now",
                               parts_.config->file().string()));
  const TimePoint now = Clock::now();
  if ((*heard & kNetwork) != 0 || network_backoff_.retry_at().has_value()) take_network(now);
  if ((*heard & kSource) != 0) take_source(now);
  links_.retry(now);
  reconciler_.step(now);
  refresh_next_hops(now);
  if (const auto due = next_sweep(); due.has_value() && now >= *due) begin_sweep(now);
  if (sweeping_) end_sweep(now);
  serve();
  say_when_ready();
  say_services(now);
  publish(true);
  return true;
}

// --- waiting ---

Result<void> Agent::listen(int fd, Heard who) {
  epoll_event event{.events = EPOLLIN, .data = {.u32 = who}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return loop_failure("watch a file descriptor");
  return {};
}

// What is done beside the loop rings when it is done.
Result<void> Agent::listen_beside() {
  for (const int fd : {parts_.kernel->tables().wait_fd(), parts_.kernel->sweep_fd()}) {
    if (fd < 0) continue;
    if (auto listening = listen(fd, kAside); !listening) return listening;
  }
  return {};
}

std::optional<TimePoint> Agent::next_wake() const {
  auto wake = earlier(reconciler_.next_wake(), links_.next_wake());
  wake = earlier(wake, service_news_.next_wake());
  wake = earlier(wake, network_backoff_.retry_at());
  wake = earlier(wake, next_hops_stale_at_);
  wake = earlier(wake, status_late_ ? std::optional(status_due_) : std::nullopt);
  wake = earlier(wake, servers_->next_wake());
  return earlier(wake, next_sweep());
}

Result<uint32_t> Agent::wait(std::optional<milliseconds> longest) {
  const TimePoint now = Clock::now();
  const auto wake = earlier(next_wake(), longest.has_value() ? std::optional(now + *longest) : std::nullopt);
  int timeout = -1;
  if (wake.has_value())
    timeout = static_cast<int>(std::max<int64_t>(0, std::chrono::ceil<milliseconds>(*wake - now).count()));
  std::array<epoll_event, 7> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  if (count < 0 && errno != EINTR) return loop_failure("wait");
  uint32_t heard = 0;
  for (int i = 0; i < count; ++i) heard |= events[static_cast<size_t>(i)].data.u32;
  return heard;
}

// --- taking in ---

// Before anything is read, so that a probe is answered while the source is out of reach (contract O-39).
Result<void> Agent::open_servers() {
  parts_.servers.health_check_addresses = health_check_addresses(options_.node_ports, parts_.network->interfaces());
  auto opened = Servers::open(parts_.servers, {.collect = [this] { return metrics_input(); }, .post = parts_.post},
                              Moment::now());
  if (!opened) return tl::unexpected(opened.error());
  servers_ = std::move(*opened);
  return listen(servers_->fd(), kServers);
}

void Agent::take_source(TimePoint now) {
  SourceBatch batch = parts_.source->take();
  const std::vector<std::string> standing = parts_.source->standing_problems();
  for (const std::string& problem : batch.problems) {
    if (std::ranges::find(standing, problem) == standing.end()) spdlog::warn("{}", problem);  // else publish() says it
  }
  note_services(batch);
  const bool nodes = std::ranges::any_of(batch.events, concerns_nodes);
  const Moment moment = Moment::now();
  const bool was_synced = reconciler_.synced();
  reconciler_.take(std::move(batch.events), batch.synced, batch.complete,
                   [&](const EventNote& note, const std::set<ObjectName>& touched) {
                     servers_->changed(note, touched, was_synced, moment);
                   });
  if (nodes) follow_node_object(now);
}

// What is there at the start is no news.
void Agent::note_services(const SourceBatch& batch) {
  if (reconciler_.synced()) service_news_.take(reconciler_.state(), batch.events);
  service_notes_.take(batch.events, parts_.network->interfaces());
}

void Agent::follow_node_object(TimePoint now) {
  const Node* self = reconciler_.state().node(options_.node_name);
  links_.set_node_addresses(parts_.network->interfaces(), self == nullptr ? std::vector<IpAddress>{} : self->addresses,
                            now);
}

void Agent::take_network(TimePoint now) {
  if (!network_backoff_.due(now)) return;
  const auto changes = parts_.network->take();
  if (!changes) {
    network_problem_ = changes.error().message;
    network_backoff_.failed(now);
    hush_network(true);
    return;
  }
  if (!network_problem_.empty()) hush_network(false);
  network_problem_.clear();
  network_backoff_.succeeded();
  if (!changes->changed.empty() || !changes->vanished.empty())
    links_.update(parts_.network->interfaces(), *changes, now);
  if (changes->next_hops && !next_hops_stale_at_.has_value())
    next_hops_stale_at_ = std::max(now, next_hops_told_at_ + kNextHopPause);
}

// A descriptor that cannot be read stays readable: not to spin, nobody listens until the next attempt.
void Agent::hush_network(bool hushed) {
  epoll_event event{.events = hushed ? 0u : EPOLLIN, .data = {.u32 = kNetwork}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, parts_.network->fd(), &event);
}

// --- doing what is due ---

void Agent::refresh_next_hops(TimePoint now) {
  if (!next_hops_stale_at_.has_value() || now < *next_hops_stale_at_) return;
  parts_.kernel->bump_nexthop_epoch();
  next_hops_told_at_ = now;
  next_hops_stale_at_.reset();
}

// None while one is under way.
std::optional<TimePoint> Agent::next_sweep() const {
  if (sweeping_) return std::nullopt;
  const bool release = reconciler_.wants_references() && reconciler_.graces() != swept_graces_;
  return swept_at_ + (release ? sweep_pause_ : kSweepEvery);
}

void Agent::begin_sweep(TimePoint now) {
  swept_at_ = now;
  swept_graces_ = reconciler_.graces();
  check_forwarding();
  sweeping_ = true;
  sweep_refers_ = reconciler_.wants_references();
  reconciler_.sweep_began();
  parts_.kernel->begin_sweep({.references = sweep_refers_});
}

void Agent::end_sweep(TimePoint now) {
  auto over = parts_.kernel->sweep_over();
  if (!over.has_value()) return;
  sweeping_ = false;
  Result<SweepResult>& result = *over;
  sweep_problem_ = result ? "" : fmt::format("flows cannot be swept: {}", result.error().message);
  if (!result) return;
  const auto cpu = std::chrono::ceil<milliseconds>(result->cpu);
  sweep_pause_ = std::clamp(kSweepShare * cpu, kSweepSoon, kSweepEvery);
  if (sweep_refers_) reconciler_.swept(result->references, now);
  for (size_t table = 0; table < expired_.size(); ++table) expired_[table] += result->tables[table].expired;
  result->references = {};
  reconciler_.check_drift(now);
  last_sweep_ = SweepRecord{.at = std::chrono::system_clock::now(),
                            .took = std::chrono::duration_cast<std::chrono::microseconds>(now - swept_at_),
                            .result = std::move(*result)};
}

void Agent::check_forwarding() {
  setting_problems_.clear();
  const auto check = [this](Family family, std::string_view setting) {
    const auto enabled = forwarding_enabled(family, parts_.proc_sys);
    if (!enabled || *enabled) return;
    setting_problems_.push_back(
        fmt::format("this node forwards no {} packets, so that pods are not reached: set {} = 1",
                    family == Family::kIpv4 ? "IPv4" : "IPv6", setting));
  };
  check(Family::kIpv4, "net.ipv4.ip_forward");
  const auto has_ipv6 = [](const auto& entry) { return entry.second.primary_address(Family::kIpv6).has_value(); };
  if (std::ranges::any_of(parts_.network->interfaces().all(), has_ipv6))
    check(Family::kIpv6, "net.ipv6.conf.all.forwarding");
}

// --- telling ---

void Agent::say_when_ready() {
  if (ready_ || !reconciler_.programmed()) return;
  ready_ = true;
  ::malloc_trim(0);  // the first lists needed several times the room of what is kept
  const State& state = reconciler_.state();
  spdlog::info("ready: {} services, {} backends programmed in {} ms", state.services().size(), backend_count(state),
               std::chrono::duration_cast<milliseconds>(Clock::now() - parts_.started_at).count());
}

void Agent::serve() {
  const Moment now = Moment::now();
  if (const auto round = reconciler_.take_round()) servers_->sync_ended(*round, reconciler_.state(), now);
  if (parts_.count) parts_.count(servers_->metrics());
  servers_->step(now);
}

MetricsInput Agent::metrics_input() const {
  return collect_metrics({.reconciler = reconciler_,
                          .links = links_,
                          .kernel = *parts_.kernel,
                          .last_sweep = last_sweep_,
                          .expired = expired_,
                          .problems = problems_.standing().size(),
                          .source_connected = parts_.source->connected()});
}

void Agent::say_services(TimePoint now) {
  if (const auto news = service_news_.say(now)) spdlog::info("{}", *news);
  if (!reconciler_.synced()) return;
  for (const ServiceNotes::Note& note : service_notes_.news())
    spdlog::log(note.grave ? spdlog::level::warn : spdlog::level::info, "{}", note.text);
}

// Endpoints name their node, and so do topology hints: under another name all that is on this node counts as elsewhere.
std::optional<std::string> Agent::foreign_name() const {
  constexpr size_t kNamed = 3;
  const auto& nodes = reconciler_.state().nodes();
  if (!reconciler_.synced() || nodes.empty() || nodes.contains(options_.node_name)) return std::nullopt;
  return fmt::format(
      "no Node object has the name of this node, '{}': there are {}; its own endpoints, zone and addresses are not "
      "known as its own; start the agent with the right --node-name",
      options_.node_name, some_names(nodes, kNamed, [](const auto& entry) { return entry.first; }));
}

void Agent::publish(bool running) {
  std::vector<std::string> standing = parts_.source->standing_problems();
  const auto append = [&standing](std::vector<std::string> more) {
    standing.insert(standing.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(reconciler_.standing_problems());
  append(parts_.start_problems);
  append(links_.standing_problems());
  append(setting_problems_);
  append(servers_->standing_problems());
  for (const std::string& problem : {foreign_name().value_or(""), network_problem_, sweep_problem_, status_problem_}) {
    if (!problem.empty()) standing.push_back(problem);
  }
  problems_.update(std::move(standing));
  write_status(running);
}

void Agent::write_status(bool running) {
  const TimePoint now = Clock::now();
  status_late_ = running && now < status_due_;
  if (status_late_) return;
  status_due_ = now + kStatusPause;
  const auto written = status_.update(status_text({.options = options_,
                                                   .started = parts_.started,
                                                   .running = running,
                                                   .netns_cookie = parts_.netns_cookie,
                                                   .reconciler = reconciler_,
                                                   .links = links_,
                                                   .last_sweep = last_sweep_,
                                                   .problems = problems_.standing(),
                                                   .notices = service_notes_.all()}));
  status_problem_ = written ? "" : "the status cannot be written: " + written.error().message;
}

}  // namespace waggle
