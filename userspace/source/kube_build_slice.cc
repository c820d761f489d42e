// SPDX-License-Identifier: Apache-2.0
// EndpointSlice (contract section 1.3), by the rules of decode_endpoint_slice.cc.
#include <set>
#include <utility>

#include "source/decode_kinds.h"
#include "source/kube_builder.h"
#include "source/kube_kinds.h"

namespace waggle {
namespace {

void add_hints(Endpoint& endpoint, const SliceView& slice, const EndpointView& view) {
  for (size_t i = view.hints_begin; i < view.hints_end; ++i) {
    const HintView& hint = slice.hints[i];
    if (!hint.name.empty()) (hint.zone ? endpoint.zone_hints : endpoint.node_hints).add(hint.name);
  }
}

// Only the first address counts; without one the endpoint is passed over (I-45). Conditions left out mean ready and
// serving, each by itself (I-46).
void build_endpoint(EndpointSlice& slice, const SliceView& view, size_t i, BuildNotes& notes) {
  const EndpointView& from = view.endpoints[i];
  if (!from.address) return;
  const auto address = build_address(*from.address, {"endpoints[].addresses[0]", i}, notes);
  if (!address) return;
  if (address->family != slice.family)
    return notes.error({"endpoints[].addresses[0]", i},
                       fmt::format("{} is not of the slice's addressType", address->text()));
  Endpoint& out = slice.endpoints.emplace_back();
  out.address = *address;
  out.node_name = from.node_name;
  out.ready = from.ready.value_or(true);
  out.serving = from.serving.value_or(true);
  out.terminating = from.terminating.value_or(false);
  add_hints(out, view, from);
}

// A port without a name or a number is passed over; "" is a name (I-43).
void build_endpoint_port(EndpointSlice& slice, const EndpointPortView& from, size_t i, BuildNotes& notes) {
  EndpointPort out;
  out.name = build_port_name(from.name.value_or(""), {"ports[].name", i}, notes);
  out.port = build_port(from.port.value_or(0), 0, {"ports[].port", i}, notes);
  const auto protocol = build_protocol(from.protocol, {"ports[].protocol", i}, notes);
  if (!from.name || !from.port || !protocol) return;
  if (out.port == 0)
    return notes.remark({"ports[].port", i}, "0 means all ports, which services do not have; it is left out");
  out.protocol = *protocol;
  slice.ports.push_back(std::move(out));
}

void check_port_names(const EndpointSlice& slice, BuildNotes& notes) {
  if (slice.ports.size() < 2) return;
  std::set<std::pair<std::string_view, Protocol>> names;
  for (const EndpointPort& port : slice.ports) {
    if (names.insert({port.name, port.protocol}).second) continue;
    return notes.error({"ports"},
                       fmt::format("\"{}\" is the name of two {} ports", port.name, protocol_name(port.protocol)));
  }
}

// Headless (I-02), of no service (I-40: no service has such a name), of addresses that are not IP's (I-41).
bool is_not_for_us(const ObjectView& view) {
  const std::string_view type = view.slice.address_type;
  const bool other_addresses = !type.empty() && type != "IPv4" && type != "IPv6";
  return view.meta.headless || other_addresses || !is_name(view.meta.service_name, kLongestLabel, false);
}

}  // namespace

std::optional<Event> build_endpoint_slice(const ObjectView& view, const ObjectName& name, BuildNotes& notes) {
  if (is_not_for_us(view)) return std::nullopt;
  if (view.slice.address_type.empty()) notes.error({"addressType"}, "is missing; use IPv4 or IPv6");
  std::optional<Event> event(std::in_place, std::in_place_type<EndpointSlice>);
  auto& out = std::get<EndpointSlice>(*event);
  out.name = name;
  out.resource_version = view.meta.resource_version;
  out.service_name = view.meta.service_name;
  out.last_change_trigger_time = view.meta.trigger_time;
  out.family = view.slice.address_type == "IPv6" ? Family::kIpv6 : Family::kIpv4;
  out.endpoints.reserve(view.slice.endpoints.size());
  for (size_t i = 0; i < view.slice.endpoints.size(); ++i) build_endpoint(out, view.slice, i, notes);
  for (size_t i = 0; i < view.slice.ports.size(); ++i) build_endpoint_port(out, view.slice.ports[i], i, notes);
  check_port_names(out, notes);
  return event;
}

}  // namespace waggle
