// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API's protobuf messages, by the API's field numbers: just the fields Waggle reads. Why there is no
// generated code: docs/adr/0008. Used by the readers of lists and watches; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "source/kube_status.h"
#include "source/kube_view.h"

namespace waggle {

// runtime.Unknown, which every answer in protobuf is wrapped in, behind "k8s" and a zero byte.
constexpr std::string_view kProtobufMagic("k8s\0", 4);

struct Envelope {
  std::string_view kind;
  std::string_view raw;  // the message
};
// Nothing where the bytes are no envelope.
std::optional<Envelope> open_envelope(std::string_view bytes);
std::string_view kind_of_type_meta(std::string_view message);

// Nothing where it is malformed.
std::optional<ListMeta> list_meta_of(std::string_view message);

// Adds the object's fields to a cleared view; what is malformed is noted there.
void read_protobuf(ObjectKind kind, std::string_view message, ObjectView& out);

KubeStatus status_from_protobuf(std::string_view message);

}  // namespace waggle
