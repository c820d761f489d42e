// SPDX-License-Identifier: Apache-2.0
#include "daemon/agent.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "daemon/server_setup.h"
#include "node/uplinks.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;

// Bursts of route and neighbour changes become one: the first is told at once, the rest together after this.
constexpr milliseconds kNextHopPause{20};
constexpr milliseconds kRoutesPause{1'000};  // between two listings of all routes ...
constexpr int kRoutesShare = 50;             // ... and they take no more than this part of the loop's time
constexpr milliseconds kSweepEvery{10'000};
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
          .detect_local = options.detect_local,
          .default_route_devices = [] { return default_route_devices(); }};
}

template <typename Object, ObjectKind kKind>
bool concerns(const Event& event) {
  const auto* deletion = std::get_if<Deletion>(&event);
  return std::holds_alternative<Object>(event) || (deletion != nullptr && deletion->kind == kKind);
}

}  // namespace

Agent::Agent(AgentOptions options, AgentParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      reconciler_(Planner(parts_.planner), parts_.kernel->tables()),
      links_(link_choice(options_), *parts_.kernel),
      identity_(options_, parts_.servers.families, parts_.started_at),
      udp_(std::move(parts_.udp_sockets), *parts_.kernel),
      judge_(parts_.own_ports),
      object_events_(parts_.post),
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
  if (auto told = begin_addresses(); !told) return told;
  if (auto adopted = links_.adopt(parts_.network->interfaces()); !adopted) return adopted;
  routes_stale_at_ = now;
  refresh_routes(now);
  links_.update(parts_.network->interfaces(), *changes, now);
  swept_at_ = now;
  check_forwarding();
  look_for_ipvs_link();
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
  if (auto goes_on = follow_addresses(now); !goes_on) return tl::unexpected(goes_on.error());
  links_.retry(now);
  reconciler_.step(now);
  tell_service_cidrs();
  follow_udp(now);
  refresh_routes(now);
  refresh_next_hops(now);
  if (const auto due = next_sweep(); due.has_value() && now >= *due) begin_sweep(now);
  if (sweeping_) end_sweep(now);
  serve();
  say_when_ready();
  say_leftovers();
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
  const int leftovers = parts_.leftovers.has_value() ? parts_.leftovers->fd() : -1;
  for (const int fd : {parts_.kernel->tables().wait_fd(), parts_.kernel->sweep_fd(), leftovers}) {
    if (fd < 0) continue;
    if (auto listening = listen(fd, kAside); !listening) return listening;
  }
  return {};
}

std::optional<TimePoint> Agent::next_wake() const {
  auto wake = earlier(reconciler_.next_wake(), links_.next_wake());
  wake = earlier(wake, service_news_.next_wake());
  wake = earlier(wake, identity_.next_wake());
  wake = earlier(wake, settled() ? udp_.next_wake() : std::nullopt);
  wake = earlier(wake, network_backoff_.retry_at());
  wake = earlier(wake, next_hops_stale_at_);
  wake = earlier(wake, routes_stale_at_);
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
  std::array<epoll_event, 8> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  if (count < 0 && errno != EINTR) return loop_failure("wait");
  uint32_t heard = 0;
  for (int i = 0; i < count; ++i) heard |= events[static_cast<size_t>(i)].data.u32;
  return heard;
}

// --- taking in ---

// Before anything is read, so that a probe is answered while the source is out of reach (contract O-39).
Result<void> Agent::open_servers() {
  parts_.servers.health_check_addresses.emplace();  // follow_addresses() tells which
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
  const bool nodes = std::ranges::any_of(batch.events, concerns<Node, ObjectKind::kNode>);
  const bool cidrs = std::ranges::any_of(batch.events, concerns<ServiceCidr, ObjectKind::kServiceCidr>);
  const Moment moment = Moment::now();
  const bool was_synced = reconciler_.synced();
  reconciler_.take(std::move(batch.events), batch.synced, batch.complete,
                   [&](const EventNote& note, const std::set<ObjectName>& touched) {
                     servers_->changed(note, touched, was_synced, moment);
                     judge_services(touched);
                     if (note.kind == ObjectKind::kEndpointSlice) udp_.slices_changed(reconciler_.state(), touched);
                   });
  if (cidrs || nodes) judge_.judge_all(reconciler_.state());
  if (nodes) follow_node_object(now);
  service_cidrs_stale_ = service_cidrs_stale_ || cidrs || nodes;
}

void Agent::judge_services(const std::set<ObjectName>& services) {
  for (const ObjectName& service : services) judge_.judge(reconciler_.state(), service);
}

// What is there at the start is no news.
void Agent::note_services(const SourceBatch& batch) {
  if (reconciler_.synced()) service_news_.take(reconciler_.state(), batch.events);
  service_notes_.take(batch.events, parts_.network->interfaces());
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
  if (!changes->changed.empty() || !changes->vanished.empty()) {
    links_.update(parts_.network->interfaces(), *changes, now);
    addresses_stale_ = true;
    look_for_ipvs_link();
    service_notes_.links_changed(reconciler_.state(), parts_.network->interfaces());
  }
  if (changes->routes && !routes_stale_at_.has_value()) routes_stale_at_ = std::max(now, routes_rested_at_);
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

// What XDP remembers of its ways is from before, too.
void Agent::refresh_routes(TimePoint now) {
  if (!routes_stale_at_.has_value() || now < *routes_stale_at_) return;
  auto mtus = parts_.network->route_mtus();
  const auto took = std::chrono::ceil<milliseconds>(Clock::now() - now);
  routes_rested_at_ = now + std::max(kRoutesPause, kRoutesShare * took);
  routes_stale_at_.reset();
  routes_problem_ = mtus ? "" : mtus.error().message;
  if (!mtus)
    routes_stale_at_ = routes_rested_at_;
  else if (links_.set_route_mtus(parts_.network->interfaces(), std::move(*mtus), now))
    parts_.kernel->bump_nexthop_epoch();
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

void Agent::follow_udp(TimePoint now) {
  if (!settled()) return;
  const auto round = udp_.step(now);
  if (!round.has_value()) return;
  for (const Family family : parts_.servers.families)
    servers_->metrics().udp_cleanup(family, round->took, round->ended[static_cast<size_t>(family)]);
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

}  // namespace waggle
