// SPDX-License-Identifier: Apache-2.0
#include "control_plane/rig.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "support/private_node.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kLongest = 120'000'000'000;  // nanoseconds that anything may take
constexpr int kWatcherNice = -10;              // looking must not wait for those who work
// It must not take a CPU from them either, so it sleeps between two looks.
constexpr auto kBetweenLooks = 20us;
constexpr auto kBetweenScans = 500us;  // a scan of all frontends takes some 100 us

constexpr const char* kNode =
    R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses":
        [{"type": "InternalIP", "address": "192.0.2.1"}]}})";

tl::unexpected<Error> too_long(std::string_view what) {
  return failure(fmt::format("{} not within {} s", what, kLongest / 1'000'000'000));
}

Result<std::vector<int64_t>> numbers_at(const std::string& json, const char* key) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json).at_key(key).get(array) != simdjson::SUCCESS)
    return failure(fmt::format("the test API server's answer has no {}", key));
  std::vector<int64_t> numbers;
  for (const auto element : array) numbers.push_back(element.get_int64().value_unsafe());
  return numbers;
}

// When the last of the lists had left the server; 0 if there was none.
Result<int64_t> last_listed(const std::string& stats) {
  simdjson::dom::parser parser;
  simdjson::dom::array requests;
  if (parser.parse(stats).at_key("requests").get(requests) != simdjson::SUCCESS)
    return failure("the test API server tells of no requests");
  int64_t last = 0;
  for (const auto request : requests) {
    int64_t listed = 0;
    if (request.at_key("listed_ns").get(listed) == simdjson::SUCCESS) last = std::max(last, listed);
  }
  return last;
}

std::vector<int64_t> differences(const std::vector<int64_t>& later, const std::vector<int64_t>& earlier) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < std::min(later.size(), earlier.size()); ++i) out.push_back(later[i] - earlier[i]);
  return out;
}

}  // namespace

Result<std::unique_ptr<Rig>> Rig::make(const Options& options) {
  auto bpf_root = enter_private_node();
  if (!bpf_root) return tl::unexpected(bpf_root.error());
  std::string folder = "/run/control_plane.XXXXXX";  // where agents have theirs: in memory
  if (::mkdtemp(folder.data()) == nullptr) return failure(fmt::format("cannot make the folder {}", folder));
  std::unique_ptr<Rig> rig(new Rig(options, folder, *bpf_root));
  if (auto started = rig->start_server(); !started) return tl::unexpected(started.error());
  return rig;
}

