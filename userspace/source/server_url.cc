// SPDX-License-Identifier: Apache-2.0
#include "source/server_url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "model/address.h"

namespace waggle {
namespace {

constexpr std::array<std::string_view, 4> kProxySchemes = {"http", "https", "socks5", "socks5h"};

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlCleanup>;

// Nothing if this is no URL.
Url parse(const std::string& text) {
  Url url(curl_url());
  const bool whole = text.find("://") != std::string::npos;
  if (!whole || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return {};
  return url;
}

// "" where the URL has no such part.
std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* found = nullptr;
  if (curl_url_get(url.get(), which, &found, flags) != CURLUE_OK) return "";
  std::string out = found;
  curl_free(found);
  return out;
}

std::string without_brackets(std::string host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

std::string without_slashes_at_end(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path;
}

tl::unexpected<Error> bad_server(const std::string& text, std::string_view why) {
  return failure(fmt::format("\"{}\" {}; write https://HOST:PORT", text, why));
}

}  // namespace

std::string ServerUrl::host_and_port() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

bool ServerUrl::loopback() const {
  const auto address = IpAddress::parse(host);
  if (!address) return host == "localhost";
  return address->family == Family::kIpv4 ? address->bytes[0] == 127 : host == "::1";
}

Result<ServerUrl> parse_server_url(const std::string& text) {
  const Url url = parse(text);
  if (!url) return bad_server(text, "is not a URL");
  if (part(url, CURLUPART_SCHEME) != "https")
    return bad_server(text, "is not HTTPS, and Waggle speaks with API servers over TLS only");
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_QUERY).empty() ||
      !part(url, CURLUPART_FRAGMENT).empty())
    return bad_server(text, "has more than host, port and path");
  ServerUrl out;
  out.host = without_brackets(part(url, CURLUPART_HOST));
  out.port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  out.path = without_slashes_at_end(part(url, CURLUPART_PATH));
  if (out.host.empty()) return bad_server(text, "has no host");
  return out;
}

Result<void> check_proxy_url(const std::string& text) {
  const Url url = parse(text);
  const std::string scheme = url ? part(url, CURLUPART_SCHEME) : "";
  const bool known = std::find(kProxySchemes.begin(), kProxySchemes.end(), scheme) != kProxySchemes.end();
  if (known && !part(url, CURLUPART_HOST).empty()) return {};
  return failure(
      fmt::format("\"{}\" is not the URL of a proxy; write http://HOST:PORT, https://... or socks5://...", text));
}

}  // namespace waggle
