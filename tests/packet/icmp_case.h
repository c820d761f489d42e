// SPDX-License-Identifier: Apache-2.0
// What the tests of ICMP errors have in common: errors about packets of a flow, as their receivers shall see them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "packet_case.h"

namespace waggle {

struct IcmpKind {
  uint8_t type;
  uint8_t code;
  uint32_t rest;
};

class IcmpTest : public VariantTest {
 protected:
  static constexpr uint32_t kMark = 0x4000;  // settings.snat_mark

  [[nodiscard]] std::vector<IcmpKind> kinds() const {
    if (GetParam().ipv6()) return {{2, 0, 1280}, {1, 4, 0}, {3, 0, 0}, {4, 1, 40}};
    return {{3, 4, 1400}, {3, 3, 0}, {11, 0, 0}, {12, 0, 0x14000000}};
  }
  [[nodiscard]] std::string router() const { return GetParam().ipv6() ? "2001:db8:1::2" : "192.0.2.2"; }
  // What somebody says about `offending` to who sent it.
  [[nodiscard]] IcmpErrorSpec error(const std::string& from, const PacketSpec& offending, size_t quoted) const {
    const IcmpKind kind = kinds().front();
    return {.source = from,
            .destination = offending.source,
            .type = kind.type,
            .code = kind.code,
            .rest = kind.rest,
            .quoted = quote_of(offending, quoted)};
  }
  // The same as its receiver shall see it.
  [[nodiscard]] static IcmpErrorSpec as(IcmpErrorSpec error, const std::string& from, const PacketSpec& offending,
                                        size_t quoted) {
    error.source = from;
    error.destination = offending.source;
    const Bytes before = std::exchange(error.quoted, quote_of(offending, quoted));
    const size_t l4 = quote_of(offending, 0).size();
    // SCTP's checksum stays: nobody looks at it in a quote.
    if (GetParam().sctp() && l4 + 12 <= before.size()) {
      std::copy_n(before.begin() + static_cast<ptrdiff_t>(l4 + 8), 4,
                  error.quoted.begin() + static_cast<ptrdiff_t>(l4 + 8));
    }
    return error;
  }
  void expect_untouched(const std::string& what, const RunInput& input) {
    expect(what, input, {.packet = input.packet, .mark = input.mark, .reasons = {{"protocol", 1}}});
  }
  // A flow of an outside client to a backend on another node, as the backend sees its packets.
  PacketSpec seen_by_remote_backend(const PacketSpec& in, uint32_t link) {
    PacketSpec seen = to_backend(in, at().remote_backend);
    run({.ifindex = link, .packet = build(in)});
    seen.source_port =
        port_of(run({.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = kMark, .packet = build(seen)}).packet,
                "source port");
    seen.source = at().node;
    return seen;
  }
};

}  // namespace waggle
