// SPDX-License-Identifier: Apache-2.0
#include "source/kube_words.h"

#include <fmt/format.h>

#include "source/kube_kinds.h"

namespace waggle {
namespace {

// What the server said itself, for the end of a sentence's first part.
std::string said(const KubeStatus& status) {
  if (status.message.empty()) return "";
  constexpr size_t kLongest = 300;
  std::string out = " and says: ";
  for (const char c : status.message.substr(0, kLongest)) out += c < ' ' || c > '~' ? ' ' : c;
  return out;
}

std::string words_of_forbidden(const Asked& asked, const KubeStatus& status) {
  return fmt::format(
      "{} does not allow to {} {} (403){}; give the user the ClusterRole system:node-proxier, or the verb {} on {} "
      "(RBAC)",
      asked.server, asked.verb, asked.resource, said(status), asked.verb, asked.resource);
}

}  // namespace

std::string words_of_refusal(const Asked& asked, int http_status, const KubeStatus& status) {
  if (http_status >= 300 && http_status < 400) {
    return fmt::format("{} answers with a redirect ({}), which is not followed; give the server's own address",
                       asked.server, http_status);
  }
  if (http_status == 401) {
    return fmt::format("{} does not accept the credentials (401){}; renew the token or the client certificate",
                       asked.server, said(status));
  }
  if (http_status == 403) return words_of_forbidden(asked, status);
  if (http_status == 404) {
    return fmt::format("{} has no {} (404){}; check that it is the address of a Kubernetes API server", asked.server,
                       asked.resource, said(status));
  }
  if (http_status == 429 || http_status >= 500) {
    return fmt::format("{} is overloaded or failing ({}){}; trying again", asked.server, http_status, said(status));
  }
  return fmt::format("{} refuses to {} {} ({}){}; trying again", asked.server, asked.verb, asked.resource, http_status,
                     said(status));
}

std::string words_of_content_type(const Asked& asked, std::string_view content_type) {
  return fmt::format(
      "{} answers with content of type {} where JSON or protobuf of Kubernetes was asked for; check that it is the "
      "address of an API server and not of something in front of it",
      asked.server, quoted(content_type));
}

}  // namespace waggle
