// SPDX-License-Identifier: Apache-2.0
#include "source/kube_http.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "source/http_problem.h"

namespace waggle {
namespace {

// Allowed to everybody in a stock cluster, constant, and left out of most audit logs. Any answer will do.
constexpr const char* kSignOfLifeTarget = "/version";
constexpr int kUnauthorized = 401;

Result<void> check_library() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kStarted != CURLE_OK) return failure(fmt::format("libcurl cannot be used: {}", curl_easy_strerror(kStarted)));
  const curl_version_info_data* version = curl_version_info(CURLVERSION_NOW);
  const int needed = CURL_VERSION_SSL | CURL_VERSION_HTTP2 | CURL_VERSION_ASYNCHDNS;
  if ((version->features & needed) == needed) return {};
  return failure(fmt::format(
      "libcurl {} lacks TLS, HTTP/2 or names resolved without blocking; install Debian's libcurl4", version->version));
}

}  // namespace

Result<std::unique_ptr<KubeHttp>> KubeHttp::open(KubeAccess access, const KubeHttpOptions& options) {
  if (auto checked = check_library(); !checked) return tl::unexpected(checked.error());
  std::unique_ptr<KubeHttp> http(new KubeHttp(std::move(access), options));
  auto loop = CurlLoop::open(http->connections_);
  if (!loop) return tl::unexpected(loop.error());
  http->loop_ = std::move(*loop);
  return http;
}

KubeHttp::KubeHttp(KubeAccess access, const KubeHttpOptions& options) : access_(std::move(access)), options_(options) {
  credentials_ = std::make_unique<KubeCredentials>(access_, options_.credentials);
  if (access_.kubeconfig.empty()) return;
  kubeconfig_.emplace(access_.kubeconfig);
  (void)kubeconfig_->content(options_.credentials.longest_age);  // for its stamp
}

KubeHttp::~KubeHttp() {
  for (const auto& [id, exchange] : exchanges_)
    if (exchange->begun()) loop_->remove(exchange->easy());
}

HttpTransport::Id KubeHttp::start(ApiRequest request, ApiHandler& handler) {
  const Id id = ++last_id_;
  exchanges_.emplace(id, std::make_unique<HttpExchange>(id, std::move(request), handler));
  ++counts_.requests;
  start_or_cancel_ = true;
  loop_->wake_at(Clock::now());
  return id;
}

// libcurl may be calling the request just now, so it is removed later.
void KubeHttp::cancel(Id id) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  found->second->cancel();
  start_or_cancel_ = true;
  loop_->wake_at(Clock::now());
}

void KubeHttp::drive() {
  for (const auto& [easy, result] : loop_->run()) finish(HttpExchange::of(easy), result);
  credentials_->drive();
  end_overdue();
  watch_silence();
  start_or_cancel_ = false;
  sweep_cancelled();
  begin_waiting();
  loop_->wake_at(next_time());
}

void KubeHttp::finish(HttpExchange& exchange, CURLcode result) {
  if (result != CURLE_OK && exchange.take_second_chance()) {
    loop_->remove(exchange.easy());
    return begin(exchange);
  }
  HttpEnd how;
  how.complete = result == CURLE_OK;
  if (!how.complete && exchange.handler() != nullptr) {
    doubt_kubeconfig_ = true;
    how.problem =
        exchange.lost_because.empty() ? failure_problem(access_, exchange.failure_of(result)) : exchange.lost_because;
    how.problem += kubeconfig_problem_;
  }
  end(exchange.id(), how);
}

void KubeHttp::end(Id id, const HttpEnd& how) {
  auto node = exchanges_.extract(id);
  const std::unique_ptr<HttpExchange> exchange = std::move(node.mapped());
  if (exchange->begun()) loop_->remove(exchange->easy());
  counts_.body_bytes += exchange->body_bytes;
  take_in_refusal(*exchange);
  if (exchange->handler() != nullptr) exchange->handler()->on_end(how);
}

// Their ends may start and cancel requests, so each is looked for again.
void KubeHttp::end_overdue() {
  const auto now = Clock::now();
  std::vector<Id> overdue;
  for (const auto& [id, exchange] : exchanges_)
    if (std::min(exchange->deadline(), exchange->idle_until()) <= now) overdue.push_back(id);
  for (const Id id : overdue) {
    const HttpExchange& exchange = *exchanges_.at(id);
    if (exchange.handler() == nullptr) continue;
    end_if_silent(exchange);
    const ApiRequest& request = exchange.request();
    const bool deadline = exchange.deadline() <= now;
    const char* what = !exchange.answered() ? "no answer" : deadline ? "the answer did not come to its end" : "no byte";
    end(id,
        {false, server_problem(
                    access_, fmt::format("{} within {}; look for an overloaded server or a network that drops packets",
                                         what, seconds_words(deadline ? request.deadline : request.idle)))});
  }
}

