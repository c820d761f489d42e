// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dataplane.h"

#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "base/aside.h"
#include "dataplane/bpf_root.h"
#include "dataplane/cgroup_attach.h"
#include "dataplane/control_table.h"
#include "dataplane/counters.h"
#include "dataplane/device.h"
#include "dataplane/errors.h"
#include "dataplane/jiffies.h"
#include "dataplane/links.h"
#include "dataplane/netns_cookie.h"
#include "dataplane/pinned_maps.h"
#include "dataplane/programs.h"
#include "dataplane/settings.h"
#include "dataplane/sock_backend.h"
#include "dataplane/sweep.h"
#include "dataplane/table_writer.h"
#include "dataplane/tc_attach.h"
#include "dataplane/xdp_attach.h"

namespace waggle {

struct Dataplane::Impl {
  PinPaths paths;
  UniqueFd lock;
  PinnedMaps maps;
  Programs programs;
  TableWriter writer;
  ControlTable control;
  JiffiesClock clock;
  FlowLifetimes lifetimes_s;
  bool tcx = false;
  uint32_t control_map_id = 0;  // clsact filters are known as ours by it
  std::vector<std::string> notices;
  std::optional<Result<SweepResult>> swept;  // by the sweep beside
  Aside aside;                               // of sweeps; the last member: its thread uses the others

