// SPDX-License-Identifier: Apache-2.0
// For the tests of KubeSource: a source over KubeHttp and the test API server, the State its batches come to, and the
// State that the server has, by way of the decoders of manifests.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "kube_rig.h"
#include "source/decode.h"
#include "source/kube_kinds.h"
#include "source/kube_source.h"

namespace waggle {

class SourceRig : public KubeRig {
 public:
  std::unique_ptr<KubeSource> source;
  KubeSourceOptions source_options;
  State state;
  bool synced = false;
  std::vector<std::string> said;  // all problems of all batches
  size_t events = 0;

  SourceRig() {
    options.silence = 500ms;
    options.sign_of_life = 500ms;
    source_options.node_name = "n1";
    auto& timings = source_options.timings;
    timings.first_retry = 20ms;
    timings.longest_retry = 300ms;
    timings.list_idle = 1500ms;
    timings.watch_idle = 3000ms;
    timings.settled = 500ms;
    put_service("web");
    put_slice("web-1", "web", "10.1.0.1");
    put_node("n1", "a");
    put_node("n2", "b");
    put(R"("kind": "ServiceCIDR", "apiVersion": "networking.k8s.io/v1", "metadata": {"name": "kubernetes"},
           "spec": {"cidrs": ["10.96.0.0/12"]})");
  }

  void put(const std::string& fields) { EXPECT_TRUE(server->put("{" + one_line(fields) + "}")); }
  void put_service(const std::string& name, int port = 80, const std::string& more_spec = "",
                   const std::string& labels = "") {
    put(fmt::format(R"("kind": "Service", "apiVersion": "v1",
        "metadata": {{"name": "{}", "namespace": "shop", "labels": {{{}}}}},
        "spec": {{"clusterIP": "10.96.0.7", "ports": [{{"name": "http", "port": {}}}]{}}})",
                    name, labels, port, more_spec));
  }
  void put_slice(const std::string& name, const std::string& service, const std::string& address,
                 const std::string& more_labels = "") {
    put(fmt::format(R"("kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": {{"name": "{}", "namespace": "shop", "labels": {{"kubernetes.io/service-name": "{}"{}}}}},
        "addressType": "IPv4", "endpoints": [{{"addresses": ["{}"], "nodeName": "n1"}}],
        "ports": [{{"name": "http", "port": 8080}}])",
                    name, service, more_labels, address));
  }
  void put_node(const std::string& name, const std::string& zone) {
    put(fmt::format(R"("kind": "Node", "apiVersion": "v1",
        "metadata": {{"name": "{}", "labels": {{"topology.kubernetes.io/zone": "{}"}}}})",
                    name, zone));
  }
  void remove(const std::string& resource, const std::string& name) {
    EXPECT_TRUE(server->remove(resource, "shop", name));
  }

  void start(const std::string& choices = R"("auth": "token_file")") {
    open(choices);
    ASSERT_TRUE(http);
    auto made = KubeSource::make(std::move(http), source_options, 7);
    ASSERT_TRUE(made) << made.error().message;
    source = std::move(*made);
  }

  void take() {
    SourceBatch batch = source->take();
    events += batch.events.size();
    for (Event& event : batch.events) state.apply(std::move(event));
    said.insert(said.end(), batch.problems.begin(), batch.problems.end());
    synced = batch.synced;
  }
  void follow_until(const std::function<bool()>& condition, const std::string& what) {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "did not come about: " << what << "\n" << fmt::format("{}", fmt::join(said, "\n"));
        return;
      }
      pollfd readable{.fd = source->fd(), .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, 20) > 0) take();
    }
  }
  void follow_until_same(const std::string& what) {
    const State wanted = server_state();
    follow_until([&] { return synced && state == wanted; }, what + ": the server's state");
  }
  // The watches of all kinds are open.
  void follow_until_watching() {
    follow_until(
        [&] {
          const std::string stats = command(R"({"command": "stats", "requests": false})");
          return std::all_of(kAllKinds.begin(), kAllKinds.end(), [&](ObjectKind kind) {
            return number(stats, fmt::format("/watches/{}", kube_kind(kind).plural)) == 1;
          });
        },
        "four watches");
  }
  void start_and_sync() {
    start();
    follow_until_same("the start");
    follow_until_watching();
  }

  [[nodiscard]] bool has_said(const std::string& part) const {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& one) { return one.find(part) != std::string::npos; });
  }
  // Requests that ended, by the code of their answer.
  [[nodiscard]] uint64_t ended(const std::string& code) const {
    const auto& requests = source->request_counts().requests;
    const auto found = requests.find({"GET", code});
    return found == requests.end() ? 0 : found->second;
  }
  [[nodiscard]] std::vector<std::string> standing() const { return source->standing_problems(); }
  void follow_until_mended() {
    follow_until([&] { return standing().empty(); }, "nothing to complain about");
  }

  // What the server's selectors leave of what it has.
  State server_state() {
    State out;
    for (const ObjectKind kind : kAllKinds) {
      for (const DecodedObject& object : objects_of(kind)) {
        if (object.event && selected(*object.event)) out.apply(*object.event);
      }
    }
    return out;
  }

 private:
  static std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  std::vector<DecodedObject> objects_of(ObjectKind kind) {
    const std::string answer =
        command(fmt::format(R"({{"command": "list", "resource": "{}"}})", kube_kind(kind).plural));
    auto parsed = parse_json(answer, "answer");
    EXPECT_TRUE(parsed) << parsed.error().message;
    Value list;
    list.kind = Value::Kind::kMap;
    list.keys = {"kind", "apiVersion", "items"};
    list.items = {text_value(kube_kind(kind).list_name()), text_value(api_version_of(kind)),
                  *parsed->at(0).find("objects")};
    return decode_documents({list}, "answer").objects;
  }
  static Value text_value(std::string text) {
    Value out;
    out.kind = Value::Kind::kString;
    out.text = std::move(text);
    return out;
  }
  static std::string api_version_of(ObjectKind kind) {
    const std::string group(kube_kind(kind).group);
    return group.empty() ? "v1" : group + "/v1";
  }
  static bool selected(const Event& event) {
    if (const auto* service = std::get_if<Service>(&event)) return !service->has_proxy_name && !service->headless;
    if (const auto* node = std::get_if<Node>(&event)) return node->name == "n1";
    return true;
  }
};

}  // namespace waggle
