// SPDX-License-Identifier: Apache-2.0
// Fakes of everything the agent meets at its edges, for the tests of the daemon. Each is readable (an eventfd) when it
// has something to say.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/kernel_edge.h"
#include "node/node_watch.h"
#include "node/udp_sockets.h"
#include "source/source.h"
#include "support/memory_store.h"

namespace waggle {

class Bell {
 public:
  [[nodiscard]] int fd() const { return fd_.get(); }
  void ring() const {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }
  void hush() const {
    uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  UniqueFd fd_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

class FakeSource final : public Source {
 public:
  [[nodiscard]] int fd() const override { return bell_.fd(); }
  [[nodiscard]] std::vector<std::string> standing_problems() const override { return problems; }
  SourceBatch take() override {
    bell_.hush();
    return std::exchange(next_, {});
  }
  void say(std::vector<Event> events, bool synced = true) {
    for (Event& event : events) next_.events.push_back(std::move(event));
    next_.synced = synced;
    bell_.ring();
  }

  std::vector<std::string> problems;

 private:
  Bell bell_;
  SourceBatch next_;
};

class FakeNetwork final : public NodeWatch {
 public:
  [[nodiscard]] int fd() const override { return bell_.fd(); }
  [[nodiscard]] const NodeInterfaces& interfaces() const override { return interfaces_; }
  Result<NodeChanges> take() override {
    ++takes;
    if (failures > 0) {
      --failures;
      return failure("netlink: the fake fails");
    }
    bell_.hush();
    return std::exchange(next_, {});
  }
  // `last`: the last byte of 10.0.0.x/24 and fd00::x/64; 0: no addresses.
  void add(uint32_t ifindex, const std::string& name, uint8_t last = 0, bool ethernet = true,
           const std::string& kind = "") {
    Interface link;
    link.index = ifindex;
    link.name = name;
    link.up = true;
    link.ethernet = ethernet;
    link.kind = kind;
    link.mtu = 1500;
    interfaces_.put(link);
    if (last != 0) add_address(ifindex, "10.0.0." + std::to_string(last));
    if (last != 0) add_address(ifindex, "fd00::" + std::to_string(last));
    next_.changed.insert(ifindex);
    announce();
  }
  void add_address(uint32_t ifindex, const std::string& text) {
    InterfaceAddress address;
    address.address = *IpAddress::parse(text);
    interfaces_.put_address(ifindex, address);
    next_.changed.insert(ifindex);
    announce();
  }
  void remove_address(uint32_t ifindex, const std::string& text) {
    InterfaceAddress address;
    address.address = *IpAddress::parse(text);
    interfaces_.remove_address(ifindex, address);
    next_.changed.insert(ifindex);
    announce();
  }
  void remove(uint32_t ifindex) {
    interfaces_.remove(ifindex);
    next_.vanished.insert(ifindex);
    next_.changed.erase(ifindex);
    announce();
  }
  void set_route_mtus(RouteMtus mtus) {
    mtus_ = std::move(mtus);
    announce();
  }
  Result<RouteMtus> route_mtus() override {
    ++route_listings;
    if (route_failures > 0 && route_failures-- > 0) return failure("netlink: the fake lists no routes");
    return mtus_;
  }
  void announce() {
    next_.next_hops = next_.routes = true;
    bell_.ring();
  }

  int failures = 0;  // of the next calls of take()
  int takes = 0;
  int route_listings = 0;
  int route_failures = 0;  // of the next calls of route_mtus()

 private:
  Bell bell_;
  NodeInterfaces interfaces_;
  RouteMtus mtus_;
  NodeChanges next_;
};

class FakeUdpSockets final : public UdpSockets {
 public:
  Result<std::vector<UdpSocket>> connected() override {
    ++looks;
    if (fails) return failure("the fake lists nothing");
    return sockets;
  }
  Result<void> end(const UdpSocket& socket) override {
    ended.push_back(socket.cookie);
    std::erase(sockets, socket);
    return {};
  }

  std::vector<UdpSocket> sockets;
  std::vector<uint64_t> ended;
  int looks = 0;
  bool fails = false;
};

// A store whose applying and waiting can be made to fail.
class MoodyStore final : public TableStore {
 public:
  explicit MoodyStore(const TableSizes& sizes) : memory(sizes) {}
  Result<void> apply(const Write& write) override {
    ++attempts;
    if (refuses && refuses(write)) return failure("the fake store is full");
    return memory.apply(write);
  }
  Result<std::span<const std::byte>> content(Table table) override { return memory.content(table); }
  Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() override { return memory.service_names(); }
  Result<std::vector<SourceRangeEntry>> source_ranges() override { return memory.source_ranges(); }
  Result<void> wait_for_readers() override {
    if (!can_wait) return failure("the fake readers never end");
    return memory.wait_for_readers();
  }

  std::optional<Result<void>> wait_over() override {
    if (readers_stay) return std::nullopt;
    return wait_for_readers();
  }

  MemoryStore memory;
  std::function<bool(const Write&)> refuses;
  bool can_wait = true;
  bool readers_stay = false;  // a wait beside lasts as long as this is set
  int attempts = 0;
};

class FakeKernel final : public KernelEdge {
 public:
  explicit FakeKernel(const TableSizes& sizes) : store(sizes) {}

  TableStore& tables() override { return store; }
  Result<wg_control> control() override { return left_control; }
  Result<std::vector<AttachedLink>> attached() override { return left_attached; }

  Result<AttachOutcome> attach_link(uint32_t ifindex) override {
    ++attach_attempts;
    if (attach_failures > 0) {
      --attach_failures;
      return failure("the fake kernel refuses");
    }
    tc.insert(ifindex);
    return AttachOutcome{};
  }
  Result<AttachOutcome> attach_xdp(uint32_t ifindex) override {
    xdp.insert(ifindex);
    return AttachOutcome{.mode = xdp_mode, .adopted = false, .notice = xdp_notice};
  }
  Result<void> detach_link(uint32_t ifindex) override {
    tc.erase(ifindex);
    xdp.erase(ifindex);
    detached.push_back(ifindex);
    return {};
  }
  Result<void> detach_xdp(uint32_t ifindex) override {
    xdp.erase(ifindex);
    xdp_detached.push_back(ifindex);
    return {};
  }
  Result<std::vector<uint32_t>> prune() override { return std::vector<uint32_t>{}; }

  Result<void> set_snat_address(wg_family family, uint32_t index, const IpAddress& address) override {
    snat[{family, index}] = address.text();
    return {};
  }
  Result<void> set_link(const wg_link& link) override {
    links[link.ifindex] = link;
    return {};
  }
  void clear_link(uint32_t ifindex) override {
    links.erase(ifindex);
    cleared.push_back(ifindex);
  }
  void bump_nexthop_epoch() override { ++epoch; }
  void set_detector(const PodDetector& wanted) override { detector = wanted; }
  size_t set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs) override {
    service_cidrs[family].assign(cidrs.begin(), cidrs.end());
    return cidrs.size() > WG_SERVICE_CIDRS ? cidrs.size() - WG_SERVICE_CIDRS : 0;
  }

  Result<SockBackend> sock_backend(const wg_sock_key& key) override {
    ++sock_questions;
    const auto found = sock_backends.find(key.cookie);
    return found == sock_backends.end() ? SockBackend::kNotOurs : found->second;
  }

  Result<wg_service_counter> service_counter(uint32_t service) override {
    wg_service_counter counter{};
    counter.new_flows = service;
    return counter;
  }
  Result<std::vector<uint64_t>> reason_counters() override { return reasons; }

  void begin_sweep(const SweepRequest& request) override {
    ++sweeps;
    reference_sweeps += request.references ? 1 : 0;
    sweeping = true;
  }
  std::optional<Result<SweepResult>> sweep_over() override {
    if (!std::exchange(sweeping, false)) return std::nullopt;
    return SweepResult{};
  }
  [[nodiscard]] int sweep_fd() const override { return -1; }

  MoodyStore store;
  wg_control left_control{};
  std::vector<AttachedLink> left_attached;
  std::set<uint32_t> tc;
  std::set<uint32_t> xdp;
  std::vector<uint32_t> detached;
  std::vector<uint32_t> xdp_detached;
  std::vector<uint32_t> cleared;
  std::map<uint32_t, wg_link> links;
  std::map<std::pair<int, uint32_t>, std::string> snat;
  PodDetector detector;
  std::map<uint64_t, SockBackend> sock_backends;  // by cookie
  int sock_questions = 0;
  std::array<std::vector<wg_prefix>, 2> service_cidrs;
  AttachMode xdp_mode = AttachMode::kXdpNative;
  std::string xdp_notice;
  int attach_failures = 0;
  int attach_attempts = 0;
  int epoch = 0;
  int sweeps = 0;
  bool sweeping = false;
  std::vector<uint64_t> reasons = std::vector<uint64_t>(WG_REASON_COUNTERS);
  int reference_sweeps = 0;
};

inline TableSizes small_sizes() {
  return {.frontend_buckets4 = 64,
          .frontend_buckets6 = 64,
          .services = 128,
          .slots = 512,
          .backends = 128,
          .reply_gate_words = 512,
          .frontend_gate_words = 512};
}

// A service with one TCP port 80 and, through one slice, these endpoints.
inline Service service_event(const std::string& name, const std::string& cluster_ip) {
  Service service;
  service.name = {"default", name};
  service.cluster_ips = {*IpAddress::parse(cluster_ip)};
  service.ports = {{.name = "http", .protocol = Protocol::kTcp, .port = 80, .node_port = 0}};
  return service;
}

inline EndpointSlice slice_event(const std::string& service, const std::vector<std::string>& addresses) {
  EndpointSlice slice;
  slice.name = {"default", service + "-1"};
  slice.service_name = service;
  slice.ports = {{.name = "http", .protocol = Protocol::kTcp, .port = 8080}};
  for (const std::string& address : addresses) {
    Endpoint endpoint;
    endpoint.address = *IpAddress::parse(address);
    endpoint.node_name = "n1";
    slice.endpoints.push_back(endpoint);
  }
  return slice;
}

}  // namespace waggle