  [[nodiscard]] Result<SweepResult> sweep(const SweepRequest& request) const;
  [[nodiscard]] TcPrograms tc_programs() const { return {programs.fd("tc_ingress"), programs.fd("tc_egress")}; }
};

Dataplane::Dataplane(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dataplane::~Dataplane() = default;
Dataplane::Dataplane(Dataplane&&) noexcept = default;
Dataplane& Dataplane::operator=(Dataplane&&) noexcept = default;

namespace {

constexpr int kSweepNice = 10;  // it is never urgent

std::chrono::nanoseconds own_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Tables {
  UniqueFd lock;
  PinnedMaps maps;
  Programs programs;
};

Result<UniqueFd> own_pins(const PinPaths& paths, const std::filesystem::path& bpf_root) {
  if (auto ready = ensure_bpf_root(bpf_root); !ready) return tl::unexpected(ready.error());
  if (auto made = make_pin_directories(paths); !made) return tl::unexpected(made.error());
  return lock_pins(paths);
}

Result<Tables> open_tables(const DataplaneConfig& config, const PinPaths& paths) {
  if (auto checked = check_config(config); !checked) return tl::unexpected(checked.error());
  auto lock = own_pins(paths, config.bpf_root);
  if (!lock) return tl::unexpected(lock.error());
  auto meta = fresh_meta(config);
  if (!meta) return tl::unexpected(meta.error());
  auto cookie = own_netns_cookie();
  if (!cookie) return tl::unexpected(cookie.error());
  auto maps = PinnedMaps::create_or_adopt(paths, config.sizes, *meta);
  if (!maps) return tl::unexpected(maps.error());
  auto programs = Programs::load(*maps, make_settings(config, *maps, *cookie));
  if (!programs) return tl::unexpected(programs.error());
  return Tables{std::move(*lock), std::move(*maps), std::move(*programs)};
}

// Refused at the first start rather than found out at the second, when the filters of the first would look foreign.
Result<bool> choose_clsact() {
  if (has_system_admin()) return false;
  return failure(
      "TC attachment clsact (the only one of kernels before 6.6): a later agent cannot tell its own filters from those "
      "of others without CAP_SYS_ADMIN, which this process lacks: run it as root or grant it");
}

Result<bool> choose_tcx(TcAttach wanted, const Programs& programs) {
  if (wanted == TcAttach::kClsact) return choose_clsact();
  const bool has = kernel_has_tcx(programs.fd("tc_ingress"));
  if (wanted == TcAttach::kTcx && !has) {
    return failure("TC attachment tcx: this kernel has no tcx (it came with 6.6); choose auto or clsact");
  }
  return has ? Result<bool>(true) : choose_clsact();
}

}  // namespace

Result<Dataplane> Dataplane::open(const DataplaneConfig& config) {
  const PinPaths paths(config.bpf_root);
  auto tables = open_tables(config, paths);
  if (!tables) return tl::unexpected(tables.error());
  auto tcx = choose_tcx(config.tc_attach, tables->programs);
  if (!tcx) return tl::unexpected(tcx.error());
  auto writer = TableWriter::open(tables->maps);
  if (!writer) return tl::unexpected(writer.error());
  auto control = ControlTable::open(tables->maps.fd("control"));
  if (!control) return tl::unexpected(control.error());
  auto clock = JiffiesClock::open();
  if (!clock) return tl::unexpected(clock.error());
  auto control_map_id = map_id_of(tables->maps.fd("control"));
  if (!control_map_id) return tl::unexpected(control_map_id.error());
  auto aside = Aside::open();
  if (!aside) return tl::unexpected(aside.error());
  std::vector<std::string> notices = tables->maps.notices();
  if (auto notice = port_notice(config, tables->maps.meta())) notices.push_back(std::move(*notice));
  return Dataplane(
      std::make_unique<Impl>(Impl{paths, std::move(tables->lock), std::move(tables->maps), std::move(tables->programs),
                                  std::move(*writer), std::move(*control), std::move(*clock), config.flow_lifetime_s,
                                  *tcx, *control_map_id, std::move(notices), std::nullopt, std::move(*aside)}));
}

TableStore& Dataplane::tables() { return impl_->writer; }
const DataplaneSizes& Dataplane::sizes() const { return impl_->maps.sizes(); }
const wg_meta& Dataplane::meta() const { return impl_->maps.meta(); }
bool Dataplane::adopted() const { return impl_->maps.adopted(); }
const std::vector<std::string>& Dataplane::notices() const { return impl_->notices; }

Result<AttachOutcome> Dataplane::attach_link(uint32_t ifindex) {
  if (auto there = check_device(ifindex); !there) return tl::unexpected(there.error());
  auto outcome = impl_->tcx ? attach_tcx(impl_->paths, ifindex, impl_->tc_programs())
                            : attach_clsact(ifindex, impl_->tc_programs(), impl_->control_map_id);
  if (!outcome) return outcome;
  // What an earlier run left of the other kind would translate a second time.
  auto other = impl_->tcx ? detach_clsact(ifindex, impl_->control_map_id).map([](unsigned) {})
                          : detach_tcx(impl_->paths, ifindex);
  if (!other) return tl::unexpected(other.error());
  return outcome;
}

Result<AttachOutcome> Dataplane::attach_xdp(uint32_t ifindex) {
  if (auto there = check_device(ifindex); !there) return tl::unexpected(there.error());
  return attach_xdp_link(impl_->paths, ifindex, impl_->programs.fd("xdp_ingress"));
}

Result<void> Dataplane::detach_link(uint32_t ifindex) {
  if (auto done = detach_xdp_link(impl_->paths, ifindex); !done) return done;
  if (auto done = detach_tcx(impl_->paths, ifindex); !done) return done;
  return detach_clsact(ifindex, impl_->control_map_id).map([](unsigned) {});
}

Result<void> Dataplane::detach_xdp(uint32_t ifindex) { return detach_xdp_link(impl_->paths, ifindex); }

Result<std::vector<AttachedLink>> Dataplane::attached() const {
  return list_attached(impl_->paths, impl_->control_map_id);
}

Result<std::vector<uint32_t>> Dataplane::prune() { return prune_links(impl_->paths); }

Result<void> Dataplane::attach_cgroup(const std::filesystem::path& path) {
  return attach_cgroup_links(impl_->paths, path, impl_->programs);
}

Result<void> Dataplane::detach_cgroup() { return detach_cgroup_links(impl_->paths); }

Result<void> Dataplane::set_snat_address(wg_family family, uint32_t index,
                                         const std::array<uint32_t, WG_ADDRESS_WORDS>& words) {
  return impl_->control.set_snat_address(family, index, words);
}

Result<void> Dataplane::set_link(const wg_link& link) { return impl_->control.set_link(link); }

void Dataplane::clear_link(uint32_t ifindex) { impl_->control.clear_link(ifindex); }

void Dataplane::bump_nexthop_epoch() { impl_->control.bump_nexthop_epoch(); }

void Dataplane::set_detector(const PodDetector& detector) {
  impl_->control.set_detector(detector.detector, detector.pod_cidrs);
}

size_t Dataplane::set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs) {
  return impl_->control.set_service_cidrs(family, cidrs);
}

Result<SockBackend> Dataplane::sock_backend(const wg_sock_key& key) const {
  return read_sock_backend(impl_->maps, key);
}

Result<SweepResult> Dataplane::Impl::sweep(const SweepRequest& request) const {
  auto now = clock.now();
  if (!now) return tl::unexpected(now.error());
  const std::chrono::nanoseconds begun = own_cpu_time();
  auto result =
      sweep_flows(maps, {lifetimes_s, *now, maps.meta().hz}, request, [this] { return writer.wait_for_programs(); });
  if (result) result->cpu = own_cpu_time() - begun;
  return result;
}

Result<SweepResult> Dataplane::sweep(const SweepRequest& request) { return impl_->sweep(request); }

void Dataplane::begin_sweep(const SweepRequest& request) {
  impl_->aside.begin([impl = impl_.get(), request] {
    ::setpriority(PRIO_PROCESS, 0, kSweepNice);  // of this thread only
    impl->swept = impl->sweep(request);
  });
}

std::optional<Result<SweepResult>> Dataplane::sweep_over() {
  if (!impl_->aside.over()) return std::nullopt;
  return std::exchange(impl_->swept, std::nullopt);
}

int Dataplane::sweep_fd() const { return impl_->aside.fd(); }

Result<wg_service_counter> Dataplane::service_counter(uint32_t service) const {
  return read_service_counter(impl_->maps, service);
}

Result<std::vector<uint64_t>> Dataplane::reason_counters() const { return read_reason_counters(impl_->maps); }

}  // namespace waggle
