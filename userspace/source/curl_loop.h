// SPDX-License-Identifier: Apache-2.0
// libcurl's multi interface behind one descriptor: an epoll of its sockets, of a timer, and of descriptors that others
// want to be woken by. Owned by KubeHttp.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "source/http_connections.h"

namespace waggle {

class CurlLoop {
 public:
  using Clock = std::chrono::steady_clock;
  struct Finished {
    CURL* easy;
    CURLcode result;
  };

  // `connections` is told which sockets were heard of, and outlives this.
  static Result<std::unique_ptr<CurlLoop>> open(CurlConnections& connections);
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;
  ~CurlLoop();  // after every request was removed

  [[nodiscard]] int fd() const { return epoll_.get(); }
  // Transfers what can be transferred now, which calls the requests' callbacks. Answers the requests that have ended;
  // they are to be removed.
  std::vector<Finished> run();
  bool add(CURL* easy);
  void remove(CURL* easy);

  // fd() becomes readable at this time; max(): only when libcurl has something to do.
  void wake_at(Clock::time_point time);
  // fd() becomes readable when this one is. It leaves by being closed.
  void watch(int fd);

 private:
  explicit CurlLoop(CurlConnections& connections) : connections_(connections) {}
  void set_timer();
  void act(int fd, int what);
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* of_socket);
  static int on_timer(CURLM* multi, long ms, void* self);

  CurlConnections& connections_;
  UniqueFd epoll_;
  UniqueFd timer_;
  CURLM* multi_ = nullptr;
  Clock::time_point curl_wakes_ = Clock::time_point::max();
  Clock::time_point others_wake_ = Clock::time_point::max();
};

}  // namespace waggle
