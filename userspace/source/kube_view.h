// SPDX-License-Identifier: Apache-2.0
// One Kubernetes object as the API server sent it, reduced to the fields Waggle reads: texts are views into the bytes,
// nothing is judged yet. Filled by read_protobuf() and read_json(), turned into a model object by build_object(). One
// is used again and again (clear() keeps the memory), so that a long list costs no allocation for what is not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.h"

namespace waggle {

// Entries of any one list of an object. An object of the API server has at most 1.5 MB.
constexpr size_t kMostEntries = 65'536;

using OptionalText = std::optional<std::string_view>;  // none: not there, which "" is not

struct MetaView {
  std::string_view name;
  std::string_view name_space;
  std::string_view resource_version;
  std::string creation_timestamp;  // RFC 3339, which protobuf does not hold
  bool deleting = false;           // deletionTimestamp is there
  // Labels.
  OptionalText proxy_name;
  OptionalText headless;
  std::string_view service_name;
  std::string_view zone;
  // Annotations.
  std::string_view trigger_time;
  bool initial_events_end = false;  // of a bookmark: the initial events are complete
};

struct ServicePortView {
  std::string_view name;
  std::string_view protocol;
  int64_t port = 0;
  int64_t node_port = 0;
};

struct IngressView {
  std::string_view ip;
  std::string_view ip_mode;
};

struct ServiceView {
  std::string_view type;
  std::string_view cluster_ip;
  std::vector<std::string_view> cluster_ips;
  std::vector<std::string_view> ip_families;
  std::vector<ServicePortView> ports;
  std::vector<std::string_view> external_ips;
  std::vector<std::string_view> source_ranges;
  std::vector<IngressView> ingress;
  std::string_view internal_policy;
  std::string_view external_policy;
  std::string_view affinity;
  std::optional<int64_t> affinity_timeout;  // seconds
  int64_t health_check_node_port = 0;
};

struct HintView {
  std::string_view name;
  bool zone = false;  // false: of a node
};

struct EndpointView {
  OptionalText address;  // the first
  std::string_view node_name;
  std::optional<bool> ready;
  std::optional<bool> serving;
  std::optional<bool> terminating;
  size_t hints_begin = 0;  // in SliceView::hints
  size_t hints_end = 0;
};

struct EndpointPortView {
  OptionalText name;
  std::string_view protocol;
  std::optional<int64_t> port;
};

struct SliceView {
  std::string_view address_type;
  std::vector<EndpointView> endpoints;
  std::vector<HintView> hints;  // of all endpoints
  std::vector<EndpointPortView> ports;
};

struct NodeAddressView {
  std::string_view type;
  std::string_view address;
};

struct NodeView {
  std::string_view pod_cidr;
  std::vector<std::string_view> pod_cidrs;
  std::vector<std::string_view> taint_keys;
  std::vector<NodeAddressView> addresses;
};

// Something wrong with a field: "spec.ports[0].port", "70000 is not a port".
struct FieldProblem {
  std::string field;
  std::string what;
};

struct ObjectView {
  MetaView meta;
  ServiceView service;
  SliceView slice;
  NodeView node;
  std::vector<std::string_view> cidrs;    // of a ServiceCIDR
  std::optional<FieldProblem> malformed;  // the first field that is not of its type

  void clear();
  // Notes what is wrong unless something is already. `index` goes between the first [] of the field.
  void note(std::string_view field, size_t index, std::string_view what);
  void note(std::string_view field, std::string_view what) { note(field, 0, what); }
  // One more entry; none, and noted, where there are too many.
  template <typename Entry>
  Entry* add(std::vector<Entry>& list, std::string_view field) {
    if (list.size() < kMostEntries) return &list.emplace_back();
    note_too_many(field);
    return nullptr;
  }

  // Takes a label or an annotation if Waggle reads it.
  void set_label(std::string_view key, std::string_view value);
  void set_annotation(std::string_view key, std::string_view value);

 private:
  void note_too_many(std::string_view field);
};

// What protobuf has in seconds since 1970 as the text of RFC 3339; "" for a time that has no such text.
std::string timestamp_text(int64_t seconds);

}  // namespace waggle
