// SPDX-License-Identifier: Apache-2.0
#include "source/kube_source.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "source/kube_kinds.h"

namespace waggle {
namespace {

// Times that one take() goes round; the next one goes on.
constexpr int kMostRounds = 8;

tl::unexpected<Error> system_failure(const char* what) {
  const int code = errno;
  return failure(fmt::format("the Kubernetes source cannot {}: {}", what, std::strerror(code)), code);
}

ReflectorConfig config_of(const KubeSourceOptions& options, ObjectKind kind) {
  ReflectorConfig out;
  out.kind = kind;
  out.server = options.server;
  out.timings = options.timings;
  switch (kind) {
    case ObjectKind::kService:
      out.label_selector = "!service.kubernetes.io/service-proxy-name";
      out.field_selector = "spec.clusterIP!=None";
      out.field_selector_optional = true;
      break;
    case ObjectKind::kEndpointSlice:
      out.label_selector = "!service.kubernetes.io/headless";
      break;
    case ObjectKind::kNode:
      out.field_selector = "metadata.name=" + options.node_name;
      break;
    case ObjectKind::kServiceCidr:
      out.may_be_missing = true;
      break;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<KubeSource>> KubeSource::make(std::unique_ptr<HttpTransport> transport,
                                                     const KubeSourceOptions& options, uint32_t seed) {
  std::unique_ptr<KubeSource> source(new KubeSource(std::move(transport), options, seed));
  if (const auto opened = source->open(); !opened) return tl::unexpected(opened.error());
  return source;
}

KubeSource::KubeSource(std::unique_ptr<HttpTransport> transport, const KubeSourceOptions& options, uint32_t seed)
    : transport_(std::move(transport)),
      waiting_("the first lists of services and endpoint slices have not come yet from " + options.server),
      impatient_at_(Clock::now() + options.timings.first_lists),
      poster_(options.server, *transport_, counts_) {
  std::minstd_rand random(seed);
  for (const ObjectKind kind : kAllKinds) {
    reflectors_.push_back(
        std::make_unique<Reflector>(config_of(options, kind), *transport_, counts_, static_cast<uint32_t>(random())));
  }
}

Result<void> KubeSource::open() {
  timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_.valid()) return system_failure("open a timer");
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return system_failure("open an epoll descriptor");
  for (const int fd : {timer_.get(), transport_->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_failure("watch a descriptor");
  }
  set_timer();
  return {};
}

SourceBatch KubeSource::take() {
  drive();
  SourceBatch batch;
  for (const auto& reflector : reflectors_) {
    auto events = reflector->take_events();
    batch.events.insert(batch.events.end(), std::make_move_iterator(events.begin()),
                        std::make_move_iterator(events.end()));
    if (auto remark = reflector->take_remark(); !remark.empty()) remarks_.push_back(std::move(remark));
  }
  batch.problems = new_problems();
  synced_ = all_gates(&Reflector::synced);
  batch.synced = synced_;
  complete_ = complete_ || all_gates(&Reflector::all_read);
  batch.complete = complete_;
  set_timer();
  return batch;
}

bool KubeSource::all_gates(bool (Reflector::*are)() const) const {
  return std::all_of(reflectors_.begin(), reflectors_.end(),
                     [are](const auto& one) { return !one->gates() || (*one.*are)(); });
}

bool KubeSource::connected() const { return all_gates(&Reflector::connected); }

void KubeSource::drive() {
  uint64_t expirations = 0;
  static_cast<void>(::read(timer_.get(), &expirations, sizeof(expirations)));
  more_ = true;
  for (int round = 0; round < kMostRounds && more_; ++round) {
    transport_->drive();
    more_ = false;
    const TimePoint now = Clock::now();
    for (const auto& reflector : reflectors_) more_ |= reflector->advance(now);
    if (auto problem = poster_.advance(now); !problem.empty()) remarks_.push_back(std::move(problem));
  }
}

void KubeSource::set_timer() {
  std::optional<TimePoint> wake;
  for (const auto& reflector : reflectors_) wake = earlier(wake, reflector->next_wake());
  if (const TimePoint now = Clock::now(); !synced_ && now < impatient_at_) wake = earlier(wake, impatient_at_);
  if (more_) wake = Clock::now();
  itimerspec when{};
  if (wake) {
    // An absolute time of 0 would switch the timer off.
    const auto ns = std::max<int64_t>(1, std::chrono::nanoseconds(wake->time_since_epoch()).count());
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

std::vector<std::string> KubeSource::standing_problems() const {
  std::vector<std::string> out;
  for (const auto& reflector : reflectors_) {
    for (std::string& problem : reflector->problems()) {
      if (std::find(out.begin(), out.end(), problem) == out.end()) out.push_back(std::move(problem));
    }
  }
  if (!synced_ && out.empty() && Clock::now() >= impatient_at_) out.push_back(waiting_);
  return out;
}

std::vector<std::string> KubeSource::new_problems() {
  std::vector<std::string> out = std::exchange(remarks_, {});
  const std::vector<std::string> standing = standing_problems();
  for (const std::string& problem : standing) {
    if (!said_.contains(problem)) out.push_back(problem);
  }
  said_ = std::set<std::string>(standing.begin(), standing.end());
  return out;
}

void KubeSource::post_event(const std::string& name_space, std::string body) {
  poster_.post(name_space, std::move(body), Clock::now());
  more_ = true;
  set_timer();
}

}  // namespace waggle
