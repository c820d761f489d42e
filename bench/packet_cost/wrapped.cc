// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/wrapped.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/ethernet.h>

#include <bit>
#include <cstring>
#include <ctime>

#include "dataplane/errors.h"
#include "waggle/abi/types.h"

namespace waggle {
namespace {

// Before the payload.
constexpr size_t kFrameBytes = 96;

// The wrapper writes all headers; the kernel only wants to see the protocol before it starts.
std::vector<uint8_t> blank_frame(uint32_t family, uint32_t payload) {
  std::vector<uint8_t> frame(kFrameBytes + payload);
  const uint16_t protocol = htons(family == WG_IPV4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  std::memcpy(frame.data() + 12, &protocol, sizeof(protocol));
  return frame;
}

double thread_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

const char* test_hook_name(TestHook hook) { return hook == TestHook::kTc ? "tc" : "xdp"; }

Result<Stretch> run_program(TestHook hook, int program_fd, const bench_setup& setup, uint32_t repeats) {
  const auto frame = blank_frame(setup.family, setup.payload);
  __sk_buff skb{};
  skb.ingress_ifindex = 1;  // without one, TC would take the packet for the node's own
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = static_cast<uint32_t>(frame.size()),
              .repeat = static_cast<int>(repeats));
  if (hook == TestHook::kTc) {
    options.ctx_in = &skb;
    options.ctx_size_in = sizeof(skb);
  }
  const double before = thread_ns();
  const int result = ::bpf_prog_test_run_opts(program_fd, &options);
  const double after = thread_ns();
  if (result != 0) return system_failure("running a program through BPF_PROG_TEST_RUN", -result);
  return Stretch{(after - before) / repeats, options.retval};
}

Result<Wrapped> Wrapped::make(TestHook hook, const bench_setup& setup, int target) {
  const Constant constant{"setup", std::as_bytes(std::span(&setup, 1))};
  auto object =
      LoadedObject::load(hook == TestHook::kTc ? BenchObject::kWrapTc : BenchObject::kWrapXdp, constant, MapSet());
  if (!object) return tl::unexpected(object.error());
  const uint32_t zero = 0;
  if (::bpf_map_update_elem(object->map("target"), &zero, &target, BPF_ANY) != 0)
    return system_failure("putting a program behind its wrapper", errno);
  auto order = object->variables();
  if (!order) return tl::unexpected(order.error());
  return Wrapped(hook, std::move(*object), std::move(*order), setup);
}

void Wrapped::go_through(uint32_t first, uint32_t count) {
  const bench_order order{.next = 0, .first = first, .mask = count - 1, .shift = (std::bit_width(count - 1) + 1u) / 2};
  std::memcpy(order_.data(), &order, sizeof(order));
}

Result<Stretch> Wrapped::run(uint32_t repeats) const {
  return run_program(hook_, object_.program("wrap"), setup_, repeats);
}

}  // namespace waggle