Rig::~Rig() {
  agent_.reset();
  server_.reset();
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

Result<void> Rig::start_server() {
  auto server = ApiServer::start({.addresses = {"127.0.0.1"}, .load = {}, .prefix = {}, .further_arguments = {}});
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  if (auto put = server_->put(kNode); !put) return tl::unexpected(put.error());
  auto made = server_->command(fmt::format(R"({{"command": "generate", "services": {}, "endpoints": {}}})",
                                           options_.services, options_.endpoints));
  if (!made) return tl::unexpected(made.error());
  return {};
}

Result<void> Rig::start_agent() {
  auto agent =
      AgentProcess::start({"/usr/bin/setpriv", "--pdeathsig", "TERM", options_.waggle.string(), "agent",
                           "--kubeconfig=" + server_->places().kubeconfig, "--node-name=n1", "--devices=uplink",
                           "--pod-interfaces=pod", "--socket-lb-tcp=off", "--socket-lb-udp=off",
                           "--bpf-root=" + bpf_root_.string(), "--run-dir=" + folder_.string()},
                          folder_ / "agent.log");
  if (!agent) return tl::unexpected(agent.error());
  agent_ = std::move(*agent);
  ::setpriority(PRIO_PROCESS, 0, kWatcherNice);
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  return {};
}

// They are pinned before the agent reads anything.
Result<void> Rig::open_tables() {
  for (const int64_t begun = monotonic_ns(); monotonic_ns() - begun < kLongest;) {
    auto tables = TableWatch::open(bpf_root_);
    if (tables) {
      tables_ = std::move(*tables);
      return {};
    }
    if (auto lives = agent_->lives(); !lives) return lives;
    std::this_thread::sleep_for(1ms);
  }
  return too_long("the agent made its tables");
}

Result<FirstSync> Rig::sync() {
  if (auto started = start_agent(); !started) return tl::unexpected(started.error());
  if (auto opened = open_tables(); !opened) return tl::unexpected(opened.error());
  const int64_t begun = monotonic_ns();
  while (tables_->live_frontends() < options_.services) {
    if (auto lives = agent_->lives(); !lives) return tl::unexpected(lives.error());
    if (monotonic_ns() - begun > kLongest) return too_long("all frontends were published");
    std::this_thread::sleep_for(kBetweenScans);
  }
  FirstSync sync{.published_ns = monotonic_ns()};
  if (const uint64_t slots = tables_->slots_in_sets(); slots != uint64_t{options_.services} * options_.endpoints)
    return failure(fmt::format("the tables lead to {} endpoints, not to all", slots));
  const auto stats = server_->command(R"({"command": "stats", "verb": "watch"})");
  if (!stats) return tl::unexpected(stats.error());
  const auto listed = last_listed(*stats);
  const auto cpu = agent_->cpu_ns();
  if (!listed) return tl::unexpected(listed.error());
  if (!cpu) return tl::unexpected(cpu.error());
  sync.listed_ns = *listed;
  sync.cpu_ns = *cpu;
  if (auto found = find_services(); !found) return tl::unexpected(found.error());
  return sync;
}

// The server changes slices by the order of their names, which are the services' with "-0" behind.
Result<void> Rig::find_services() {
  const auto indexes = tables_->service_indexes();
  if (!indexes) return tl::unexpected(indexes.error());
  std::map<std::string, uint32_t> by_slice;
  for (const auto& [name, index] : *indexes) by_slice.emplace(name + "-0", index);
  for (const auto& [name, index] : by_slice) order_.push_back(index);
  return {};
}

// When the set word of each of the first services was seen to change.
Result<std::vector<int64_t>> Rig::observe(uint32_t count) {
  std::vector<uint64_t> words;
  for (uint32_t i = 0; i < count; ++i) words.push_back(tables_->cluster_set(order_[i]));
  std::vector<int64_t> seen;
  int64_t last = monotonic_ns();
  while (seen.size() < count) {
    const int64_t now = monotonic_ns();
    if (tables_->cluster_set(order_[seen.size()]) != words[seen.size()]) {
      seen.push_back(last = now);
    } else if (now - last > kLongest) {
      return too_long("a change was published");
    } else {
      std::this_thread::sleep_for(kBetweenLooks);
    }
  }
  return seen;
}

Result<Changes> Rig::change(uint32_t count, uint32_t rate) {
  const auto before = agent_->cpu_ns();
  Result<std::string> answer;
  std::thread server([&] {
    answer =
        server_->command(fmt::format(R"({{"command": "churn", "count": {}, "rate": {}, "times": true}})", count, rate));
  });
  const auto seen = observe(count);
  const auto after = agent_->cpu_ns();
  server.join();
  for (const auto* failed : {&before, &after})
    if (!*failed) return tl::unexpected(failed->error());
  if (!answer) return tl::unexpected(answer.error());
  if (!seen) return tl::unexpected(seen.error());
  const auto made = numbers_at(*answer, "times");
  const auto sent = numbers_at(*answer, "sent");
  if (!made) return tl::unexpected(made.error());
  if (!sent) return tl::unexpected(sent.error());
  Changes changes{.from_server_ns = differences(*seen, *made), .from_wire_ns = differences(*seen, *sent)};
  changes.seconds = static_cast<double>(made->back() - made->front()) / 1e9;
  changes.cpu_ns = *after - *before;
  return changes;
}

}  // namespace waggle
