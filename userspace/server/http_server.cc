// SPDX-License-Identifier: Apache-2.0
#include "server/http_server.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace waggle {
namespace {

constexpr uint64_t kLibrary = 0;     // epoll data of libmicrohttpd's own descriptor; listeners count from 1
constexpr int kAcceptsPerStep = 64;  // of one listener; the rest is taken in the next step
constexpr std::chrono::milliseconds kAcceptPause{500};
constexpr size_t kPieceBytes = 4096;

tl::unexpected<Error> server_failure(std::string_view operation, int code) {
  return failure(fmt::format("HTTP server: cannot {}: {}", operation, std::strerror(code)), code);
}

IpAddress peer_address(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return peer_of(bytes);
  }
  sockaddr_in in{};
  std::memcpy(&in, &storage, sizeof in);
  IpAddress peer{.family = Family::kIpv4};
  std::memcpy(peer.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
  return peer;
}

// Hands a body out as libmicrohttpd asks for it; owned by the response.
struct BodyReader {
  HttpBodySource more;
  std::string piece;
  size_t taken = 0;
  bool last = false;

  ssize_t read(char* buffer, size_t room) {
    while (taken == piece.size() && !last) {
      piece.clear();
      taken = 0;
      last = !more(piece);
    }
    if (taken == piece.size()) return MHD_CONTENT_READER_END_OF_STREAM;
    const size_t count = piece.copy(buffer, room, taken);
    taken += count;
    return static_cast<ssize_t>(count);
  }
};

ssize_t read_body(void* reader, uint64_t /*position*/, char* buffer, size_t room) {
  return static_cast<BodyReader*>(reader)->read(buffer, room);
}

void free_body(void* reader) { delete static_cast<BodyReader*>(reader); }

MHD_Response* make_response(HttpResponse& answer) {
  MHD_Response* response =
      answer.more
          ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kPieceBytes, &read_body,
                                              new BodyReader{.more = std::move(answer.more), .piece = {}}, &free_body)
          : MHD_create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return nullptr;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
  return response;
}

}  // namespace

HttpResponse http_not_found() {
  return {.status = MHD_HTTP_NOT_FOUND,
          .headers = {{"X-Content-Type-Options", "nosniff"}},
          .body = "404 page not found\n",
          .more = {}};
}

std::optional<HttpResponse> refuse_unless_reading(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  return HttpResponse{.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                      .headers = {{"Allow", "GET, HEAD"}},
                      .body = "405 method not allowed\n",
                      .more = {}};
}

// --- what libmicrohttpd calls ---

struct HttpServer::Callbacks {
  static HttpConnection* connection_of(MHD_Connection* connection) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == nullptr ? nullptr : static_cast<HttpConnection*>(info->socket_context);
  }

  // A connection comes or goes.
  static void notify(void* self, MHD_Connection* /*connection*/, void** context, MHD_ConnectionNotificationCode what) {
    auto& server = *static_cast<HttpServer*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      *context = std::exchange(server.adding_, nullptr);
    } else if (*context != nullptr) {
      server.connections_.remove(*static_cast<HttpConnection*>(*context));
      *context = nullptr;
    }
  }

  // Called once the headers are there, again for each part of a body, and at last without one. Reading methods are
  // answered at the end; others at once, which makes libmicrohttpd close instead of taking their bodies.
  static MHD_Result request(void* self, MHD_Connection* connection, const char* path, const char* method,
                            const char* /*version*/, const char* /*body*/, size_t* body_bytes, void** seen) {
    auto& server = *static_cast<HttpServer*>(self);
    const HttpRequest request{.method = method, .path = path};
    if (*seen == nullptr && (request.method == "GET" || request.method == "HEAD")) {
      *seen = self;
      return MHD_YES;
    }
    if (*seen != nullptr && *body_bytes != 0) {
      *body_bytes = 0;
      return MHD_YES;
    }
    *seen = self;
    return server_answers(server, connection, request);
  }

  static MHD_Result server_answers(HttpServer& server, MHD_Connection* connection, const HttpRequest& request) {
    HttpConnection* ours = connection_of(connection);
    if (ours == nullptr) return MHD_NO;
    const auto listener = server.listeners_.find(ours->listener);
    if (listener == server.listeners_.end()) return MHD_NO;
    server.connections_.answering(*ours, server.now_);
    HttpResponse answer = listener->second.handler(request);
    MHD_Response* response = make_response(answer);
    if (response == nullptr) return MHD_NO;
    const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);  // the connection holds its own reference
    return queued;
  }

  static void completed(void* self, MHD_Connection* connection, void** /*seen*/, MHD_RequestTerminationCode /*why*/) {
    auto& server = *static_cast<HttpServer*>(self);
    if (HttpConnection* ours = connection_of(connection)) server.connections_.answered(*ours, server.now_);
  }
};

