// SPDX-License-Identifier: Apache-2.0
// How a reflector asks, and what it does when an answer ends. What it makes of the answers' content is in
// kube_reflector_content.cc.
#include "source/kube_reflector.h"

#include <fmt/format.h>

#include <utility>

#include "source/kube_kinds.h"
#include "source/kube_target.h"
#include "source/kube_words.h"

namespace waggle {
namespace {

constexpr std::string_view kAccept = "application/vnd.kubernetes.protobuf,application/json";
constexpr std::string_view kPageSize = "500";

}  // namespace

Reflector::Reflector(ReflectorConfig config, HttpTransport& transport, KubeRequestCounts& counts, uint32_t seed)
    : config_(std::move(config)),
      transport_(transport),
      counts_(counts),
      random_(seed),
      backoff_(static_cast<uint32_t>(random_()), config_.timings.first_retry, config_.timings.longest_retry),
      known_(config_.kind) {}

Reflector::~Reflector() {
  if (exchange_ && !exchange_->end) transport_.cancel(exchange_->id);
}

std::vector<std::string> Reflector::problems() const {
  std::vector<std::string> out = known_.problems();
  if (!problem_.empty()) out.insert(out.begin(), problem_);
  return out;
}

bool Reflector::advance(TimePoint now) {
  if (exchange_) {
    if (!is_over(now)) {
      if (phase_ == Phase::kWatch && exchange_->head.status == 200) settle(*exchange_, now);
      return false;
    }
    finish(now);
    return true;
  }
  if (now < resume_at_) return false;
  start(now);
  return true;
}

std::optional<TimePoint> Reflector::next_wake() const {
  if (!exchange_) return resume_at_;
  if (phase_ == Phase::kStreaming) return last_heard_ + config_.timings.list_idle;
  const bool unsettled = !problem_.empty() || backoff_.failures() > 0 || expired_before_;
  if (phase_ == Phase::kWatch && unsettled) return exchange_->started + config_.timings.settled;
  return std::nullopt;
}

// --- asking ---

void Reflector::start(TimePoint now) {
  if (version_.empty()) return start_list(now);
  KubeTarget target(kube_kind(config_.kind).path);
  target.with("watch", "true").with("allowWatchBookmarks", "true").with("resourceVersion", version_);
  target.with("timeoutSeconds", watch_seconds());
  watched_from_ = version_;
  send(Phase::kWatch, target.text(), now);
}

// At random, so that the watches of all nodes do not end together.
std::string Reflector::watch_seconds() {
  const auto& timings = config_.timings;
  std::uniform_int_distribution<int64_t> seconds(timings.shortest_watch.count(), timings.longest_watch.count());
  return std::to_string(seconds(random_));
}

void Reflector::start_list(TimePoint now) {
  KubeTarget target(kube_kind(config_.kind).path);
  if (!next_page_.empty()) {
    target.with("limit", kPageSize).with("continue", next_page_);
    return send(Phase::kPage, target.text(), now);
  }
  known_.begin_list();
  // The first list may be a little old, which costs the server nothing; later ones are wanted as they are now.
  const bool newest = std::exchange(listed_before_, true);
  if (streaming_refused_) {
    target.with("limit", whole_list_ ? "" : kPageSize).with("resourceVersion", newest ? "" : "0");
    return send(Phase::kPage, target.text(), now);
  }
  target.with("watch", "true").with("allowWatchBookmarks", "true").with("sendInitialEvents", "true");
  target.with("resourceVersionMatch", "NotOlderThan");
  target.with("timeoutSeconds", watch_seconds());
  send(Phase::kStreaming, target.text(), now);
}

void Reflector::send(Phase phase, std::string target, TimePoint now) {
  KubeTarget selectors("");
  selectors.with("labelSelector", config_.label_selector).with("fieldSelector", config_.field_selector);
  ApiRequest request;
  request.target = std::move(target);
  if (!selectors.text().empty()) {
    request.target += request.target.find('?') == std::string::npos ? "?" : "&";
    request.target += selectors.text().substr(1);
  }
  request.accept = kAccept;
  request.idle = phase == Phase::kPage ? config_.timings.list_idle : config_.timings.watch_idle;
  phase_ = phase;
  in_order_ = true;
  last_heard_ = now;
  exchange_.emplace();
  exchange_->started = now;
  exchange_->id = transport_.start(std::move(request), *this);
}

// --- ends ---

// When its answer begins, as clients of Kubernetes count it: a watch goes on for minutes.
void Reflector::count_answer(TimePoint now) {
  if (exchange_->counted || (exchange_->head.status == 0 && !exchange_->end)) return;
  exchange_->counted = true;
  counts_.count("GET", exchange_->head.status, now - exchange_->started);
}

bool Reflector::is_over(TimePoint now) {
  count_answer(now);
  if (std::exchange(exchange_->heard, false)) last_heard_ = now;
  if (exchange_->end || exchange_->error || exchange_->went_back || !exchange_->broken.empty()) return true;
  return phase_ == Phase::kStreaming && now >= last_heard_ + config_.timings.list_idle;
}

void Reflector::finish(TimePoint now) {
  const Exchange exchange = std::move(*exchange_);
  const Phase phase = std::exchange(phase_, Phase::kPause);
  exchange_.reset();
  if (!exchange.end) transport_.cancel(exchange.id);
  if (!exchange.counted) counts_.count("GET", 0, now - exchange.started);
  if (exchange.head.status == 0) {
    const bool hangs = !exchange.end;
    return failed(now, hangs ? config_.server + " does not answer; trying again" : exchange.end->problem);
  }
  if (exchange.head.status != 200 || exchange.error) return refused(exchange, phase, now);
  if (phase == Phase::kPage) return page_ended(exchange, now);
  if (phase == Phase::kStreaming) return stream_ended(exchange, now);
  watch_ended(exchange, now);
}

std::string Reflector::words_of_bytes(const Exchange& exchange, std::string_view verb) const {
  if (!exchange.list && !exchange.watch) return exchange.broken;
  return fmt::format("what {} answers to {} {} {}; trying again", config_.server, verb, kube_kind(config_.kind).plural,
                     exchange.broken);
}

void Reflector::page_ended(const Exchange& exchange, TimePoint now) {
  if (!exchange.broken.empty()) return failed(now, words_of_bytes(exchange, "list"));
  if (!exchange.end->complete) return failed(now, exchange.end->problem);
  const auto meta = exchange.list->finish();
  if (!meta) {
    return failed(now, fmt::format("what {} answers to list {} {}; trying again", config_.server,
                                   kube_kind(config_.kind).plural, meta.error().message));
  }
  next_page_ = meta->next_page;
  if (next_page_.empty()) list_complete(meta->version);
  go_on(now);
}

// A streaming list that ended before it was complete. A server that ends it in good order, or says nothing for long,
// has not understood what was asked.
void Reflector::stream_ended(const Exchange& exchange, TimePoint now) {
  if (!exchange.broken.empty()) return failed(now, words_of_bytes(exchange, "list"));
  const bool hangs = !exchange.end;
  if (!hangs && !exchange.end->complete) return failed(now, exchange.end->problem);
  streaming_refused_ = true;
  backoff_.failed(now);
  resume_at_ = *backoff_.retry_at();
}

void Reflector::watch_ended(const Exchange& exchange, TimePoint now) {
  if (!in_order_ || exchange.went_back || known_.unsound()) version_.clear();
  if (!exchange.broken.empty()) return failed(now, words_of_bytes(exchange, "watch"));
  const bool orderly = exchange.end && exchange.end->complete;
  if (settle(exchange, now) && orderly) return go_on(now);
  // The first time nothing is said: connections end, and the next one will do.
  if (backoff_.failures() == 0) {
    backoff_.failed(now);
    resume_at_ = *backoff_.retry_at();
    return;
  }
  const std::string cause = exchange.end && !orderly ? exchange.end->problem
                                                     : fmt::format("{} ends every watch of {} at once; trying again",
                                                                   config_.server, kube_kind(config_.kind).plural);
  failed(now, cause);
}

// A status other than 200, or an ERROR event.
void Reflector::refused(const Exchange& exchange, Phase phase, TimePoint now) {
  const KubeStatus status =
      exchange.error ? *exchange.error : status_of_body(exchange.head.content_type, exchange.error_body);
  const int code = exchange.error ? status.code : exchange.head.status;
  if (code == 410 || status.version_too_large) return expired(phase, now);
  if (asked_differently(code, phase, now)) return;
  const Asked asked{config_.server, phase == Phase::kPage ? "list" : "watch", kube_kind(config_.kind).plural};
  std::string words = words_of_refusal(asked, code, status);
  if (config_.may_be_missing && !synced_ && (code == 403 || code == 404)) return missing(code, words, now);
  const auto at_least = exchange.head.retry_after ? exchange.head.retry_after : status.retry_after;
  failed(now, std::move(words), at_least.value_or(std::chrono::seconds(0)));
}

// What an older server refuses is asked in another way.
bool Reflector::asked_differently(int code, Phase phase, TimePoint now) {
  if (phase == Phase::kStreaming && (code == 400 || code == 422)) {
    streaming_refused_ = true;
    listed_before_ = synced_;
  } else if (phase != Phase::kStreaming && code == 400 && config_.field_selector_optional &&
             !config_.field_selector.empty()) {
    config_.field_selector.clear();
  } else {
    return false;
  }
  go_on(now);
  return true;
}

// The version or the page is no longer known, or not yet (after a restore from a backup): a list from the beginning. At
// once the first time; a server that never lets a watch get on is not asked again and again.
void Reflector::expired(Phase phase, TimePoint now) {
  if (phase == Phase::kPage && !next_page_.empty()) whole_list_ = true;
  version_.clear();
  next_page_.clear();
  if (!std::exchange(expired_before_, true)) return go_on(now);
  failed(now, fmt::format("{} forgets the {} it just listed (410); trying again", config_.server,
                          kube_kind(config_.kind).plural));
}

void Reflector::missing(int code, const std::string& words, TimePoint now) {
  if (code == 403) problem_ = words;
  if (code == 404 && !missing_)
    remark_ = fmt::format("{} has no {}; going on without", config_.server, kube_kind(config_.kind).plural);
  missing_ = code == 404;
  resume_at_ = now + config_.timings.missing_retry;
}

void Reflector::list_complete(const std::string& version) {
  known_.end_list(events_);
  version_ = version;
  watched_from_ = version;
  whole_list_ = false;
  missing_ = false;
  synced_ = true;
  ++counts_.lists;
}

void Reflector::go_on(TimePoint now) { resume_at_ = now; }

void Reflector::failed(TimePoint now, std::string problem, std::chrono::milliseconds at_least) {
  backoff_.failed(now, at_least);
  resume_at_ = *backoff_.retry_at();
  connected_ = false;
  problem_ = std::move(problem);
}

// A watch that has lived for a while, or has brought something, mends what went wrong before it. After versions that
// were forgotten only time counts: every one of them costs the server a list.
bool Reflector::settle(const Exchange& exchange, TimePoint now) {
  if (now >= exchange.started + config_.timings.settled) expired_before_ = false;
  const bool lived = now >= exchange.started + config_.timings.settled || (exchange.progress && !expired_before_);
  if (!lived) return false;
  problem_.clear();
  backoff_.succeeded();
  return true;
}

}  // namespace waggle
