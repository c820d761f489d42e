// SPDX-License-Identifier: Apache-2.0
// Session affinity ClientIP: a client's new flows go where its last one went, as long as that is allowed.
#include <set>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr uint32_t kTimeoutS = 100;

class Affinity : public VariantTest {
 protected:
  void serve_sticky(TestService service) {
    service.variant = GetParam();
    service.affinity_timeout_s = kTimeoutS;
    if (service.cluster_ips.empty()) service.cluster_ips = {at().cluster_ip};
    if (service.endpoints.empty()) service.endpoints = {at().local_backend, at().local_backend2, at().remote_backend};
    serve(service);
    for (const BackendView& backend : view_of(service.name).backends) {
      edit_backend(backend.index, [](wg_backend& raw) {
        raw.flags |= WG_BACKEND_IN_CLUSTER | (raw.flags & WG_BACKEND_LOCAL ? WG_BACKEND_IN_LOCAL : 0u);
      });
    }
  }
  // Opens one flow more.
  std::string open(const std::string& source, const std::string& destination, RunHook hook = RunHook::kTcIngress) {
    PacketSpec spec = request(source, destination);
    spec.source_port = next_port_++;
    const bool from_pod = source != at().outside;
    return backend_of({.hook = hook, .ifindex = from_pod ? kPodLink : kUplink, .packet = build(spec)});
  }
  std::set<std::string> open_many(const std::string& source, const std::string& destination,
                                  RunHook hook = RunHook::kTcIngress) {
    std::set<std::string> backends;
    for (int i = 0; i < 30; ++i) backends.insert(open(source, destination, hook));
    return backends;
  }
  BackendView backend_at(const std::string& address, const std::string& service = "default/web") {
    for (const BackendView& backend : view_of(service).backends) {
      if (backend.address == address_of(address)) return backend;
    }
    ADD_FAILURE() << "no backend " << address;
    return {};
  }
  // Changes what is remembered of the one client there is.
  void edit_memory(const std::function<void(wg_affinity_key&, wg_affinity_value&)>& change) {
    ASSERT_EQ(rig().affinity().size(), 1u);
    auto [key, value] = rig().affinity().front();
    change(key, value);
    rig().put("affinity", key, value);
  }
  void age_memory(uint32_t seconds) {
    edit_memory([&](wg_affinity_key&, wg_affinity_value& value) { value.seen -= seconds * rig().settings().hz; });
  }
  // Does a memory that `spoil` has changed lead the client to the backend? Chance would: one time in three.
  bool still_counts(const std::string& backend, const std::function<void()>& spoil) {
    for (int i = 0; i < 30; ++i) {
      edit_memory([&](wg_affinity_key&, wg_affinity_value& value) {
        value.backend = backend_at(backend).index;
        value.generation = backend_at(backend).generation;
        value.seen = rig().affinity().front().second.seen;
      });
      spoil();
      if (open(at().pod, at().cluster_ip) != backend) return false;
    }
    return true;
  }

 private:
  uint16_t next_port_ = 10000;
};
INSTANTIATE_TEST_SUITE_P(, Affinity, kVariants, variant_name);

// Proves: K-62, K-63, K-70
TEST_P(Affinity, AClientKeepsItsBackendOnEveryWayToTheService) {
  serve_sticky({.load_balancer_ips = {at().load_balancer_ip}});
  const std::set<std::string> one = open_many(at().pod, at().cluster_ip);
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(open_many(at().pod, at().load_balancer_ip), one);
  const std::set<std::string> other = open_many(at().outside, at().load_balancer_ip);
  EXPECT_EQ(other.size(), 1u);
  EXPECT_EQ(rig().affinity().size(), 2u) << "one a client";
}

// Proves: K-62, K-63
TEST_P(Affinity, XdpRemembersTheSame) {
  serve_sticky({.load_balancer_ips = {at().load_balancer_ip}, .endpoints = {at().local_backend, at().local_backend2}});
  const std::set<std::string> one = open_many(at().outside, at().load_balancer_ip);
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(open_many(at().outside, at().load_balancer_ip, RunHook::kXdp), one);
}

