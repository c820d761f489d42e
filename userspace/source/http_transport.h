// SPDX-License-Identifier: Apache-2.0
// HTTP requests to one server: an interface at the I/O edge. The Kubernetes source starts requests and polls `fd()`;
// KubeHttp answers them from a real API server, the tests' twin from memory. Owned by the source.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waggle {

// Of the final answer. Redirects are not followed: a 3xx is an answer, an error for callers.
struct HttpHead {
  int status = 0;
  std::string content_type;  // as sent, without parameters, lower case
  std::optional<std::chrono::seconds> retry_after;
};

// Exactly one per request.
struct HttpEnd {
  bool complete = false;  // the body came whole (for watches: the server ended the stream orderly)
  std::string problem;    // if not complete: a whole sentence in users' words: which server, what, remedy
};

// By the caller; outlives the request. Called from HttpTransport::drive() only.
class ApiHandler {
 public:
  virtual ~ApiHandler() = default;
  virtual void on_head(const HttpHead& head) = 0;
  virtual void on_body(std::string_view bytes) = 0;  // pieces in order
  virtual void on_end(const HttpEnd& end) = 0;       // may start new requests
};

struct ApiRequest {
  std::string method = "GET";
  std::string target;        // "/api/v1/services?limit=500"
  std::string accept;        // the Accept header
  std::string content_type;  // of the body; "" if there is none
  std::string body;
  std::chrono::milliseconds deadline{0};  // of the whole request; 0: none
  std::chrono::milliseconds idle{0};      // no byte for so long ends it with a problem; 0: none
};

class HttpTransport {
 public:
  using Id = uint64_t;
  virtual ~HttpTransport() = default;
  // Readable when drive() has something to do: sockets, timers of its own.
  [[nodiscard]] virtual int fd() const = 0;
  // Never blocks.
  virtual void drive() = 0;
  // Never calls the handler from within.
  virtual Id start(ApiRequest request, ApiHandler& handler) = 0;
  // No call of the handler after it.
  virtual void cancel(Id id) = 0;
};

}  // namespace waggle
