// SPDX-License-Identifier: Apache-2.0
#include "source/kube_event_poster.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "source/kube_words.h"

namespace waggle {
namespace {

constexpr size_t kMostAtOnce = 16;
constexpr size_t kLargestAnswer = 64 * 1024;
constexpr std::chrono::seconds kDeadline{30};

}  // namespace

void KubeEventPoster::Post::on_body(std::string_view bytes) {
  answer.append(bytes.substr(0, kLargestAnswer - std::min(kLargestAnswer, answer.size())));
}

void KubeEventPoster::Post::on_end(const HttpEnd& end) {
  ended = true;
  problem = end.complete ? "" : end.problem;
}

KubeEventPoster::~KubeEventPoster() {
  for (const Post& post : posts_) {
    if (!post.ended) transport_.cancel(post.id);
  }
}

void KubeEventPoster::post(const std::string& name_space, std::string body, TimePoint now) {
  if (posts_.size() >= kMostAtOnce) {
    dropped_ = true;
    return;
  }
  ApiRequest request;
  request.method = "POST";
  request.target = "/apis/events.k8s.io/v1/namespaces/" + name_space + "/events";
  request.accept = "application/json";
  request.content_type = "application/json";
  request.body = std::move(body);
  request.deadline = kDeadline;
  Post& post = posts_.emplace_back();
  post.started = now;
  post.id = transport_.start(std::move(request), post);
}

std::string KubeEventPoster::problem_of(const Post& post) const {
  const int status = post.head.status;
  constexpr int kThereAlready = 409;  // another node has said the same
  if ((status >= 200 && status < 300) || status == kThereAlready) return "";
  if (status == 0) return post.problem;
  const Asked asked{server_, "create", "events"};
  return words_of_refusal(asked, status, status_of_body(post.head.content_type, post.answer));
}

std::string KubeEventPoster::advance(TimePoint now) {
  std::string problem;
  if (std::exchange(dropped_, false)) problem = "too many at once";
  for (auto at = posts_.begin(); at != posts_.end();) {
    if (!at->ended) {
      ++at;
      continue;
    }
    counts_.count("POST", at->head.status, now - at->started);
    if (auto words = problem_of(*at); !words.empty()) {
      problem = std::move(words);
    } else {
      complained_ = false;
    }
    at = posts_.erase(at);
  }
  if (problem.empty() || std::exchange(complained_, true)) return "";
  return fmt::format("an Event for the cluster's users could not be posted: {}", problem);
}

}  // namespace waggle
