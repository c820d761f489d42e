// SPDX-License-Identifier: Apache-2.0
// EndpointSlice (contract section 1.3).
#include <fmt/format.h>

#include <set>
#include <utility>

#include "source/decode_kinds.h"

namespace waggle {
namespace {

std::vector<std::string> hint_names(const Field& list) {
  std::vector<std::string> out;
  for (const Field& hint : list.items()) {
    if (auto name = hint.at("name").text_or_empty(); !name.empty()) out.push_back(std::move(name));
  }
  return out;
}

// Only the first address counts (I-45); none: the endpoint is passed over, which is said.
std::optional<IpAddress> first_address(const Field& endpoint, Family family) {
  const std::vector<Field> addresses = endpoint.at("addresses").items();
  if (addresses.empty()) {
    endpoint.at("addresses").remark(kNoAddress);
    return std::nullopt;
  }
  const auto address = addresses[0].address();
  if (address && address->family != family) {
    addresses[0].error(fmt::format("{} is not of the slice's addressType", address->text()));
  }
  return address;
}

// Conditions left out mean ready and serving, each by itself (I-46).
std::optional<Endpoint> read_endpoint(const EndpointSlice& slice, const Field& field) {
  const auto address = first_address(field, slice.family);
  const Field conditions = field.at("conditions");
  Endpoint out;
  out.node_name = field.at("nodeName").text_or_empty();
  out.ready = conditions.at("ready").boolean().value_or(true);
  out.serving = conditions.at("serving").boolean().value_or(true);
  out.terminating = conditions.at("terminating").boolean().value_or(false);
  out.zone_hints = hint_names(field.at("hints").at("forZones"));
  out.node_hints = hint_names(field.at("hints").at("forNodes"));
  if (!address) return std::nullopt;
  out.address = *address;
  return out;
}

// One that cannot be read is left out, and the others stay.
void read_endpoints(EndpointSlice& slice, const Field& endpoints) {
  const std::vector<Field> list = endpoints.items();
  for (const Field& field : list) {
    std::optional<Endpoint> endpoint;
    const bool good = field.part_of(list, [&] { endpoint = read_endpoint(slice, field); });
    if (good && endpoint.has_value()) slice.endpoints.push_back(std::move(*endpoint));
  }
}

// A port without a name or a number is passed over, which is said; "" is a name (I-43).
std::optional<EndpointPort> read_port(const Field& field, std::set<std::pair<std::string, Protocol>>& names) {
  EndpointPort out;
  const Field name = field.at("name");
  out.name = name.name(kLongestLabel, false);
  out.protocol = field.at("protocol").protocol();
  out.port = field.at("port").port(0);
  const Field number = field.at("port");
  if (!name.present()) name.remark(kNoPortName);
  if (!number.present())
    number.remark(kNoPortNumber);
  else if (number.number() == 0)
    number.remark(kPortZero);
  if (!name.present() || out.port == 0) return std::nullopt;
  if (!names.insert({out.name, out.protocol}).second)
    name.error(
        fmt::format("\"{}\" is the name of another {} port of this slice", out.name, protocol_name(out.protocol)));
  return out;
}

void read_ports(EndpointSlice& slice, const Field& ports) {
  const std::vector<Field> list = ports.items();
  std::set<std::pair<std::string, Protocol>> names;
  for (const Field& field : list) {
    std::optional<EndpointPort> port;
    const bool good = field.part_of(list, [&] { port = read_port(field, names); });
    if (good && port.has_value()) slice.ports.push_back(std::move(*port));
  }
}

std::string address_type(const Field& field) {
  field.require("use IPv4 or IPv6");
  return field.choice({"IPv4", "IPv6", "FQDN"});
}

// Who owns the slice, or nothing when Waggle has no use for it: headless (I-02), of no service (I-40).
std::string owner_of(const Field& root) {
  const Field labels = root.at("metadata").at("labels");
  if (labels.at("service.kubernetes.io/headless").present()) return "";
  const Field owner = labels.at("kubernetes.io/service-name");
  const std::string name = owner.name(kLongestLabel, false);
  if (!owner.present() || owner.text() == "") {
    owner.remark("is missing, so the slice belongs to no service and is not used");
  }
  return name;
}

}  // namespace

std::optional<Event> decode_endpoint_slice(const Field& root, const ObjectName& name) {
  EndpointSlice out;
  out.name = name;
  out.resource_version = resource_version_of(root);
  out.service_name = owner_of(root);
  out.last_change_trigger_time =
      root.at("metadata").at("annotations").at("endpoints.kubernetes.io/last-change-trigger-time").text_or_empty();
  const std::string type = address_type(root.at("addressType"));
  if (type == "FQDN" || out.service_name.empty()) return std::nullopt;
  out.family = type == "IPv6" ? Family::kIpv6 : Family::kIpv4;
  read_endpoints(out, root.at("endpoints"));
  read_ports(out, root.at("ports"));
  return out;
}

}  // namespace waggle
