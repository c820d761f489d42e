// SPDX-License-Identifier: Apache-2.0
// One reflector over a fake transport and a clock that the test moves, and the State its events come to.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "model/state.h"
#include "source/kube_reflector.h"
#include "support/fake_http.h"
#include "support/kube_objects.h"

namespace waggle {

struct ReflectorRig {
  FakeHttp http;
  KubeRequestCounts counts;
  TimePoint now{std::chrono::hours(1)};
  Reflector reflector;
  State state;
  std::vector<Event> events;  // all so far
  ObjectKind kind;

  explicit ReflectorRig(ObjectKind of = ObjectKind::kService, uint32_t seed = 1)
      : reflector(config(of), http, counts, seed), kind(of) {
    advance();
  }

  static ReflectorConfig config(ObjectKind of) {
    ReflectorConfig out;
    out.kind = of;
    if (of == ObjectKind::kService) {
      out.field_selector = "spec.clusterIP!=None";
      out.field_selector_optional = true;
    }
    out.may_be_missing = of == ObjectKind::kServiceCidr;
    return out;
  }

  void advance() {
    while (reflector.advance(now)) {
    }
    for (Event& event : reflector.take_events()) {
      events.push_back(event);
      state.apply(std::move(event));
    }
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    advance();
  }
  // To the next time that something is due.
  void pass_pause() {
    if (const auto wake = reflector.next_wake(); wake && *wake > now) now = *wake;
    advance();
  }

  [[nodiscard]] FakeHttp::Id last() const { return http.last(); }
  [[nodiscard]] const std::string& target() const { return http.request(last()).request.target; }
  [[nodiscard]] bool asks_for(std::string_view part) const { return target().find(part) != std::string::npos; }
  [[nodiscard]] std::string problem() const {
    const auto problems = reflector.problems();
    return problems.empty() ? "" : problems.front();
  }

  void status(int code, std::string_view reason = "", std::string_view message = "",
              std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    http.head(last(), code, content_type_of(form), retry_after);
    http.body(last(), status_body(code, reason, message, form));
    http.end(last());
    advance();
  }
  void frame(const std::string& bytes) {
    if (!http.request(last()).headed) http.head(last(), 200, content_type_of(form));
    http.body(last(), bytes);
    advance();
  }
  void end(bool complete = true) {
    http.end(last(), complete);
    advance();
  }
  void page(const std::vector<Event>& objects, const std::string& version, const std::string& next = "") {
    http.answer(last(), 200, content_type_of(form), list_body(kind, objects, version, next, form));
    advance();
  }
  // A streaming list, up to and with its end.
  void stream(const std::vector<Event>& objects, const std::string& version) {
    for (const Event& object : objects) frame(watch_frame("ADDED", object, form));
    frame(bookmark_frame(kind, version, true, form));
  }
  void refuse_streaming() { status(422, "Invalid", "sendInitialEvents is forbidden"); }

  WireForm form = WireForm::kProtobuf;
};

// A service of this name at this version; `port` tells versions apart.
inline Event service_at(const std::string& name, int version, uint16_t port = 80) {
  Service out;
  out.name = {"shop", name};
  out.resource_version = std::to_string(version);
  out.creation_timestamp = "2026-01-01T00:00:00Z";
  out.cluster_ips.push_back(*IpAddress::parse("10.96.0.1"));
  out.ports.push_back({"http", Protocol::kTcp, port, 0});
  return out;
}

}  // namespace waggle
