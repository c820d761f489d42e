// SPDX-License-Identifier: Apache-2.0
#include "source/http_exchange.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "source/server_url.h"

namespace waggle {
namespace {

constexpr long kDnsCacheSeconds = 5;  // a server may move

template <typename T>
T info(CURL* easy, CURLINFO which, T nothing) {
  T out = nothing;
  return curl_easy_getinfo(easy, which, &out) == CURLE_OK ? out : nothing;
}

std::string media_type(const char* content_type) {
  if (content_type == nullptr) return "";
  std::string out(content_type);
  out.erase(std::min(out.find(';'), out.size()));
  out.erase(out.find_last_not_of(" \t") + 1);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

HttpExchange::HttpExchange(HttpTransport::Id id, ApiRequest request, ApiHandler& handler)
    : id_(id), request_(std::move(request)), handler_(&handler) {}

HttpExchange& HttpExchange::of(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *reinterpret_cast<HttpExchange*>(self);
}

bool HttpExchange::prepare(const KubeAccess& access, const KubeCredentials& credentials, CurlConnections& connections,
                           std::chrono::milliseconds connect_limit) {
  easy_.reset(curl_easy_init());
  if (!easy_) return false;
  headers_.reset();
  connect_to_.reset();
  local_port_ = 0;
  words_[0] = '\0';
  connections.attach(easy());
  set_place(access);
  set_request(access, credentials.secrets());
  set_tls(access, credentials.secrets());
  set_callbacks();
  curl_easy_setopt(easy(), CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_limit.count()));
  generation_ = credentials.generation();
  last_byte_ = Clock::now();
  return true;
}

// With another name for TLS, the URL has that name, and the connection goes to the server all the same.
void HttpExchange::set_place(const KubeAccess& access) {
  const auto parsed = parse_server_url(access.server);
  ServerUrl url = parsed.value_or(ServerUrl{});
  if (!access.tls_server_name.empty()) {
    append(connect_to_, "::" + url.host_and_port());
    curl_easy_setopt(easy(), CURLOPT_CONNECT_TO, connect_to_.get());
    add_header("Host: " + url.host_and_port());
  }
  set_proxy(access, url.loopback());
  if (!access.tls_server_name.empty()) url.host = access.tls_server_name;
  curl_easy_setopt(easy(), CURLOPT_URL, (url.text() + request_.target).c_str());
  curl_easy_setopt(easy(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(easy(), CURLOPT_FOLLOWLOCATION, 0L);  // the token would go elsewhere
  curl_easy_setopt(easy(), CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy(), CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy(), CURLOPT_DNS_CACHE_TIMEOUT, kDnsCacheSeconds);
  curl_easy_setopt(easy(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy(), CURLOPT_QUICK_EXIT, 1L);  // to cancel must not wait for a name to be resolved
}

// Without a proxy-url, the environment's variables count, but not for a server on this machine; as for kubectl.
void HttpExchange::set_proxy(const KubeAccess& access, bool loopback) {
  curl_easy_setopt(easy(), CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!access.proxy_url.empty()) {
    const bool socks = access.proxy_url.starts_with("socks5://");  // which resolves names itself
    const std::string url = socks ? "socks5h" + access.proxy_url.substr(6) : access.proxy_url;
    curl_easy_setopt(easy(), CURLOPT_PROXY, url.c_str());
    curl_easy_setopt(easy(), CURLOPT_NOPROXY, "");
  } else if (loopback) {
    curl_easy_setopt(easy(), CURLOPT_PROXY, "");
  }
}

void HttpExchange::set_request(const KubeAccess& access, const KubeSecrets& secrets) {
  if (!request_.accept.empty()) add_header("Accept: " + request_.accept);
  if (!request_.content_type.empty()) add_header("Content-Type: " + request_.content_type);
  if (!secrets.token.empty()) add_header("Authorization: Bearer " + secrets.token);
  add_header("Expect:");  // a body is not held back until the server asks for it
  curl_easy_setopt(easy(), CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy(), CURLOPT_USERAGENT, "waggle");
  curl_easy_setopt(easy(), CURLOPT_ACCEPT_ENCODING, "gzip");
  if (!access.username.empty()) {
    curl_easy_setopt(easy(), CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(easy(), CURLOPT_USERNAME, access.username.c_str());
    curl_easy_setopt(easy(), CURLOPT_PASSWORD, access.password.c_str());
  }
  if (!request_.body.empty() || request_.method == "POST") {
    curl_easy_setopt(easy(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy(), CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method != "GET" && request_.method != "POST")
    curl_easy_setopt(easy(), CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

// Certificates go in as their content: libcurl compares it when it looks for a connection to use again, and of a file
// it would keep what it once read. Debian's CAPATH would trust the world beside the cluster's authority.
void HttpExchange::set_tls(const KubeAccess& access, const KubeSecrets& secrets) {
  curl_easy_setopt(easy(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy(), CURLOPT_SSL_SESSIONID_CACHE, 0L);  // every connection checks the certificate
  curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYPEER, access.insecure ? 0L : 1L);
  curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYHOST, access.insecure ? 0L : 2L);
  if (!secrets.authority.empty()) {
    curl_easy_setopt(easy(), CURLOPT_CAPATH, nullptr);
    set_pem(CURLOPT_CAINFO_BLOB, secrets.authority);
  }
  if (secrets.client_certificate.empty()) return;
  set_pem(CURLOPT_SSLCERT_BLOB, secrets.client_certificate);
  set_pem(CURLOPT_SSLKEY_BLOB, secrets.client_key);
  curl_easy_setopt(easy(), CURLOPT_KEYPASSWD, "");  // OpenSSL would ask the terminal
}

void HttpExchange::set_pem(CURLoption option, const std::string& pem) {
  curl_blob blob{};
  blob.data = const_cast<char*>(pem.data());  // copied
  blob.len = pem.size();
  blob.flags = CURL_BLOB_COPY;
  curl_easy_setopt(easy(), option, &blob);
}

void HttpExchange::set_callbacks() {
  curl_easy_setopt(easy(), CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy(), CURLOPT_ERRORBUFFER, words_);
  curl_easy_setopt(easy(), CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  curl_easy_setopt(easy(), CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy(), CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
  curl_easy_setopt(easy(), CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy(), CURLOPT_PREREQFUNCTION, &HttpExchange::on_sending);
  curl_easy_setopt(easy(), CURLOPT_PREREQDATA, this);
}

void HttpExchange::append(List& list, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
    (void)list.release();  // `longer` begins with it
    list.reset(longer);
  }
}

// There is a connection. If libcurl repeats the request on another one, this comes again.
int HttpExchange::on_sending(void* self, char*, char*, int, int local_port) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.local_port_ = static_cast<uint16_t>(local_port);
  exchange.last_byte_ = Clock::now();
  exchange.lost_because.clear();
  return CURL_PREREQFUNC_OK;
}

size_t HttpExchange::on_header(char* data, size_t size, size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.last_byte_ = Clock::now();
  const std::string_view line(data, size * count);
  const bool end_of_head = line == "\r\n" || line == "\n";
  const bool goes_on = !end_of_head || exchange.give_head();
  return goes_on ? line.size() : 0;
}

// False if nobody wants the rest.
bool HttpExchange::give_head() {
  HttpHead head;
  head.status = static_cast<int>(info(easy(), CURLINFO_RESPONSE_CODE, 0L));
  if (answered_ || head.status < 200) return handler_ != nullptr;  // trailers; 100 and its like
  head.content_type = media_type(info(easy(), CURLINFO_CONTENT_TYPE, static_cast<char*>(nullptr)));
  const curl_off_t retry_after = info(easy(), CURLINFO_RETRY_AFTER, curl_off_t{0});
  if (retry_after > 0) head.retry_after = std::chrono::seconds(retry_after);
  answered_ = true;
  status_ = head.status;
  multiplexed_ = info(easy(), CURLINFO_HTTP_VERSION, 0L) == CURL_HTTP_VERSION_2_0;
  if (handler_ != nullptr) handler_->on_head(head);
  return handler_ != nullptr;
}

size_t HttpExchange::on_body(char* data, size_t size, size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.last_byte_ = Clock::now();
  exchange.body_bytes += size * count;
  if (exchange.handler_ != nullptr) exchange.handler_->on_body({data, size * count});
  return exchange.handler_ != nullptr ? size * count : CURL_WRITEFUNC_ERROR;
}

HttpFailure HttpExchange::failure_of(CURLcode result) const {
  HttpFailure out;
  out.result = result;
  out.detail = words_[0] != '\0' ? words_ : curl_easy_strerror(result);
  out.system_error = info(easy(), CURLINFO_OS_ERRNO, 0L);
  out.certificate_error = info(easy(), CURLINFO_SSL_VERIFYRESULT, 0L);
  out.tls_ready = local_port_ != 0;
  out.answered = answered_;
  return out;
}

bool HttpExchange::take_second_chance() {
  const bool used_before = local_port_ != 0 && info(easy(), CURLINFO_NUM_CONNECTS, 1L) == 0;
  const bool repeatable = handler_ != nullptr && !answered_ && request_.method == "GET" && lost_because.empty();
  return used_before && repeatable && !std::exchange(had_second_chance_, true);
}

HttpExchange::Clock::time_point HttpExchange::deadline() const {
  return request_.deadline.count() > 0 ? started_ + request_.deadline : Clock::time_point::max();
}

HttpExchange::Clock::time_point HttpExchange::idle_until() const {
  return begun() && request_.idle.count() > 0 ? last_byte_ + request_.idle : Clock::time_point::max();
}

}  // namespace waggle
