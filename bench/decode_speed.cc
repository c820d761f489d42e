// SPDX-License-Identifier: Apache-2.0
// How fast lists of the Kubernetes API become objects: MB of the body a second of CPU, for each resource and form. The
// objects are what a cluster has: services of one port, slices of 100 endpoints (tests/support/kube_objects.h writes
// them).
//
//   decode_speed [OBJECTS]       default: 10000 services, a tenth of it in slices
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "source/kube_list_reader.h"
#include "support/kube_objects.h"

namespace {

using namespace waggle;
constexpr int kRuns = 7;
constexpr size_t kPiece = 16 * 1024;  // bytes, as a TLS record brings them

Service service(size_t index) {
  Service out;
  out.name = {"bench", fmt::format("svc-{}", index)};
  out.resource_version = std::to_string(1000 + index);
  out.creation_timestamp = "2026-01-01T00:00:00Z";
  out.cluster_ips.push_back(*IpAddress::parse(fmt::format("10.96.{}.{}", index / 250 % 250, 1 + index % 250)));
  out.ports.push_back({"http", Protocol::kTcp, 80, 0});
  return out;
}

EndpointSlice slice(size_t index) {
  EndpointSlice out;
  out.name = {"bench", fmt::format("svc-{}-0", index)};
  out.resource_version = std::to_string(1000 + index);
  out.service_name = fmt::format("svc-{}", index);
  out.ports.push_back({"http", Protocol::kTcp, 8080});
  for (size_t i = 0; i < 100; ++i) {
    Endpoint endpoint;
    endpoint.address = *IpAddress::parse(fmt::format("10.{}.{}.{}", 128 + index / 250 % 100, index % 250, 1 + i));
    endpoint.node_name = fmt::format("node-{}", i % 10);
    out.endpoints.push_back(std::move(endpoint));
  }
  return out;
}

// Of this thread, so that others on the machine do not count.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// CPU seconds of the fastest run.
double measure(ObjectKind kind, KubeFormat format, const std::string& body, size_t expected) {
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    size_t good = 0;
    const double begin = cpu_seconds();
    KubeListReader reader(kind, format, [&good](const KubeObject& object) { good += object.event ? 1 : 0; });
    bool fed = true;
    for (size_t at = 0; at < body.size() && fed; at += kPiece)
      fed = reader.feed(std::string_view(body).substr(at, kPiece)).has_value();
    if (!fed || !reader.finish() || good != expected) {
      fmt::print(stderr, "decode_speed: the list was not read whole\n");
      std::exit(1);
    }
    best = std::min(best, cpu_seconds() - begin);
  }
  return best;
}

void report(ObjectKind kind, std::string_view name, const std::vector<Event>& objects) {
  for (const WireForm form : {WireForm::kProtobuf, WireForm::kJson}) {
    const std::string body = list_body(kind, objects, "1", "", form);
    const bool json = form == WireForm::kJson;
    const double seconds = measure(kind, json ? KubeFormat::kJson : KubeFormat::kProtobuf, body, objects.size());
    const double megabytes = static_cast<double>(body.size()) / 1e6;
    fmt::print("{:<14} {:<8} {:>6} objects {:>8.1f} MB {:>8.1f} ms {:>6.0f} MB/s\n", name, json ? "json" : "protobuf",
               objects.size(), megabytes, seconds * 1e3, megabytes / seconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  std::vector<Event> services;
  std::vector<Event> slices;
  for (size_t i = 0; i < count; ++i) services.emplace_back(service(i));
  for (size_t i = 0; i < count / 10; ++i) slices.emplace_back(slice(i));
  report(ObjectKind::kService, "services", services);
  report(ObjectKind::kEndpointSlice, "endpointslices", slices);
  return 0;
}