// Proves: K-66
TEST_P(Affinity, WithoutItNothingIsRemembered) {
  serve({.variant = GetParam(),
         .cluster_ips = {at().cluster_ip},
         .endpoints = {at().local_backend, at().remote_backend}});
  EXPECT_EQ(open_many(at().pod, at().cluster_ip).size(), 2u);
  EXPECT_TRUE(rig().affinity().empty());
}

// Proves: K-62, K-68
TEST_P(Affinity, AnotherServiceRemembersByItself) {
  serve_sticky({});
  serve_sticky({.name = "default/other", .cluster_ips = {at().cluster_ip2}});
  open(at().pod, at().cluster_ip);
  open(at().pod, at().cluster_ip2);
  EXPECT_EQ(rig().affinity().size(), 2u);
}

// Proves: K-65
TEST_P(Affinity, EachNewFlowStartsTheTimeAnewAndNothingElseDoes) {
  serve_sticky({});
  PacketSpec spec = request(at().pod, at().cluster_ip);
  const std::string backend = backend_of({.packet = build(spec)});
  for (int i = 0; i < 20; ++i) {
    age_memory(kTimeoutS - 1);
    EXPECT_EQ(open(at().pod, at().cluster_ip), backend);
  }
  age_memory(kTimeoutS - 1);
  const uint32_t before = rig().affinity().front().second.seen;
  spec.tcp_flags = kAck;
  EXPECT_EQ(backend_of({.packet = build(spec)}), backend);
  EXPECT_EQ(rig().affinity().front().second.seen, before);
}

// Proves: K-64, K-65, K-66
TEST_P(Affinity, WhatDoesNotCountAnyMoreIsForgotten) {
  serve_sticky({});
  open(at().pod, at().cluster_ip);
  EXPECT_TRUE(still_counts(at().remote_backend, [] {}));
  EXPECT_FALSE(still_counts(at().remote_backend, [&] { age_memory(kTimeoutS); })) << "too old";
  EXPECT_FALSE(still_counts(at().remote_backend, [&] {
    edit_memory([](wg_affinity_key&, wg_affinity_value& value) { value.generation += 1; });
  })) << "another endpoint has this index by now";
  edit_backend(backend_at(at().remote_backend).index, [](wg_backend& raw) { raw.flags &= ~WG_BACKEND_IN_CLUSTER; });
  EXPECT_FALSE(still_counts(at().remote_backend, [] {})) << "not in the set";
  edit_service("default/web", [](wg_service& service) { service.affinity_epoch += 1; });
  open(at().pod, at().cluster_ip);
  EXPECT_EQ(rig().affinity().size(), 2u) << "what an earlier epoch remembers does not count";
}

// Proves: K-64, K-69
TEST_P(Affinity, OnlyTheSetInUseCounts) {
  serve_sticky({.load_balancer_ips = {at().load_balancer_ip},
                .endpoints = {at().local_backend, at().remote_backend},
                .external_policy = TrafficPolicy::kLocal});
  for (int i = 0; i < 20; ++i) {
    if (open(at().outside, at().cluster_ip) == at().remote_backend) break;
    edit_memory([&](wg_affinity_key&, wg_affinity_value& value) { value.seen -= kTimeoutS * rig().settings().hz; });
  }
  EXPECT_EQ(open_many(at().outside, at().load_balancer_ip), std::set<std::string>{at().local_backend});
  EXPECT_EQ(open(at().outside, at().cluster_ip), at().local_backend) << "recorded anew";
}

// Proves: K-64, K-120
TEST_P(Affinity, AClientMovesOnWhenItsBackendIsGone) {
  serve_sticky({});
  PacketSpec spec = request(at().pod, at().cluster_ip);
  const std::string first = backend_of({.packet = build(spec)});
  std::vector<std::string> rest;
  for (const std::string& each : {at().local_backend, at().local_backend2, at().remote_backend}) {
    if (each != first) rest.push_back(each);
  }
  edit_backend(backend_at(first).index, [](wg_backend& raw) { raw.flags = 0; });
  serve_sticky({.endpoints = rest});
  const std::string second = backend_of({.packet = build(spec)});
  EXPECT_NE(second, first);
  EXPECT_EQ(open_many(at().pod, at().cluster_ip), std::set<std::string>{second});
}

}  // namespace
}  // namespace waggle
