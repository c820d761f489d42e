// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "server/http_server.h"
#include "server_client.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

const IpAddress kLoopback = *IpAddress::parse("127.0.0.1");

struct Http : testing::Test {
  std::unique_ptr<HttpServer> server;
  HttpServer::ListenerId id = 0;
  uint16_t port = 0;
  TimePoint now = Clock::now();  // the server's clock moves only when a test says so
  int requests = 0;

  void open(const HttpLimits& limits = {}, const BindAddress& where = {.address = kLoopback}) {
    auto opened = HttpServer::open(limits);
    ASSERT_TRUE(opened) << opened.error().message;
    server = std::move(*opened);
    auto listening = server->listen(where, [this](const HttpRequest& request) { return answer(request); });
    ASSERT_TRUE(listening) << listening.error().message;
    id = *listening;
    port = server->port_of(id);
  }
  HttpResponse answer(const HttpRequest& request) {
    ++requests;
    if (request.path == "/long") return long_answer();
    if (request.path == "/endless") return endless_answer();
    if (request.path != "/hello") return http_not_found();
    if (auto refused = refuse_unless_reading(request)) return *refused;
    return {.headers = {{"X-One", "1"}}, .body = "hello", .more = {}};
  }
  static HttpResponse long_answer() {
    HttpResponse response;
    response.more = [piece = 0](std::string& out) mutable {
      out.append(100'000, static_cast<char>('a' + piece));
      return ++piece < 26;
    };
    return response;
  }
  static HttpResponse endless_answer() {
    HttpResponse response;
    response.more = [](std::string& out) {
      out.append(100'000, 'x');
      return true;
    };
    return response;
  }
  void step() {
    wait_readable(server->fd());
    server->step(now);
  }
  RunServer run = [this] { step(); };
};

TEST_F(Http, AnswersWithExactlyTheseBytes) {
  open();
  EXPECT_EQ(without_date(TestClient(port).ask(run, get_request("/hello?a=b"))),
            "HTTP/1.1 200 OK\r\n"
            "Connection: close\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "X-One: 1\r\n"
            "Content-Length: 5\r\n"
            "\r\n"
            "hello");
}

TEST_F(Http, HeadHasTheLengthButNoBody) {
  open();
  const std::string answer =
      TestClient(port).ask(run, "HEAD /hello HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(Http, OtherPathsAre404AndOtherMethods405) {
  open();
  EXPECT_EQ(status_line(TestClient(port).ask(run, get_request("/other"))), "HTTP/1.1 404 Not Found");
  const std::string answer =
      TestClient(port).ask(run, "POST /hello HTTP/1.1\r\nHost: node\r\nContent-Length: 100000\r\n\r\nbody");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(Http, AConnectionServesSeveralRequests) {
  open();
  TestClient client(port);
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\nHost: node\r\n\r\n"));
    ASSERT_TRUE(run_until(run, [&] { return client.received().ends_with("hello") && requests == round; }));
  }
  EXPECT_FALSE(client.closed());
}

TEST_F(Http, PipelinedRequestsAreAnsweredAndGarbageAfterThemEndsTheConnection) {
  open();
  TestClient client(port);
  const std::string answer = client.ask(
      run,
      "GET /hello HTTP/1.1\r\nHost: node\r\n\r\nGET /hello HTTP/1.1\r\nHost: node\r\n\r\n\x01\x02 garbage\r\n\r\n");
  EXPECT_EQ(requests, 2);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(Http, GarbageIsRefusedAndReachesNoHandler) {
  open();
  // Some of it looks like the beginning of something: then the deadline ends it.
  const RunServer run_and_age = [this] {
    step();
    now += milliseconds(100);
  };
  for (const std::string_view garbage : {std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
                                         std::string_view("\0\0\0\0\r\n\r\n", 8), std::string_view("GET\r\n\r\n"),
                                         std::string_view("GET /hello HTTP/9.9\r\n\r\n"),
                                         std::string_view("GET /hello HTTP/1.1\r\nno colon here\r\n\r\n")}) {
    TestClient client(port);
    EXPECT_THAT(status_line(client.ask(run_and_age, garbage)),
                testing::AnyOf(StartsWith("HTTP/1.1 4"), StartsWith("HTTP/1.1 5"), ""));
  }
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(status_line(TestClient(port).ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
}

TEST_F(Http, AHeaderOfTenThousandBytesIsRefused) {
  open();
  TestClient client(port);
  const std::string answer =
      client.ask(run, "GET /hello HTTP/1.1\r\nHost: node\r\nX-Long: " + std::string(10'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(requests, 0);
}

TEST_F(Http, AnEndlessPathIsRefused) {
  open();
  TestClient client(port);
  EXPECT_EQ(status_line(client.ask(run, "GET /" + std::string(10'000, 'x'))), "HTTP/1.1 414 URI Too Long");
}

TEST_F(Http, SlowHeadersEndAtTheDeadlineHoweverManyBytesDrip) {
  open();
  TestClient client(port);
  ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\n"));
  ASSERT_TRUE(run_until(run, [&] { return server->connections().open() == 1; }));
  for (int second = 1; second < 5; ++second) {
    ASSERT_TRUE(client.send("X-Drip: 1\r\n"));
    now += seconds(1);
    step();
    ASSERT_FALSE(client.closed()) << second;
  }
  now = *server->next_wake();
  EXPECT_TRUE(run_until(run, [&] { return client.closed(); }));
  EXPECT_EQ(client.received(), "");
  EXPECT_EQ(server->connections().refusals().too_slow, 1);
}

TEST_F(Http, IdleConnectionsEnd) {
  open();
  TestClient client(port);
  ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\nHost: node\r\n\r\n"));
  ASSERT_TRUE(run_until(run, [&] { return client.received().ends_with("hello"); }));
  now += HttpLimits{}.idle - milliseconds(1);
  step();
  EXPECT_FALSE(client.closed());
  now += milliseconds(1);
  EXPECT_TRUE(run_until(run, [&] { return client.closed(); }));
}

TEST_F(Http, ALongBodyComesInChunksWhole) {
  open();
  TestClient client(port);
  ASSERT_TRUE(client.send("GET /long HTTP/1.0\r\n\r\n"));  // HTTP/1.0: no chunk marks between the bytes
  ASSERT_TRUE(run_until([this] { server->step(now); }, [&] { return client.closed(); }));
  std::string expected;
  for (char letter = 'a'; letter <= 'z'; ++letter) expected.append(100'000, letter);
  EXPECT_TRUE(body_of(client.received()) == expected);
  TestClient modern(port);
  EXPECT_THAT(modern.ask([this] { server->step(now); }, get_request("/long")), HasSubstr("Transfer-Encoding: chunked"));
}

TEST_F(Http, AClientThatTakesNoAnswerIsDropped) {
  open();
  TestClient client(port);
  ASSERT_TRUE(client.send(get_request("/endless")));
  ASSERT_TRUE(run_until(run, [&] { return requests == 1; }));
  const auto blocked = [&] { return !server->next_wake().has_value() || *server->next_wake() > now; };
  ASSERT_TRUE(run_until(run, blocked));  // the socket takes no more
  ASSERT_EQ(server->connections().open(), 1);
  now += HttpLimits{}.response;
  ASSERT_TRUE(run_until(run, [&] { return server->connections().open() == 0; }));
  EXPECT_TRUE(run_until(run, [&] { return client.closed(); }));
}

TEST_F(Http, OneAddressKeepsItsNewestConnectionsOnly) {
  open({.connections = 100, .connections_per_address = 4});
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int count = 0; count < 10; ++count) {
    clients.push_back(std::make_unique<TestClient>(port));
    ASSERT_TRUE(run_until(run, [&] {
      return server->connections().open() + server->connections().refusals().over_limit == clients.size();
    }));
  }
  EXPECT_EQ(server->connections().open(), 4);
  EXPECT_EQ(server->connections().refusals().over_limit, 6);
  EXPECT_TRUE(run_until(run, [&] { return clients[5]->closed(); }));
  EXPECT_FALSE(clients[6]->closed());
  EXPECT_EQ(status_line(clients[9]->ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
}

TEST_F(Http, AScannerPushesOutItsOwnConnections) {
  open({.connections = 8, .connections_per_address = 8});
  TestClient neighbour(port, "127.0.0.1", "127.0.0.2");
  ASSERT_TRUE(run_until(run, [&] { return server->connections().open() == 1; }));
  std::vector<std::unique_ptr<TestClient>> scanner;
  for (int count = 0; count < 50; ++count) scanner.push_back(std::make_unique<TestClient>(port));
  ASSERT_TRUE(run_until(run, [&] { return server->connections().refusals().over_limit == 43; }));
  EXPECT_EQ(server->connections().open(), 8);
  EXPECT_EQ(status_line(neighbour.ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
}

TEST_F(Http, AThousandConnectionsLeaveNothingBehind) {
  open();
  for (int count = 0; count < 1000; ++count) {
    TestClient client(port, "127.0.0.1", count % 2 == 0 ? "127.0.0.3" : nullptr);
    ASSERT_TRUE(client.send(count % 3 == 0 ? "GET /hel" : get_request("/hello")));
    step();
  }
  EXPECT_TRUE(run_until(run, [&] { return server->connections().open() == 0; }));
  EXPECT_EQ(server->connections().next_deadline(), std::nullopt);
}

TEST_F(Http, WildcardServesBothFamilies) {
  open({}, {.address = *IpAddress::parse("0.0.0.0"), .both_families = true});
  EXPECT_EQ(status_line(TestClient(port).ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
  EXPECT_EQ(status_line(TestClient(port, "::1").ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
}

TEST_F(Http, FamilySpecificWildcardsShareAPort) {
  open({}, {.address = *IpAddress::parse("0.0.0.0")});
  const auto second =
      server->listen({.address = *IpAddress::parse("::"), .port = port},
                     [](const HttpRequest&) -> HttpResponse { return {.headers = {}, .body = "six", .more = {}}; });
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(body_of(TestClient(port).ask(run, get_request("/hello"))), "hello");
  EXPECT_EQ(body_of(TestClient(port, "::1").ask(run, get_request("/hello"))), "six");
}

TEST_F(Http, APortInUseIsRefusedInWords) {
  open();
  const auto second = server->listen({.address = kLoopback, .port = port}, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "cannot listen on 127.0.0.1:" + std::to_string(port) +
                                        ": Address already in use; another process listens there: stop it, or choose "
                                        "another port");
}

TEST_F(Http, AnAddressThatIsNotOursIsRefusedInWords) {
  open();
  const auto second = server->listen({.address = *IpAddress::parse("192.0.2.1"), .port = 80}, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("192.0.2.1:80"));
  EXPECT_THAT(second.error().message, HasSubstr("no interface of this node has that address"));
}

TEST_F(Http, AClosedListenerTakesItsConnectionsAlong) {
  open();
  TestClient client(port);
  ASSERT_TRUE(run_until(run, [&] { return server->connections().open() == 1; }));
  server->close(id);
  EXPECT_TRUE(run_until(run, [&] { return client.closed(); }));
  EXPECT_FALSE(can_connect(port));
}

TEST_F(Http, WithoutDescriptorsItPausesInsteadOfSpinning) {
  open();
  TestClient first(port);
  ASSERT_TRUE(run_until(run, [&] { return server->connections().open() == 1; }));
  TestClient second(port);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(second.fd() + 1), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  server->step(now);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(server->connections().refusals().over_limit, 1);
  ASSERT_TRUE(run_until(run, [&] { return first.closed(); }));
  wait_readable(server->fd(), 0);
  EXPECT_EQ(server->connections().open(), 0);
  ASSERT_TRUE(server->next_wake().has_value());
  now = *server->next_wake() + seconds(1);
  EXPECT_EQ(status_line(second.ask(run, get_request("/hello"))), "HTTP/1.1 200 OK");
}

TEST_F(Http, AnIdleServerWantsNoWakeUps) {
  open();
  static_cast<void>(TestClient(port).ask(run, get_request("/hello")));
  EXPECT_TRUE(run_until(run, [&] { return server->connections().open() == 0; }));
  server->step(now);
  EXPECT_EQ(server->next_wake(), std::nullopt);
  pollfd poll_fd{.fd = server->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&poll_fd, 1, 0), 0);
}

}  // namespace
}  // namespace waggle
