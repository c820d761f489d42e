// SPDX-License-Identifier: Apache-2.0
// One request on its way: its handle of libcurl, its times, and what is known of its answer. Owned by KubeHttp, which
// begins it once there are credentials for it.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "source/http_connections.h"
#include "source/http_transport.h"
#include "source/kube_config.h"
#include "source/kube_credentials.h"

namespace waggle {

// Why a request has no whole answer, as libcurl tells it.
struct HttpFailure {
  CURLcode result = CURLE_OK;
  std::string detail;          // libcurl's words
  long system_error = 0;       // errno of the connect
  long certificate_error = 0;  // X509_V_ERR_* of OpenSSL
  bool tls_ready = false;      // the connection had got through its TLS handshake
  bool answered = false;       // the head of the answer had come
};

class HttpExchange {
 public:
  using Clock = std::chrono::steady_clock;

  // `handler` becomes nullptr when the request is cancelled; nobody is called any more then.
  HttpExchange(HttpTransport::Id id, ApiRequest request, ApiHandler& handler);
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  ~HttpExchange() = default;  // the handle must have been removed from its loop

  // Makes the handle, also a second time. False: no memory.
  bool prepare(const KubeAccess& access, const KubeCredentials& credentials, CurlConnections& connections,
               std::chrono::milliseconds connect_limit);
  static HttpExchange& of(CURL* easy);
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] HttpTransport::Id id() const { return id_; }

  [[nodiscard]] ApiHandler* handler() const { return handler_; }
  void cancel() { handler_ = nullptr; }
  [[nodiscard]] bool begun() const { return easy_ != nullptr; }
  [[nodiscard]] bool answered() const { return answered_; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] uint64_t generation() const { return generation_; }  // of the credentials it went out with
  [[nodiscard]] uint16_t local_port() const { return local_port_; }  // of its connection; 0: it has none yet
  [[nodiscard]] bool multiplexed() const { return multiplexed_; }    // known once it is answered
  [[nodiscard]] Clock::time_point last_byte() const { return last_byte_; }
  [[nodiscard]] const ApiRequest& request() const { return request_; }
  [[nodiscard]] HttpFailure failure_of(CURLcode result) const;
  // It failed before it had any answer, on a connection that others had used: most likely the server had just ended
  // that one. True once only, and for what can be asked twice.
  bool take_second_chance();

  // When its deadline is over, or no byte has come for too long. max(): never.
  [[nodiscard]] Clock::time_point deadline() const;
  [[nodiscard]] Clock::time_point idle_until() const;

  // Its connection is being ended for this reason, a whole sentence; "" again if libcurl goes on with another one.
  std::string lost_because;
  bool refusal_known = false;  // the answer was 401, and the credentials have heard of it
  uint64_t body_bytes = 0;     // as the handler got them: after decompression

 private:
  struct EasyCleanup {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct ListCleanup {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using List = std::unique_ptr<curl_slist, ListCleanup>;

  void set_place(const KubeAccess& access);
  void set_proxy(const KubeAccess& access, bool loopback);
  void set_request(const KubeAccess& access, const KubeSecrets& secrets);
  void set_tls(const KubeAccess& access, const KubeSecrets& secrets);
  void set_callbacks();
  void set_pem(CURLoption option, const std::string& pem);
  void add_header(const std::string& line) { append(headers_, line); }
  static void append(List& list, const std::string& line);
  bool give_head();
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  static int on_sending(void* self, char* server_ip, char* local_ip, int server_port, int local_port);

  HttpTransport::Id id_;
  ApiRequest request_;
  ApiHandler* handler_;
  List headers_;
  List connect_to_;
  char words_[CURL_ERROR_SIZE] = {};  // libcurl's, until the handle goes
  std::unique_ptr<CURL, EasyCleanup> easy_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point last_byte_ = started_;
  uint64_t generation_ = 0;
  uint16_t local_port_ = 0;
  int status_ = 0;
  bool answered_ = false;  // the head of the final answer has come
  bool multiplexed_ = false;
  bool had_second_chance_ = false;
};

}  // namespace waggle
