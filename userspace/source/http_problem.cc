// SPDX-License-Identifier: Apache-2.0
#include "source/http_problem.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace waggle {
namespace {

// Of OpenSSL's X509_V_ERR_*.
enum CertificateError : long {
  kUnknownIssuer = 2,
  kNotYetValid = 9,
  kExpired = 10,
  kSelfSigned = 18,
  kSelfSignedInChain = 19,
  kUnknownLocalIssuer = 20,
  kUnknownLeaf = 21,
};

bool says(const HttpFailure& failure, std::string_view words) {
  return failure.detail.find(words) != std::string::npos;
}

std::string where_the_server_stands(const KubeAccess& access) {
  return access.kubeconfig.empty() ? "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name"
                                   : fmt::format("`server` in {} names", access.kubeconfig);
}

std::string where_the_authority_stands(const KubeAccess& access) {
  if (!access.authority.file.empty()) return access.authority.file;
  const std::string place = access.kubeconfig.empty() ? access.origin : access.kubeconfig;
  return access.authority.given() ? "certificate-authority-data in " + place
                                  : "the system's authorities (" + place + " names none of its own)";
}

std::string connect_problem(const KubeAccess& access, const HttpFailure& failure) {
  const std::string via = access.proxy_url.empty() ? "" : fmt::format(" through the proxy {}", access.proxy_url);
  const std::string why = failure.system_error == 0
                              ? failure.detail
                              : std::generic_category().message(static_cast<int>(failure.system_error));
  return fmt::format("cannot be connected to{}: {}; check that it runs and that {} its address", via, why,
                     where_the_server_stands(access));
}

std::string name_problem(const KubeAccess& access, const HttpFailure& failure) {
  const std::string name =
      access.tls_server_name.empty() ? "" : fmt::format(" (tls-server-name is {})", access.tls_server_name);
  return fmt::format(
      "its certificate is for another name{}: {}; check that {} one of the certificate's names, or set "
      "tls-server-name to one of them",
      name, failure.detail, where_the_server_stands(access));
}

std::string certificate_problem(const KubeAccess& access, const HttpFailure& failure) {
  switch (failure.certificate_error) {
    case kExpired:
      return "its certificate has expired; renew it, and check this node's clock";
    case kNotYetValid:
      return "its certificate is not valid yet; check this node's clock";
    case kUnknownIssuer:
    case kSelfSigned:
    case kSelfSignedInChain:
    case kUnknownLocalIssuer:
    case kUnknownLeaf:
      return fmt::format("its certificate is signed by an unknown authority; put the cluster's authority into {}",
                         where_the_authority_stands(access));
    default:
      if (says(failure, "target host name")) return name_problem(access, failure);
      return fmt::format("its certificate is refused: {}", failure.detail);
  }
}

// With TLS 1.3 a server says what it thinks of it after the handshake; some just end the connection.
std::string hint_at_client_certificate(const KubeAccess& access) {
  if (!access.client_certificate.given()) return "";
  return fmt::format("; it may have refused the client certificate of {}", access.origin);
}

std::string handshake_problem(const KubeAccess& access, const HttpFailure& failure) {
  if (says(failure, "wrong version number") || says(failure, "http request"))
    return fmt::format("does not speak HTTPS; check that {} its port", where_the_server_stands(access));
  if (says(failure, "unsupported protocol") || says(failure, "protocol version"))
    return "does not speak TLS 1.2 or newer; update it";
  if (says(failure, "alert"))
    return fmt::format("refuses the TLS handshake: {}; check the client certificate in {}", failure.detail,
                       access.origin);
  return fmt::format("ended the connection during the TLS handshake: {}; check that {} its port{}", failure.detail,
                     where_the_server_stands(access), hint_at_client_certificate(access));
}

std::string broken_problem(const KubeAccess& access, const HttpFailure& failure) {
  if (!failure.tls_ready) return handshake_problem(access, failure);
  if (says(failure, "alert") && access.client_certificate.given())
    return fmt::format("refuses the client certificate of {}: {}; renew it", access.origin, failure.detail);
  // Numbers of streams would make one broken connection as many different problems as it had requests.
  const bool is_plain = says(failure, "was not closed cleanly") || says(failure, "Recv failure");
  return fmt::format("the connection ended before the answer did{}{}", is_plain ? "" : ": " + failure.detail,
                     failure.answered ? "" : hint_at_client_certificate(access));
}

std::string proxy_problem(const KubeAccess& access, const HttpFailure& failure) {
  return fmt::format("the proxy {} makes no connection to it: {}", access.proxy_url, failure.detail);
}

std::string resolve_problem(const KubeAccess& access) {
  return fmt::format("its name cannot be resolved; check DNS on this node, and that {} its address",
                     where_the_server_stands(access));
}

std::string words_for(const KubeAccess& access, const HttpFailure& failure) {
  switch (failure.result) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return resolve_problem(access);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return fmt::format("the name of the proxy {} cannot be resolved", access.proxy_url);
    case CURLE_COULDNT_CONNECT:
      return connect_problem(access, failure);
    case CURLE_OPERATION_TIMEDOUT:
      if (says(failure, "resolv") || says(failure, "Resolving")) return resolve_problem(access);
      return fmt::format(
          "no connection and TLS handshake in time ({}); check that it runs and that nothing on the way "
          "drops the packets",
          failure.detail);
    case CURLE_PEER_FAILED_VERIFICATION:
      return certificate_problem(access, failure);
    case CURLE_SSL_CERTPROBLEM:
      return fmt::format(
          "client-certificate and client-key of {} cannot be used: {}; check that they belong together "
          "and that the key has no passphrase",
          access.origin, failure.detail);
    case CURLE_SSL_CACERT_BADFILE:
      return fmt::format("certificate-authority of {} cannot be used: {}", access.origin, failure.detail);
    case CURLE_PROXY:
      return proxy_problem(access, failure);
    case CURLE_RECV_ERROR:
      if (says(failure, "CONNECT")) return proxy_problem(access, failure);
      return broken_problem(access, failure);
    default:
      return broken_problem(access, failure);
  }
}

}  // namespace

std::string server_problem(const KubeAccess& access, std::string_view what) {
  return fmt::format("API server {}: {}", access.server, what);
}

std::string failure_problem(const KubeAccess& access, const HttpFailure& failure) {
  return server_problem(access, words_for(access, failure));
}

std::string seconds_words(std::chrono::milliseconds time) {
  return fmt::format("{} s", std::chrono::duration<double>(time).count());
}

}  // namespace waggle
