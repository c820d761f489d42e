// SPDX-License-Identifier: Apache-2.0
// The kernel's side of an agent: pinned tables, loaded programs, attached links. Owned by the daemon, one per agent;
// one thread uses it. While it lives it holds the lock on <bpf_root>/waggle, so that no second agent writes the same
// tables.
//
// Nothing is detached or unpinned when it is destroyed: what is pinned keeps translating (architecture.md,
// invariant 6.4). Layout below the root: waggle/maps/NAME and waggle/links/NAME.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/flow_sweep.h"
#include "dataplane/sizes.h"
#include "plan/table.h"
#include "waggle/abi/counter.h"
#include "waggle/abi/settings.h"
#include "waggle/abi/sock.h"

namespace waggle {

enum class TcAttach : uint8_t {
  kAuto,  // tcx where the kernel has it (6.6 and newer), else clsact
  kTcx,
  kClsact,
};

using FlowLifetimes = std::array<uint32_t, WG_FLOW_LIFETIMES>;  // seconds; index: wg_flow_lifetime_index
FlowLifetimes default_flow_lifetimes();

// Node ports for SNAT where nobody says otherwise: 61440 to 65535, above what Linux hands out by itself.
inline constexpr uint16_t kDefaultSnatPortMin = 61440;
inline constexpr uint32_t kDefaultSnatPorts = 4096;

// WG_POLICY_* where nobody says otherwise (docs/configuration.md): SNAT where it is needed, everything else of a
// service's addresses answered or rejected.
inline constexpr uint32_t kDefaultPolicy =
    WG_POLICY_ANSWER_PING | WG_POLICY_REJECT_UNKNOWN | WG_POLICY_DROP_UNALLOCATED;

// Who is a local pod, as table `control` has it. pod_cidrs: by wg_family; kept where the detector is WG_DETECT_CIDR.
struct PodDetector {
  wg_detector detector = WG_DETECT_NONE;
  std::array<std::optional<wg_prefix>, 2> pod_cidrs;
};

struct DataplaneConfig {
  std::filesystem::path bpf_root = "/sys/fs/bpf";
  std::string node_name;
  DataplaneSizes sizes;
  uint16_t snat_port_min = kDefaultSnatPortMin;
  uint32_t snat_ports = kDefaultSnatPorts;  // power of two
  uint32_t snat_mark = 0x4000;              // one bit of skb->mark
  wg_sock_lb sock_lb_tcp = WG_SOCK_LB_ALL;
  wg_sock_lb sock_lb_udp = WG_SOCK_LB_HOST;
  uint32_t reject_per_second = 1000;
  uint32_t policy = kDefaultPolicy;  // WG_POLICY_*
  FlowLifetimes flow_lifetime_s = default_flow_lifetimes();
  TcAttach tc_attach = TcAttach::kAuto;
};

// The backend that a socket hook gave a socket.
enum class SockBackend : uint8_t {
  kNotOurs,  // no hook gave it one, or that is forgotten
  kServes,   // perhaps only until it has ended
  kGone,     // others of its service serve
  kGoneWithoutOthers,
};

enum class Hook : uint8_t { kTcIngress, kTcEgress, kXdp };
enum class AttachMode : uint8_t { kTcx, kClsact, kXdpNative, kXdpGeneric };
std::string_view hook_name(Hook hook);               // "tc_ingress"
std::string_view attach_mode_name(AttachMode mode);  // "tcx"

struct AttachedLink {
  uint32_t ifindex = 0;
  Hook hook = Hook::kTcIngress;
  AttachMode mode = AttachMode::kTcx;
};

// What attach_link and attach_xdp did; `notice` tells of a fallback in words and is empty if there was none.
struct AttachOutcome {
  AttachMode mode = AttachMode::kTcx;
  bool adopted = false;  // a link of a previous run got the new program
  std::string notice;
};

class Dataplane {
 public:
  // Makes or adopts the tables under config.bpf_root, loads the programs, attaches nothing.
  static Result<Dataplane> open(const DataplaneConfig& config);
  ~Dataplane();
  Dataplane(Dataplane&&) noexcept;
  Dataplane& operator=(Dataplane&&) noexcept;

  // Tables. sizes() and meta() are those of the pinned tables, which may be older than the configuration.
  [[nodiscard]] TableStore& tables();
  [[nodiscard]] const DataplaneSizes& sizes() const;
  [[nodiscard]] const wg_meta& meta() const;
  [[nodiscard]] bool adopted() const;                             // tables of a previous run were taken over
  [[nodiscard]] const std::vector<std::string>& notices() const;  // what open() had to say, in words

  // Programs on network links: TC ingress and egress together; XDP beside it on an uplink. Attaching what is attached
  // puts the new program in place without a gap. Detaching what is not attached succeeds.
  Result<AttachOutcome> attach_link(uint32_t ifindex);
  Result<AttachOutcome> attach_xdp(uint32_t ifindex);
  Result<void> detach_link(uint32_t ifindex);  // TC and XDP
  Result<void> detach_xdp(uint32_t ifindex);
  [[nodiscard]] Result<std::vector<AttachedLink>> attached() const;
  // Removes pinned links whose device is gone; answers their ifindexes.
  Result<std::vector<uint32_t>> prune();

  // The socket programs on a cgroup2 directory (any other cgroup they were attached to is left).
  Result<void> attach_cgroup(const std::filesystem::path& path);
  Result<void> detach_cgroup();

  // Table `control`.
  // words: network byte order, 1 word for IPv4; all zero: the index is unused.
  Result<void> set_snat_address(wg_family family, uint32_t index, const std::array<uint32_t, WG_ADDRESS_WORDS>& words);
  Result<void> set_link(const wg_link& link);
  void clear_link(uint32_t ifindex);
  void bump_nexthop_epoch();
  void set_detector(const PodDetector& detector);
  // Answers how many found no room.
  size_t set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs);

  // key: with WG_SOCK_BY_BACKEND.
  [[nodiscard]] Result<SockBackend> sock_backend(const wg_sock_key& key) const;

  // One pass over all flows; see flow_sweep.h.
  Result<SweepResult> sweep(const SweepRequest& request);
  // The same beside the caller: sweep_over() answers nothing while it lasts, and then, once, what was found. One at a
  // time. The descriptor is readable when it is over.
  void begin_sweep(const SweepRequest& request);
  std::optional<Result<SweepResult>> sweep_over();
  [[nodiscard]] int sweep_fd() const;

  // Sums over the CPUs.
  [[nodiscard]] Result<wg_service_counter> service_counter(uint32_t service) const;
  [[nodiscard]] Result<std::vector<uint64_t>> reason_counters() const;  // index: reason * WG_HOOK_COUNT + hook

 private:
  struct Impl;
  explicit Dataplane(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waggle