// --- life ---

Result<std::unique_ptr<HttpServer>> HttpServer::open(const HttpLimits& limits) {
  std::unique_ptr<HttpServer> server(new HttpServer(limits));
  if (auto started = server->start(limits); !started) return tl::unexpected(started.error());
  return server;
}

Result<void> HttpServer::start(const HttpLimits& limits) {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return server_failure("make its epoll instance", errno);
  // Connections that were just ended still count for the library, hence more than the limit here.
  const auto library_limit = static_cast<unsigned>(2 * limits.connections + kAcceptsPerStep);
  daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &Callbacks::request, this,
                             MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::notify, this, MHD_OPTION_NOTIFY_COMPLETED,
                             &Callbacks::completed, this, MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.header_bytes,
                             MHD_OPTION_CONNECTION_LIMIT, library_limit, MHD_OPTION_END);
  if (daemon_ == nullptr) return failure("HTTP server: libmicrohttpd cannot start with an epoll loop of the agent");
  const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return failure("HTTP server: libmicrohttpd was built without epoll");
  return watch(info->epoll_fd, kLibrary);
}

HttpServer::~HttpServer() {
  listeners_.clear();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

Result<void> HttpServer::watch(int fd, ListenerId id) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return server_failure("watch a socket", errno);
  return {};
}

Result<HttpServer::ListenerId> HttpServer::listen(const BindAddress& where, HttpHandler handler) {
  auto socket = listen_on(where);
  if (!socket) return tl::unexpected(socket.error());
  const ListenerId id = next_id_++;
  if (!accept_again_at_.has_value()) {
    if (auto watched = watch(socket->get(), id); !watched) return tl::unexpected(watched.error());
  }
  listeners_.emplace(id, Listener{.socket = std::move(*socket), .handler = std::move(handler)});
  return id;
}

void HttpServer::close(ListenerId id) {
  listeners_.erase(id);
  connections_.end_all_of(id);
}

uint16_t HttpServer::port_of(ListenerId id) const {
  const auto found = listeners_.find(id);
  return found == listeners_.end() ? 0 : bound_port(found->second.socket.get());
}

// --- the loop ---

void HttpServer::step(TimePoint now) {
  now_ = now;
  if (accept_again_at_.has_value() && now >= *accept_again_at_) resume_accepting();
  std::array<epoll_event, 64> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), 0);
  for (int at = 0; at < count; ++at) {
    if (ready[static_cast<size_t>(at)].data.u64 != kLibrary) accept_from(ready[static_cast<size_t>(at)].data.u64);
  }
  connections_.end_overdue(now);
  MHD_run(daemon_);
}

std::optional<TimePoint> HttpServer::next_wake() const {
  std::optional<TimePoint> next = connections_.next_deadline();
  if (accept_again_at_.has_value() && (!next.has_value() || *accept_again_at_ < *next)) next = accept_again_at_;
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_get_timeout(daemon_, &wait_ms) == MHD_YES) {
    const TimePoint library = now_ + std::chrono::milliseconds(wait_ms);
    if (!next.has_value() || library < *next) next = library;
  }
  return next;
}

void HttpServer::accept_from(ListenerId id) {
  for (int accepted = 0; accepted < kAcceptsPerStep; ++accepted) {
    const auto listener = listeners_.find(id);
    if (listener == listeners_.end()) return;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept4(listener->second.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accept_one(id, fd, peer_address(peer));
      continue;
    }
    // Everything else is about one connection that is gone already.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) pause_accepting();
    if (errno != EINTR && errno != ECONNABORTED) return;
  }
}

void HttpServer::accept_one(ListenerId id, int fd, const IpAddress& peer) {
  HttpConnection& connection = connections_.add(fd, id, peer, now_);
  adding_ = &connection;
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  // The library closes the socket if it does not take it. It needs no address: the limits are ours.
  const bool taken = MHD_add_connection(daemon_, fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (!taken && adding_ != nullptr) connections_.remove(connection);
  adding_ = nullptr;
}

// No descriptors are left: one connection makes room, and nobody is listened to for a while, or the loop would spin.
void HttpServer::pause_accepting() {
  connections_.end_oldest();
  accept_again_at_ = now_ + kAcceptPause;
  for (const auto& [id, listener] : listeners_)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.socket.get(), nullptr);
}

void HttpServer::resume_accepting() {
  accept_again_at_.reset();
  for (const auto& [id, listener] : listeners_) static_cast<void>(watch(listener.socket.get(), id));
}

}  // namespace waggle
