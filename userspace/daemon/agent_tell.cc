// SPDX-License-Identifier: Apache-2.0
// The part of the agent that tells what is: in the log, in its status, over HTTP, in Events.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/metrics_facts.h"
#include "daemon/some_names.h"
#include "node/kube_proxy_ipvs.h"

namespace waggle {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kStatusPause{100};  // between two writes of the status: a change must not cost a file

}  // namespace

void Agent::say_when_ready() {
  if (ready_ || !reconciler_.programmed()) return;
  ready_ = true;
  udp_.want();  // sockets may have lost their backend while no agent was there
  if (parts_.leftovers.has_value()) parts_.leftovers->begin();
  ::malloc_trim(0);  // the first lists needed several times the room of what is kept
  const State& state = reconciler_.state();
  spdlog::info("ready: {} services, {} backends programmed in {} ms", state.services().size(), backend_count(state),
               std::chrono::duration_cast<milliseconds>(Clock::now() - parts_.started_at).count());
}

void Agent::say_leftovers() {
  auto removed = parts_.leftovers.has_value() ? parts_.leftovers->over() : std::nullopt;
  if (!removed.has_value()) return;
  if (removed->any()) spdlog::info("removed {}", kube_proxy_words(*removed));
  if (!removed->remains.empty()) spdlog::warn("{}", removed->remains);
  leftovers_over_ = true;
  look_for_ipvs_link();
  leftover_problems_ = std::move(removed->problems);
}

void Agent::look_for_ipvs_link() {
  const bool goes = parts_.leftovers.has_value() && !leftovers_over_;
  ipvs_problem_ = ipvs_link_words(parts_.network->interfaces(), goes);
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
  for (const std::string& note : service_notes_.news()) spdlog::warn("{}", note);
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
  append(judge_.standing_problems());
  append(links_.standing_problems());
  append(setting_problems_);
  append(leftover_problems_);
  append(servers_->standing_problems());
  for (const std::string& problem : {foreign_name().value_or(""), ipvs_problem_, network_problem_, routes_problem_,
                                     sweep_problem_, status_problem_, udp_.problem()}) {
    if (!problem.empty()) standing.push_back(problem);
  }
  problems_.update(std::move(standing));
  object_events_.update(problems_.standing(), std::chrono::system_clock::now());
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