// A request without any answer, on a connection that brought nothing at all for half of that time: the next request
// must not wait there, too. What was answered in part is left to watch_silence().
void KubeHttp::end_if_silent(const HttpExchange& exchange) {
  const CurlConnection* connection = connections_.find(exchange.local_port());
  if (connection == nullptr || exchange.answered()) return;
  const auto now = Clock::now();
  if (now - connection->heard < (now - exchange.last_byte()) / 2) return;
  end_connection(*connection, "gave no sign of life on a connection that still stands; the connection was given up");
}

void KubeHttp::end_connection(const CurlConnection& connection, const std::string& why) {
  for (const auto& [id, exchange] : exchanges_)
    if (exchange->local_port() == connection.local_port) exchange->lost_because = server_problem(access_, why);
  CurlConnections::end(connection);
  ++counts_.dead;
}

// Only HTTP/2: there, the request goes over the connection in question.
void KubeHttp::watch_silence() {
  const auto now = Clock::now();
  for (const auto& [id, exchange] : exchanges_) {
    if (sign_of_life_.id != 0) return;
    CurlConnection* connection = exchange->multiplexed() ? connections_.find(exchange->local_port()) : nullptr;
    if (connection == nullptr || now < std::max(connection->heard, connection->asked) + options_.silence) continue;
    connection->asked = now;
    ApiRequest request;
    request.target = kSignOfLifeTarget;
    request.deadline = options_.sign_of_life;
    sign_of_life_.id = start(std::move(request), sign_of_life_);
    ++counts_.signs_asked;
    --counts_.requests;
  }
}

void KubeHttp::sweep_cancelled() {
  std::vector<Id> cancelled;
  for (const auto& [id, exchange] : exchanges_)
    if (exchange->handler() == nullptr) cancelled.push_back(id);
  for (const Id id : cancelled) end(id, {});
}

void KubeHttp::begin_waiting() {
  for (const auto& [id, exchange] : exchanges_) take_in_refusal(*exchange);
  const std::vector<Id> ids = waiting();
  if (ids.empty()) return;
  look_at_kubeconfig();
  const auto state = credentials_->prepare();
  if (state == KubeCredentials::State::kPending) loop_->watch(credentials_->program_fd());
  if (state == KubeCredentials::State::kReady)
    for (const Id id : ids) begin(*exchanges_.at(id));
  if (state != KubeCredentials::State::kFailed) return;
  doubt_kubeconfig_ = true;
  const HttpEnd how{false, credentials_->problem() + kubeconfig_problem_};
  for (const Id id : ids) end(id, how);
}

std::vector<HttpTransport::Id> KubeHttp::waiting() const {
  std::vector<Id> out;
  for (const auto& [id, exchange] : exchanges_)
    if (!exchange->begun()) out.push_back(id);
  return out;
}

void KubeHttp::begin(HttpExchange& exchange) {
  if (!exchange.prepare(access_, *credentials_, connections_, options_.connect_limit) || !loop_->add(exchange.easy())) {
    end(exchange.id(), {false, server_problem(access_, "no memory for another request")});
    return;
  }
}

// Before the next request, so that it does not go out with what was just refused.
void KubeHttp::take_in_refusal(HttpExchange& exchange) {
  if (exchange.status() != kUnauthorized || exchange.refusal_known) return;
  exchange.refusal_known = true;
  credentials_->refused(exchange.generation());
  doubt_kubeconfig_ = true;
}

void KubeHttp::look_at_kubeconfig() {
  const bool due = doubt_kubeconfig_ && kubeconfig_ && credentials_->program_fd() < 0;
  if (!due) return;
  doubt_kubeconfig_ = false;
  if (!kubeconfig_->changed()) return;
  kubeconfig_problem_.clear();
  kubeconfig_->forget_age();
  const auto text = kubeconfig_->content(options_.credentials.longest_age);
  auto access =
      text.and_then([this](const std::string& content) { return parse_kubeconfig(content, kubeconfig_->path()); });
  if (!access) {
    kubeconfig_problem_ = fmt::format("; its kubeconfig has changed and cannot be used: {}", access.error().message);
    return;
  }
  access_ = std::move(*access);
  counts_.program_runs += credentials_->program_runs();
  credentials_ = std::make_unique<KubeCredentials>(access_, options_.credentials, credentials_->generation() + 1);
}

KubeHttp::Clock::time_point KubeHttp::next_time() const {
  if (start_or_cancel_) return Clock::now();
  auto next = credentials_->program_time_up();
  for (const auto& [id, exchange] : exchanges_) {
    next = std::min({next, exchange->deadline(), exchange->idle_until()});
    const CurlConnection* connection = exchange->multiplexed() ? connections_.find(exchange->local_port()) : nullptr;
    if (connection != nullptr && sign_of_life_.id == 0)
      next = std::min(next, std::max(connection->heard, connection->asked) + options_.silence);
  }
  return next;
}

KubeHttpCounts KubeHttp::counts() const {
  KubeHttpCounts out = counts_;
  out.connections = connections_.opened();
  out.program_runs += credentials_->program_runs();
  return out;
}

}  // namespace waggle
