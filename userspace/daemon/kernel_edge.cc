// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel_edge.h"

#include <utility>

#include "dataplane/table_reader.h"

namespace waggle {
namespace {

class DataplaneEdge final : public KernelEdge {
 public:
  DataplaneEdge(Dataplane dataplane, std::filesystem::path bpf_root)
      : dataplane_(std::move(dataplane)), bpf_root_(std::move(bpf_root)) {}

  TableStore& tables() override { return dataplane_.tables(); }

  Result<wg_control> control() override {
    const auto reader = TableReader::open(bpf_root_);
    if (!reader) return tl::unexpected(reader.error());
    return reader->control();
  }

  Result<std::vector<AttachedLink>> attached() override { return dataplane_.attached(); }
  Result<AttachOutcome> attach_link(uint32_t ifindex) override { return dataplane_.attach_link(ifindex); }
  Result<AttachOutcome> attach_xdp(uint32_t ifindex) override { return dataplane_.attach_xdp(ifindex); }
  Result<void> detach_link(uint32_t ifindex) override { return dataplane_.detach_link(ifindex); }
  Result<void> detach_xdp(uint32_t ifindex) override { return dataplane_.detach_xdp(ifindex); }
  Result<std::vector<uint32_t>> prune() override { return dataplane_.prune(); }

  Result<void> set_snat_address(wg_family family, uint32_t index, const IpAddress& address) override {
    return dataplane_.set_snat_address(family, index, address.words());
  }
  Result<void> set_link(const wg_link& link) override { return dataplane_.set_link(link); }
  void clear_link(uint32_t ifindex) override { dataplane_.clear_link(ifindex); }
  void bump_nexthop_epoch() override { dataplane_.bump_nexthop_epoch(); }
  void set_detector(const PodDetector& detector) override { dataplane_.set_detector(detector); }
  size_t set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs) override {
    return dataplane_.set_service_cidrs(family, cidrs);
  }

  Result<SockBackend> sock_backend(const wg_sock_key& key) override { return dataplane_.sock_backend(key); }

  Result<wg_service_counter> service_counter(uint32_t service) override { return dataplane_.service_counter(service); }
  Result<std::vector<uint64_t>> reason_counters() override { return dataplane_.reason_counters(); }

  void begin_sweep(const SweepRequest& request) override { dataplane_.begin_sweep(request); }
  std::optional<Result<SweepResult>> sweep_over() override { return dataplane_.sweep_over(); }
  [[nodiscard]] int sweep_fd() const override { return dataplane_.sweep_fd(); }

 private:
  Dataplane dataplane_;
  std::filesystem::path bpf_root_;
};

}  // namespace

std::unique_ptr<KernelEdge> kernel_edge(Dataplane dataplane, std::filesystem::path bpf_root) {
  return std::make_unique<DataplaneEdge>(std::move(dataplane), std::move(bpf_root));
}

}  // namespace waggle
