// SPDX-License-Identifier: Apache-2.0
#include "server/events.h"

#include <fmt/format.h>

#include "base/json_writer.h"

namespace waggle {
namespace {

constexpr std::string_view kReporter = "kube-proxy";
// What the API server allows.
constexpr size_t kLongestNote = 1024;
constexpr size_t kLongestInstance = 128;
constexpr size_t kLongestName = 253;

struct EventWords {
  std::string_view type;
  std::string_view reason;
  std::string_view action;
  std::string note;
};

std::string shortened(std::string text, size_t longest) {
  if (text.size() <= longest) return text;
  size_t end = longest;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0u) == 0x80u) --end;  // not within a character
  text.resize(end);
  return text;
}

std::string event_name(const std::string& regarding, SystemTime now) {
  const std::string suffix = fmt::format(".{:x}", now.time_since_epoch().count());
  return shortened(regarding, kLongestName - suffix.size()) + suffix;
}

struct Kind {
  std::string_view name;
  std::string_view api_version = "v1";
};

Kind kind_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kEndpointSlice:
      return {"EndpointSlice", "discovery.k8s.io/v1"};
    case ObjectKind::kServiceCidr:
      return {"ServiceCIDR", "networking.k8s.io/v1"};
    case ObjectKind::kNode:
      return {"Node"};
    case ObjectKind::kService:
      break;
  }
  return {"Service"};
}

// kubectl finds a node's events by a uid that is the node's name.
void write_regarding(JsonWriter& json, const Kind& kind, const ObjectName& object) {
  json.key("regarding").begin_object().field("kind", kind.name);
  if (!object.name_space.empty()) json.field("namespace", object.name_space);
  json.field("name", object.name);
  if (object.name_space.empty()) json.field("uid", object.name);
  json.field("apiVersion", kind.api_version).end_object();
}

// name: of the Event itself.
ClusterEvent event_named(const std::string& name, const std::string& instance, const Kind& kind,
                         const ObjectName& regarding, const EventWords& words, SystemTime now) {
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object().field("apiVersion", "events.k8s.io/v1").field("kind", "Event");
  json.key("metadata").begin_object();
  json.field("name", name).field("namespace", event_namespace(regarding)).end_object();
  json.field("eventTime", rfc3339_micro(now)).field("reportingController", kReporter);
  json.field("reportingInstance", shortened(instance, kLongestInstance));
  json.field("action", words.action).field("reason", words.reason);
  write_regarding(json, kind, regarding);
  json.field("note", shortened(words.note, kLongestNote)).field("type", words.type).end_object();
  return {.name_space = event_namespace(regarding), .body = json.text()};
}

ClusterEvent event_of(const std::string& node_name, ObjectKind kind, const ObjectName& regarding,
                      const EventWords& words, SystemTime now) {
  return event_named(event_name(regarding.name, now), fmt::format("{}-{}", kReporter, node_name), kind_of(kind),
                     regarding, words, now);
}

// FNV-1a: the same on every node and in every version.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

ClusterEvent node_event(const std::string& node_name, const EventWords& words, SystemTime now) {
  return event_of(node_name, ObjectKind::kNode, {.name_space = "", .name = node_name}, words, now);
}

}  // namespace

std::string event_namespace(const ObjectName& regarding) {
  return regarding.name_space.empty() ? "default" : regarding.name_space;
}

ClusterEvent starting_event(const std::string& node_name, SystemTime now) {
  return node_event(node_name, {.type = "Normal", .reason = "Starting", .action = "StartKubeProxy", .note = ""}, now);
}

ClusterEvent service_healthcheck_event(const std::string& node_name, const ObjectName& service, uint16_t port,
                                       const std::string& why, SystemTime now) {
  const EventWords words{.type = "Warning",
                         .reason = "FailedToStartServiceHealthcheck",
                         .action = "Listen",
                         .note = fmt::format("node {} failed to start healthcheck \"{}\" on port {}: {}", node_name,
                                             service.text(), port, why)};
  return event_of(node_name, ObjectKind::kService, service, words, now);
}

ClusterEvent health_server_event(const std::string& node_name, const std::string& why, SystemTime now) {
  return node_event(node_name,
                    {.type = "Warning",
                     .reason = "FailedToStartProxierHealthcheck",
                     .action = "StartKubeProxy",
                     .note = fmt::format("node {}: the health server cannot start: {}", node_name, why)},
                    now);
}

ClusterEvent metrics_server_event(const std::string& node_name, const std::string& why, SystemTime now) {
  return node_event(node_name,
                    {.type = "Warning",
                     .reason = "FailedToStartMetricServer",
                     .action = "StartKubeProxy",
                     .note = fmt::format("node {}: the metrics server cannot start: {}", node_name, why)},
                    now);
}

ClusterEvent object_problem_event(ObjectKind kind, const ObjectName& object, const std::string& what, SystemTime now) {
  const EventWords words{.type = "Warning", .reason = "InvalidObject", .action = "Read", .note = what};
  const std::string suffix = fmt::format(".waggle-{:016x}", hash_of(what));
  return event_named(shortened(object.name, kLongestName - suffix.size()) + suffix, std::string(kReporter),
                     kind_of(kind), object, words, now);
}

}  // namespace waggle
