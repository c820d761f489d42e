// SPDX-License-Identifier: Apache-2.0
// The sockets that libcurl has open to one server: when each was last heard of, and how to end one that is dead
// although the kernel thinks it lives. libcurl opens and closes them through here. Owned by KubeHttp.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <map>

namespace waggle {

struct CurlConnection {
  using Clock = std::chrono::steady_clock;
  int fd = -1;              // libcurl's
  uint16_t local_port = 0;  // host byte order; 0: not connected yet
  Clock::time_point heard;  // when it last had something to read
  Clock::time_point asked;  // when a sign of life was last asked for
};

class CurlConnections {
 public:
  CurlConnections() = default;
  CurlConnections(const CurlConnections&) = delete;
  CurlConnections& operator=(const CurlConnections&) = delete;
  ~CurlConnections() = default;

  // The sockets that this request opens will be here. This outlives it, and the multi handle it is added to.
  void attach(CURL* easy);
  void heard(int fd);
  // The connection with this local port; nothing if there is none any more.
  CurlConnection* find(uint16_t local_port);
  [[nodiscard]] const CurlConnection* find(uint16_t local_port) const;
  // All requests on it end with an error, and no other will use it.
  static void end(const CurlConnection& connection);
  [[nodiscard]] uint64_t opened() const { return opened_; }

 private:
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int close_socket(void* self, curl_socket_t fd);

  std::map<int, CurlConnection> connections_;  // by fd; a handful
  uint64_t opened_ = 0;
};

}  // namespace waggle
