// SPDX-License-Identifier: Apache-2.0
#include "source/kube_build.h"

#include <utility>

#include "source/decode_kinds.h"
#include "source/kube_builder.h"
#include "source/kube_kinds.h"

namespace waggle {
namespace {

constexpr size_t kMostNotes = 20;  // of one object

struct AddressOrFault {
  std::optional<IpAddress> address;
  std::string_view fault;
};

using Build = std::optional<Event> (*)(const ObjectView&, const ObjectName&, BuildNotes&);

Build builder_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return build_service;
    case ObjectKind::kEndpointSlice:
      return build_endpoint_slice;
    case ObjectKind::kNode:
      return build_node;
    case ObjectKind::kServiceCidr:
      return build_service_cidr;
  }
  return build_service_cidr;
}

// Nothing where it cannot be told.
std::optional<ObjectName> name_of(const KubeKind& kind, const MetaView& meta) {
  if (!is_name(meta.name, kind.longest_name, kind.longest_name > kLongestLabel)) return std::nullopt;
  if (!kind.namespaced) return ObjectName{"", std::string(meta.name)};
  if (!is_name(meta.name_space, kLongestLabel, false)) return std::nullopt;
  return ObjectName{std::string(meta.name_space), std::string(meta.name)};
}

KubeObject nameless(const KubeKind& kind, const MetaView& meta) {
  KubeObject out;
  out.version = meta.resource_version;
  out.refused = true;
  out.problems.push_back(fmt::format("{}: metadata: {} in namespace {} is not the name of an object", kind.name,
                                     quoted(meta.name), quoted(meta.name_space)));
  return out;
}

// Notes what makes a good address doubtful.
AddressOrFault read_address(std::string_view given, FieldPlace place, BuildNotes& notes) {
  AddressOrFault out{IpAddress::parse(given), "is not an IP address that can be used"};
  if (out.address) out.fault = address_fault(*out.address);
  if (!out.fault.empty()) out.address.reset();
  if (const auto doubt = out.address ? address_doubt(*out.address) : ""; !doubt.empty())
    notes.remark(place, fmt::format("{} {}", quoted(given), doubt));
  return out;
}

}  // namespace

std::string FieldPlace::text() const {
  std::string out(path);
  if (const size_t at = out.find("[]"); at != std::string::npos) out.insert(at + 1, std::to_string(index));
  return out;
}

void BuildNotes::error(FieldPlace place, std::string_view what) {
  if (in_part_) {
    ++part_errors_;
    return remark(place, fmt::format("{}; it is left out", what));
  }
  error(FieldProblem{place.text(), std::string(what)});
}

void BuildNotes::error(const FieldProblem& problem) {
  if (refused_) return;
  refused_ = true;
  found_ = {problem};
}

void BuildNotes::remark(FieldPlace place, std::string_view what) {
  if (refused_ || found_.size() >= kMostNotes) return;
  found_.push_back(FieldProblem{place.text(), std::string(what)});
}

std::vector<std::string> BuildNotes::sentences(const std::string& label) const {
  std::vector<std::string> out;
  for (const FieldProblem& one : found_) {
    out.push_back(fmt::format("{}: {}{}{}", label, one.field, one.field.empty() ? "" : ": ", one.what));
  }
  return out;
}

uint16_t build_port(int64_t given, uint16_t lowest, FieldPlace place, BuildNotes& notes) {
  if (given >= lowest && given <= 65535) return static_cast<uint16_t>(given);
  notes.error(place, fmt::format("{} is not a port; use a whole number from {} to 65535", given, lowest));
  return 0;
}

std::string_view build_port_name(std::string_view given, FieldPlace place, BuildNotes& notes) {
  if (given.empty() || is_name(given, kLongestLabel, false)) return given;
  notes.error(place, fmt::format("{} is not a name; use at most {} characters of a-z, 0-9 and -", quoted(given),
                                 kLongestLabel));
  return "";
}

std::optional<Protocol> build_protocol(std::string_view given, FieldPlace place, BuildNotes& notes) {
  if (given.empty()) return Protocol::kTcp;
  const auto protocol = parse_protocol(given);
  if (!protocol) notes.remark(place, fmt::format("{} is not known here; the port is left out", quoted(given)));
  return protocol;
}

std::optional<IpAddress> build_address(std::string_view given, FieldPlace place, BuildNotes& notes) {
  const auto [address, fault] = read_address(given, place, notes);
  if (!address) notes.error(place, fmt::format("{} {}", quoted(given), fault));
  return address;
}

std::optional<IpAddress> address_or_remark(std::string_view given, FieldPlace place, BuildNotes& notes) {
  const auto [address, fault] = read_address(given, place, notes);
  if (!address) notes.remark(place, fmt::format("{} {}; it is left out", quoted(given), fault));
  return address;
}

std::optional<Cidr> build_cidr(std::string_view given, FieldPlace place, BuildNotes& notes) {
  const auto cidr = Cidr::parse(without_spaces_around(given));
  if (!cidr) notes.error(place, fmt::format("{} is not a CIDR such as 10.96.0.0/16 or fd00::/108", quoted(given)));
  return cidr;
}

KubeObject build_object(ObjectKind kind, const ObjectView& view) {
  const KubeKind& entry = kube_kind(kind);
  auto name = name_of(entry, view.meta);
  if (!name) return nameless(entry, view.meta);
  KubeObject out;
  out.name = std::move(*name);
  out.version = view.meta.resource_version;
  BuildNotes notes;
  if (view.malformed) {
    notes.error(*view.malformed);
  } else {
    out.event = builder_of(kind)(view, out.name, notes);
  }
  out.refused = notes.refused();
  if (out.refused) out.event.reset();
  out.problems = notes.sentences(fmt::format("{} {}", entry.name, out.name.text()));
  return out;
}

}  // namespace waggle
