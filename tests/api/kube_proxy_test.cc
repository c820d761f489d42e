// SPDX-License-Identifier: Apache-2.0
// KubeHttp through a proxy, which is a small one inside the test, on loopback.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "base/unique_fd.h"
#include "kube_rig.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Takes one CONNECT after another, each to the end of its connection. It connects to `to`, whatever it is asked for.
class ConnectProxy {
 public:
  explicit ConnectProxy(uint16_t to, std::string refusal = "") : to_(to), refusal_(std::move(refusal)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;
  ~ConnectProxy() { stop(); }

  // To be called when its connections have ended.
  void stop() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  [[nodiscard]] const std::string& asked() const { return asked_; }  // after stop()

 private:
  void serve() {
    while (true) {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.valid()) return;
      std::string head;
      std::array<char, 4096> buffer{};
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::read(client.get(), buffer.data(), buffer.size());
        if (got <= 0) break;
        head.append(buffer.data(), static_cast<size_t>(got));
      }
      asked_ += head;
      answer(client.get());
    }
  }

  void answer(int client) const {
    const std::string words = refusal_.empty() ? "HTTP/1.1 200 Connected\r\nX-From: proxy\r\n\r\n" : refusal_;
    (void)::send(client, words.data(), words.size(), MSG_NOSIGNAL);
    if (!refusal_.empty()) return;
    const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(to_);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    while (pass(client, server.get())) {
    }
  }

  // Until one of them ends.
  static bool pass(int client, int server) {
    std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    ::poll(ends.data(), ends.size(), -1);
    std::array<char, 16384> buffer{};
    for (size_t i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t got = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (got <= 0) return false;
      (void)::send(ends[1 - i].fd, buffer.data(), static_cast<size_t>(got), MSG_NOSIGNAL);
    }
    return true;
  }

  UniqueFd listener_;
  uint16_t to_;
  uint16_t port_ = 0;
  std::string refusal_;
  std::string asked_;
  std::thread thread_;
};

TEST(KubeProxy, GoesThroughTheProxyOfTheKubeconfig) {
  KubeRig rig;
  ConnectProxy proxy(rig.server->places().port);
  rig.open(fmt::format(R"("auth": "token", "proxy_url": "{}")", proxy.url()));
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
  EXPECT_EQ(answer.heads, 1);
  rig.http.reset();
  proxy.stop();
  EXPECT_THAT(proxy.asked(), StartsWith(fmt::format("CONNECT 127.0.0.1:{} HTTP/1.1", rig.server->places().port)));
  EXPECT_EQ(proxy.asked().find("Bearer"), std::string::npos) << "the token is not for the proxy";
}

TEST(KubeProxy, NamesAreResolvedByTheProxy) {
  KubeRig rig;
  ConnectProxy proxy(rig.server->places().port);
  rig.open(fmt::format(R"("auth": "token", "proxy_url": "{}", "server": "https://api.nowhere.example:6443", )"
                       R"("tls_server_name": "localhost")",
                       proxy.url()));
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
  rig.http.reset();
  proxy.stop();
  EXPECT_THAT(proxy.asked(), StartsWith("CONNECT api.nowhere.example:6443 HTTP/1.1"));
}

TEST(KubeProxy, AProxyThatRefusesIsNamed) {
  KubeRig rig;
  ConnectProxy proxy(0, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  rig.open(fmt::format(R"("auth": "token", "proxy_url": "{}")", proxy.url()));
  EXPECT_THAT(rig.ask().problem(), HasSubstr("the proxy " + proxy.url() + " makes no connection to it"));
}

TEST(KubeProxy, AProxyThatIsNotThereIsNamed) {
  KubeRig rig;
  rig.open(R"("auth": "token", "proxy_url": "http://127.0.0.1:1")");
  EXPECT_THAT(rig.ask().problem(), HasSubstr("cannot be connected to through the proxy http://127.0.0.1:1: Connection "
                                             "refused"));
}

TEST(KubeProxy, TheEnvironmentsProxyIsNotForServersOnThisMachine) {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  KubeRig rig;
  rig.open();
  const Answer answer = rig.ask();
  ::unsetenv("https_proxy");
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
}

}  // namespace
}  // namespace waggle
