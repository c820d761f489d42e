// SPDX-License-Identifier: Apache-2.0
// Checks and takes apart the URLs of a kubeconfig, with libcurl's own parser, so that it cannot see another host in
// them later. Used by the kubeconfig's reader and by KubeHttp; plain values.
#pragma once

#include <string>

#include "base/result.h"

namespace waggle {

struct ServerUrl {
  std::string host;  // without brackets
  std::string port;  // decimal
  std::string path;  // without '/' at the end; "" for most servers

  // "10.0.0.1:6443", "[fd00::1]:6443"
  [[nodiscard]] std::string host_and_port() const;
  [[nodiscard]] std::string text() const { return "https://" + host_and_port() + path; }
  // A server on this machine, which no proxy of the environment is for.
  [[nodiscard]] bool loopback() const;
};

// "https://HOST:PORT", perhaps with a path. Errors say what is wrong with the text and what to write.
Result<ServerUrl> parse_server_url(const std::string& text);
// Nothing if libcurl can use it; schemes http, https, socks5, socks5h.
Result<void> check_proxy_url(const std::string& text);

}  // namespace waggle
