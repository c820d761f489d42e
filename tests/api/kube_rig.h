// SPDX-License-Identifier: Apache-2.0
// For the tests of KubeHttp: a test API server, the transport that its kubeconfig makes, and requests that are waited
// for. One rig a test, for one thread.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "source/kube_http.h"
#include "support/api_server.h"

namespace waggle {

using namespace std::chrono_literals;

// What came of one request.
class Answer final : public ApiHandler {
 public:
  HttpHead head;
  std::string body;
  std::optional<HttpEnd> end;
  int heads = 0;
  int calls = 0;
  std::function<void()> after_head;
  std::function<void()> after_body;
  std::function<void()> after_end;

  void on_head(const HttpHead& given) override {
    head = given;
    ++heads;
    called(after_head);
  }
  void on_body(std::string_view bytes) override {
    body += bytes;
    called(after_body);
  }
  void on_end(const HttpEnd& given) override {
    EXPECT_FALSE(end) << "ended twice";
    end = given;
    called(after_end);
  }

  [[nodiscard]] bool complete() const { return end && end->complete; }
  [[nodiscard]] std::string problem() const { return end ? end->problem : "(it has not ended)"; }

 private:
  void called(const std::function<void()>& then) {
    ++calls;
    if (then) then();
  }
};

inline ApiRequest get_request(std::string target) {
  ApiRequest request;
  request.target = std::move(target);
  request.accept = "application/json";
  request.deadline = 20s;  // no test waits so long
  return request;
}

inline ApiRequest watch_request(std::string target = "/api/v1/services?watch=1") {
  ApiRequest request = get_request(std::move(target));
  request.deadline = 0ms;
  return request;
}

class KubeRig {
 public:
  static constexpr const char* kServices = "/api/v1/services";

  KubeRig() {
    auto started = ApiServer::start();
    EXPECT_TRUE(started) << started.error().message;
    if (started) server = std::move(*started);
  }

  std::unique_ptr<ApiServer> server;
  std::unique_ptr<KubeHttp> http;
  KubeHttpOptions options;

  std::string command(const std::string& json) {
    auto answer = server->command(json);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or("{}");
  }
  // A command without parameters.
  std::string tell(const std::string& name) { return command(fmt::format(R"({{"command": "{}"}})", name)); }
  void fault(const std::string& kind, const std::string& more = "") {
    command(fmt::format(R"({{"command": "fault", "kind": "{}"{}}})", kind, more));
  }

  // Opens the transport for a kubeconfig with these choices: R"("auth": "token_file")".
  void open(const std::string& choices = R"("auth": "token")") { use(read_kubeconfig(write_kubeconfig(choices))); }
  std::string write_kubeconfig(const std::string& choices) {
    command(fmt::format(R"({{"command": "kubeconfig", {}}})", choices));
    return server->places().kubeconfig;
  }
  void use(Result<KubeAccess> access) {
    ASSERT_TRUE(access) << access.error().message;
    auto opened = KubeHttp::open(std::move(*access), options);
    ASSERT_TRUE(opened) << opened.error().message;
    http = std::move(*opened);
  }

  // Drives the transport until the condition holds; a test failure after 20 seconds.
  void drive_until(const std::function<bool()>& condition, const std::string& what) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "did not come about: " << what;
        return;
      }
      pollfd readable{.fd = http->fd(), .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, 1000) > 0) http->drive();
    }
  }
  void drive_to_end(const Answer& answer) {
    drive_until([&] { return answer.end.has_value(); }, "the end of a request");
  }

  // One request, from its start to its end.
  Answer ask(ApiRequest request) {
    Answer answer;
    http->start(std::move(request), answer);
    drive_to_end(answer);
    return answer;
  }
  Answer ask(const std::string& target = kServices) { return ask(get_request(target)); }

  // A watch that the server has answered.
  HttpTransport::Id start_watch(Answer& answer, ApiRequest request = watch_request()) {
    const auto id = http->start(std::move(request), answer);
    drive_until([&] { return answer.heads > 0; }, "the answer to a watch");
    return id;
  }

  int64_t number(const std::string& stats, const std::string& pointer) {
    return number_at(stats, pointer).value_or(-1);
  }
  // Of the connections that the server has seen requests on.
  int64_t connection_of_last_request() {
    const std::string stats = tell("stats");
    return number(stats, fmt::format("/requests/{}/connection", number(stats, "/count") - 1));
  }
};

}  // namespace waggle
