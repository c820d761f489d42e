// SPDX-License-Identifier: Apache-2.0
// EndpointSlice (contract section 1.3), by the rules of decode_endpoint_slice.cc.
#include <algorithm>
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

// Only the first address counts; without one the endpoint is passed over, which is said (I-45). Conditions left out
// mean ready and serving, each by itself (I-46). One whose address cannot be used is left out, and the others stay.
std::optional<IpAddress> build_endpoint_address(const EndpointSlice& slice, const SliceView& view, size_t i,
                                                BuildNotes& notes) {
  const FieldPlace place{"endpoints[].addresses[0]", i};
  const auto address = build_address(*view.endpoints[i].address, place, notes);
  if (!address || address->family == slice.family) return address;
  notes.error(place, fmt::format("{} is not of the slice's addressType", address->text()));
  return std::nullopt;
}

void build_endpoint(EndpointSlice& slice, const SliceView& view, size_t i, BuildNotes& notes) {
  const EndpointView& from = view.endpoints[i];
  if (!from.address) return notes.remark({"endpoints[].addresses", i}, kNoAddress);
  std::optional<IpAddress> address;
  const bool good =
      notes.part_of(view.endpoints.size(), [&] { address = build_endpoint_address(slice, view, i, notes); });
  if (!good || !address) return;
  Endpoint& out = slice.endpoints.emplace_back();
  out.address = *address;
  out.node_name = from.node_name;
  out.ready = from.ready.value_or(true);
  out.serving = from.serving.value_or(true);
  out.terminating = from.terminating.value_or(false);
  add_hints(out, view, from);
}

// A port without a name or a number is passed over, which is said; "" is a name (I-43). Of two of one name the first
// stays.
std::optional<EndpointPort> build_endpoint_port(const EndpointSlice& slice, const EndpointPortView& from, size_t i,
                                                BuildNotes& notes) {
  EndpointPort out;
  out.name = build_port_name(from.name.value_or(""), {"ports[].name", i}, notes);
  out.port = build_port(from.port.value_or(0), 0, {"ports[].port", i}, notes);
  const auto protocol = build_protocol(from.protocol, {"ports[].protocol", i}, notes);
  if (!from.name) notes.remark({"ports[].name", i}, kNoPortName);
  if (!from.port || from.port == 0) notes.remark({"ports[].port", i}, from.port ? kPortZero : kNoPortNumber);
  if (!from.name || !protocol || out.port == 0) return std::nullopt;
  out.protocol = *protocol;
  const auto same = [&out](const EndpointPort& other) {
    return other.name == out.name && other.protocol == out.protocol;
  };
  if (std::ranges::any_of(slice.ports, same))
    notes.error({"ports[].name", i}, fmt::format("\"{}\" is the name of another {} port of this slice", out.name,
                                                 protocol_name(out.protocol)));
  return out;
}

void build_endpoint_ports(EndpointSlice& slice, const SliceView& view, BuildNotes& notes) {
  for (size_t i = 0; i < view.ports.size(); ++i) {
    std::optional<EndpointPort> port;
    const bool good =
        notes.part_of(view.ports.size(), [&] { port = build_endpoint_port(slice, view.ports[i], i, notes); });
    if (good && port) slice.ports.push_back(std::move(*port));
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
  build_endpoint_ports(out, view.slice, notes);
  return event;
}

}  // namespace waggle
