// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server over libmicrohttpd that lives in the agent's epoll loop: no threads, nothing waits. Any
// number of listening sockets, each with its own handler, share one set of limits, so that a scanner cannot hurt the
// node. Owned by Servers. A handler answers at once, from what it already knows.
//
//   auto server = HttpServer::open({});
//   auto id = (*server)->listen({.address = loopback, .port = 10249}, [](const HttpRequest&) { return HttpResponse{};
//   }); whenever (*server)->fd() is readable or next_wake() has come: (*server)->step(now);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "server/http_connections.h"
#include "server/listen_socket.h"
#include "server/moment.h"

struct MHD_Daemon;

namespace waggle {

struct HttpRequest {
  std::string_view method;
  std::string_view path;  // percent-decoded, without the query
};

// The next piece of a long body, appended to the text; false: that was all.
using HttpBodySource = std::function<bool(std::string&)>;

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  HttpBodySource more;  // if set: the body, sent in pieces as the client takes them; `body` is not sent
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// What net/http answers for an unknown path; kube-proxy's servers do so.
HttpResponse http_not_found();
// 405 for everything but GET and HEAD, else none.
std::optional<HttpResponse> refuse_unless_reading(const HttpRequest& request);

class HttpServer {
 public:
  using ListenerId = uint64_t;

  static Result<std::unique_ptr<HttpServer>> open(const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  Result<ListenerId> listen(const BindAddress& where, HttpHandler handler);
  void close(ListenerId id);  // and its connections
  [[nodiscard]] uint16_t port_of(ListenerId id) const;

  [[nodiscard]] int fd() const { return epoll_.get(); }
  void step(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  [[nodiscard]] const HttpConnections& connections() const { return connections_; }

 private:
  struct Listener {
    UniqueFd socket;
    HttpHandler handler;
  };
  struct Callbacks;  // what libmicrohttpd calls

  explicit HttpServer(const HttpLimits& limits) : connections_(limits) {}
  Result<void> start(const HttpLimits& limits);
  Result<void> watch(int fd, ListenerId id);

  void accept_from(ListenerId id);
  void accept_one(ListenerId id, int fd, const IpAddress& peer);
  void pause_accepting();
  void resume_accepting();

  UniqueFd epoll_;
  std::map<ListenerId, Listener> listeners_;
  ListenerId next_id_ = 1;
  HttpConnections connections_;
  HttpConnection* adding_ = nullptr;  // the connection that libmicrohttpd is just being given
  MHD_Daemon* daemon_ = nullptr;
  TimePoint now_{};
  std::optional<TimePoint> accept_again_at_;  // set while no descriptors are left
};

}  // namespace waggle
