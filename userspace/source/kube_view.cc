// SPDX-License-Identifier: Apache-2.0
#include "source/kube_view.h"

#include <fmt/format.h>

#include <chrono>

namespace waggle {
namespace {

void clear_lists(ServiceView& service) {
  service.cluster_ips.clear();
  service.ip_families.clear();
  service.ports.clear();
  service.external_ips.clear();
  service.source_ranges.clear();
  service.ingress.clear();
}

// The lists keep their memory.
void clear_service(ServiceView& service) {
  clear_lists(service);
  service.type = service.cluster_ip = service.internal_policy = service.external_policy = service.affinity = {};
  service.affinity_timeout.reset();
  service.health_check_node_port = 0;
}

void clear_slice(SliceView& slice) {
  slice.address_type = {};
  slice.endpoints.clear();
  slice.hints.clear();
  slice.ports.clear();
}

void clear_node(NodeView& node) {
  node.pod_cidr = {};
  node.pod_cidrs.clear();
  node.taint_keys.clear();
  node.addresses.clear();
}

}  // namespace

void ObjectView::clear() {
  meta = MetaView{};
  clear_service(service);
  clear_slice(slice);
  clear_node(node);
  cidrs.clear();
  malformed.reset();
}

void ObjectView::note(std::string_view field, size_t index, std::string_view what) {
  if (malformed) return;
  std::string path(field);
  if (const size_t at = path.find("[]"); at != std::string::npos) path.insert(at + 1, std::to_string(index));
  malformed = FieldProblem{std::move(path), std::string(what)};
}

void ObjectView::note_too_many(std::string_view field) {
  note(field, kMostEntries, fmt::format("there are more than {}, which no API server allows", kMostEntries));
}

void ObjectView::set_label(std::string_view key, std::string_view value) {
  if (key == "kubernetes.io/service-name") {
    meta.service_name = value;
  } else if (key == "service.kubernetes.io/service-proxy-name") {
    meta.proxy_name = value;
  } else if (key == "service.kubernetes.io/headless") {
    meta.headless = value;
  } else if (key == "topology.kubernetes.io/zone") {
    meta.zone = value;
  }
}

void ObjectView::set_annotation(std::string_view key, std::string_view value) {
  if (key == "endpoints.kubernetes.io/last-change-trigger-time") {
    meta.trigger_time = value;
  } else if (key == "k8s.io/initial-events-end") {
    meta.initial_events_end = value == "true";
  }
}

std::string timestamp_text(int64_t seconds) {
  constexpr int64_t kFirst = -62'167'219'200;  // year 0
  constexpr int64_t kLast = 253'402'300'799;   // year 9999
  if (seconds < kFirst || seconds > kLast) return "";
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace waggle
