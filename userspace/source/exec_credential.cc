// SPDX-License-Identifier: Apache-2.0
#include "source/exec_credential.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/json_writer.h"
#include "source/base64.h"
#include "source/field.h"
#include "source/tree.h"

namespace waggle {
namespace {

using std::chrono::system_clock;

void write_cluster(JsonWriter& json, const KubeAccess& access, const std::string& authority) {
  json.key("cluster").begin_object().field("server", access.server);
  if (!access.tls_server_name.empty()) json.field("tls-server-name", access.tls_server_name);
  if (access.insecure) json.field("insecure-skip-tls-verify", true);
  if (!authority.empty()) json.field("certificate-authority-data", encode_base64(authority));
  if (!access.proxy_url.empty()) json.field("proxy-url", access.proxy_url);
  if (!access.exec->cluster_config.empty()) json.key("config").json(access.exec->cluster_config);
  json.end_object();
}

// Reads `status` and checks that it is of use.
ExecCredential read_status(const Field& status) {
  ExecCredential out;
  out.token = status.at("token").text_or_empty();
  out.client_certificate = status.at("clientCertificateData").text_or_empty();
  out.client_key = status.at("clientKeyData").text_or_empty();
  if (out.client_certificate.empty() != out.client_key.empty())
    status.error("has only one of clientCertificateData and clientKeyData; they go together");
  if (out.token.empty() && out.client_certificate.empty())
    status.error("has neither token nor clientCertificateData; one of them is needed");
  const Field ends = status.at("expirationTimestamp");
  if (const std::string text = ends.text_or_empty(); !text.empty()) {
    out.ends = parse_rfc3339(text);
    if (!out.ends) ends.error("is not a time as 2026-01-31T12:00:00Z");
  }
  return out;
}

// Of what follows the seconds: fractions of them, which are left out, and "Z" or "+02:00".
std::optional<std::chrono::minutes> offset_of(std::string zone) {
  if (zone.starts_with('.')) zone.erase(0, zone.find_first_not_of("0123456789", 1));
  if (zone == "Z") return std::chrono::minutes(0);
  char sign = 0;
  int hours = 0;
  int minutes = 0;
  const bool whole = zone.size() == 6 && std::sscanf(zone.c_str(), "%c%2d:%2d", &sign, &hours, &minutes) == 3;
  if (!whole || (sign != '+' && sign != '-')) return std::nullopt;
  return std::chrono::minutes((sign == '-' ? -1 : 1) * (hours * 60 + minutes));
}

std::string sentence(const Finding& finding) {
  return finding.path.empty() ? finding.what : finding.path + ": " + finding.what;
}

}  // namespace

std::string exec_info(const KubeAccess& access, const std::string& authority) {
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object().field("kind", "ExecCredential").field("apiVersion", access.exec->api_version);
  json.key("spec").begin_object().field("interactive", false);
  if (access.exec->provide_cluster_info) write_cluster(json, access, authority);
  json.end_object().end_object();
  return json.text();
}

Result<ExecCredential> parse_exec_credential(const std::string& output, const std::string& api_version) {
  const auto documents = parse_json(output, "output");
  if (!documents || documents->size() != 1) return failure("printed something else than one JSON object");
  Findings findings;
  const Field root(documents->front(), findings);
  const std::string kind = root.at("kind").text_or_empty();
  const std::string version = root.at("apiVersion").text_or_empty();
  if (findings.errors.empty() && kind != "ExecCredential")
    return failure(fmt::format("printed an object of kind \"{}\" instead of ExecCredential", kind));
  if (findings.errors.empty() && version != api_version)
    return failure(fmt::format("printed apiVersion {}, and the kubeconfig's exec section says {}; make them the same",
                               version, api_version));
  const Field status = root.at("status");
  status.require("the credentials stand there");
  ExecCredential out = status.present() ? read_status(status) : ExecCredential{};
  if (!findings.errors.empty()) return failure("printed an object whose " + sentence(findings.errors.front()));
  return out;
}

std::optional<system_clock::time_point> parse_rfc3339(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  const int read =
      std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used);
  if (read != 6) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  const auto offset = offset_of(text.substr(static_cast<size_t>(used)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60 || !offset) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) - *offset;
}

}  // namespace waggle
