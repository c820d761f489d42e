// SPDX-License-Identifier: Apache-2.0
// Requests to a Kubernetes API server, over libcurl: all on one HTTP/2 connection, authenticated with what KubeAccess
// says. Made by the daemon, owned by the Kubernetes source. For one thread; nothing blocks, nothing throws.
//
// What it survives: tokens, certificates and authorities that are replaced, a server that restarts, a kubeconfig that
// names another server, and connections that are dead although nobody said so. TCP notices a machine that is gone.
// For a server that hangs behind a kernel (or a load balancer) that still acknowledges, a connection with requests on
// it that was silent for `silence` is asked for a sign of life, and ended if there is none within `sign_of_life`.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/curl_loop.h"
#include "source/http_connections.h"
#include "source/http_exchange.h"
#include "source/http_transport.h"
#include "source/kube_config.h"
#include "source/kube_credentials.h"

namespace waggle {

struct KubeHttpOptions {
  std::chrono::milliseconds connect_limit = std::chrono::seconds(10);  // name, TCP and TLS
  std::chrono::milliseconds silence = std::chrono::seconds(30);
  std::chrono::milliseconds sign_of_life = std::chrono::seconds(15);
  KubeCredentialTimes credentials;
};

struct KubeHttpCounts {
  uint64_t requests = 0;      // started, without those for a sign of life
  uint64_t body_bytes = 0;    // of answers that have ended, after decompression
  uint64_t signs_asked = 0;   // requests for a sign of life
  uint64_t dead = 0;          // connections that were ended because they gave none
  uint64_t connections = 0;   // opened
  uint64_t program_runs = 0;  // of the exec program
};

class KubeHttp final : public HttpTransport {
 public:
  static Result<std::unique_ptr<KubeHttp>> open(KubeAccess access, const KubeHttpOptions& options = {});
  ~KubeHttp() override;
  KubeHttp(const KubeHttp&) = delete;
  KubeHttp& operator=(const KubeHttp&) = delete;

  [[nodiscard]] int fd() const override { return loop_->fd(); }
  void drive() override;
  Id start(ApiRequest request, ApiHandler& handler) override;
  void cancel(Id id) override;

  [[nodiscard]] KubeHttpCounts counts() const;
  [[nodiscard]] const KubeAccess& access() const { return access_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Exchanges = std::map<Id, std::unique_ptr<HttpExchange>>;

  // The answer to a request for a sign of life: it is the bytes that count, not what they say.
  class SignOfLife final : public ApiHandler {
   public:
    Id id = 0;  // 0: none is awaited
    void on_head(const HttpHead&) override {}
    void on_body(std::string_view) override {}
    void on_end(const HttpEnd&) override { id = 0; }
  };

  KubeHttp(KubeAccess access, const KubeHttpOptions& options);
  void finish(HttpExchange& exchange, CURLcode result);
  void end(Id id, const HttpEnd& how);
  void end_overdue();
  void end_if_silent(const HttpExchange& exchange);
  void end_connection(const CurlConnection& connection, const std::string& why);
  void watch_silence();
  void sweep_cancelled();
  void begin_waiting();
  void begin(HttpExchange& exchange);
  void take_in_refusal(HttpExchange& exchange);
  void look_at_kubeconfig();
  [[nodiscard]] std::vector<Id> waiting() const;
  [[nodiscard]] Clock::time_point next_time() const;

  KubeAccess access_;
  KubeHttpOptions options_;
  std::optional<SmallFile> kubeconfig_;
  std::unique_ptr<KubeCredentials> credentials_;
  CurlConnections connections_;
  std::unique_ptr<CurlLoop> loop_;
  Exchanges exchanges_;
  SignOfLife sign_of_life_;
  Id last_id_ = 0;
  bool start_or_cancel_ = false;    // drive() has to look at them
  bool doubt_kubeconfig_ = false;   // the server cannot be reached, or refuses the credentials
  std::string kubeconfig_problem_;  // it changed, and cannot be used
  KubeHttpCounts counts_;
};

}  // namespace waggle
