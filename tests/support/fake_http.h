// SPDX-License-Identifier: Apache-2.0
// HttpTransport's twin for tests: keeps the requests that were started, and the test answers them by hand.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "source/http_transport.h"

namespace waggle {

class FakeHttp : public HttpTransport {
 public:
  struct Request {
    ApiRequest request;
    ApiHandler* handler = nullptr;
    bool headed = false;
    bool over = false;  // ended or cancelled
    bool cancelled = false;
  };

  FakeHttp() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  [[nodiscard]] int fd() const override { return event_.get(); }
  void drive() override {}
  Id start(ApiRequest request, ApiHandler& handler) override {
    requests_.push_back({std::move(request), &handler});
    return requests_.size();
  }
  void cancel(Id id) override {
    Request& one = requests_.at(id - 1);
    EXPECT_FALSE(one.over) << "cancelled a request that is over: " << one.request.target;
    one.over = one.cancelled = true;
  }

  [[nodiscard]] size_t count() const { return requests_.size(); }
  [[nodiscard]] const Request& request(Id id) const { return requests_.at(id - 1); }
  [[nodiscard]] Id last() const { return requests_.size(); }
  // Requests that are not over, oldest first.
  [[nodiscard]] std::vector<Id> open() const {
    std::vector<Id> out;
    for (Id id = 1; id <= requests_.size(); ++id) {
      if (!requests_[id - 1].over) out.push_back(id);
    }
    return out;
  }

  void head(Id id, int status, std::string_view type = "application/vnd.kubernetes.protobuf",
            std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    Request& one = requests_.at(id - 1);
    if (one.over) return;
    one.headed = true;
    one.handler->on_head({status, std::string(type), retry_after});
  }
  void body(Id id, std::string_view bytes) {
    if (!requests_.at(id - 1).over) requests_.at(id - 1).handler->on_body(bytes);
  }
  void end(Id id, bool complete = true, std::string problem = "the connection was reset") {
    Request& one = requests_.at(id - 1);
    if (std::exchange(one.over, true)) return;
    one.handler->on_end({complete, complete ? "" : std::move(problem)});
  }
  // All three.
  void answer(Id id, int status, std::string_view type, std::string_view bytes) {
    head(id, status, type);
    body(id, bytes);
    end(id);
  }

 private:
  UniqueFd event_;
  std::vector<Request> requests_;
};

}  // namespace waggle
