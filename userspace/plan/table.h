// SPDX-License-Identifier: Apache-2.0
// The tables as the control code sees them: which there are, and the narrow interface through which they are written.
// The planner produces Writes; the dataplane applies them in order to pinned maps; tests apply them to memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "waggle/abi/service.h"

namespace waggle {

// Tables the planner writes. The name is the map's name in bpf/lib/maps.h and its pin.
enum class Table : uint8_t {
  kFrontends4,
  kFrontends6,
  kServices,
  kSlots,
  kBackends,
  kFrontendGate,
  kReplyGate,
  kServiceNames,
  kSourceRanges
};

inline constexpr size_t kTableCount = 9;
std::string_view table_name(Table table);  // "frontends4"

// Capacities, all powers of two (buckets for frontends, 64-bit words for the gates, entries for the rest).
struct TableSizes {
  uint32_t frontend_buckets4 = 1u << 15;
  uint32_t frontend_buckets6 = 1u << 15;
  uint32_t services = 1u << 16;
  uint32_t slots = 1u << 19;  // two for each backend
  uint32_t backends = 1u << 18;
  uint32_t reply_gate_words = 1u << 13;
  uint32_t frontend_gate_words = 1u << 11;
  uint32_t source_ranges = 1u << 16;
};

// One entry of source_ranges: sources in this range may open flows at the filtered frontends of the service.
struct SourceRangeEntry {
  uint32_t service = 0;               // index in `services`
  uint8_t prefix_length = 0;          // bits of the address
  std::array<uint8_t, 16> address{};  // of the service's family; zero after the prefix

  auto operator<=>(const SourceRangeEntry&) const = default;
};

// One store into an array table: `size` bytes of `bytes` at byte `offset` of element `index`. A store of 8 bytes at an
// 8-byte aligned place is atomic (release order after all earlier writes). For kServiceNames: `name` is the whole
// value, or null to delete the key. For kSourceRanges: the range `bytes`/`prefix_length` of service `index`, put there
// if `size` is 16, taken away if it is 0.
struct Write {
  Table table = Table::kServices;
  uint8_t prefix_length = 0;  // kSourceRanges only
  uint16_t offset = 0;
  uint16_t size = 0;  // 8 or 16; 0 for kServiceNames
  uint32_t index = 0;
  std::array<std::byte, 16> bytes{};
  std::shared_ptr<const wg_service_name> name;  // kServiceNames only; apart, so that the many other writes stay small
};

// Narrow interface to the tables: real one in dataplane/, memory and failing twins in tests/support/.
class TableStore {
 public:
  virtual ~TableStore() = default;
  virtual Result<void> apply(const Write& write) = 0;
  // Whole current content of an array table (element after element), as bytes. Valid until the next call.
  virtual Result<std::span<const std::byte>> content(Table table) = 0;
  // All of service_names.
  virtual Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() = 0;
  // All of source_ranges.
  virtual Result<std::vector<SourceRangeEntry>> source_ranges() = 0;
  // Returns after every program run that may have seen older contents has ended.
  virtual Result<void> wait_for_readers() = 0;
  // The same beside the caller: begin_wait() returns at once, wait_over() answers nothing while the wait lasts and
  // then, once, how it went. One at a time. By default nothing happens beside: wait_over() waits.
  virtual void begin_wait() {}
  virtual std::optional<Result<void>> wait_over() { return wait_for_readers(); }
  [[nodiscard]] virtual int wait_fd() const { return -1; }  // readable when the wait is over; -1: wait_over() waits
};

}  // namespace waggle
