// SPDX-License-Identifier: Apache-2.0
// What surrounds objects in protobuf: runtime.Unknown, ListMeta, Status.
#include <algorithm>
#include <utility>

#include "source/kube_protobuf.h"
#include "source/kube_wire.h"

namespace waggle {
namespace {

void read_details(KubeStatus& out, std::string_view message) {
  WireReader in(message);
  while (in.next()) {
    if (in.number() == 5) {
      out.retry_after = seconds_to_wait(in.integer());
    } else if (in.number() == 4) {
      WireReader cause(in.bytes());
      while (cause.next()) {
        if (cause.number() == 1 && cause.bytes() == kVersionTooLarge) out.version_too_large = true;
      }
    }
  }
}

}  // namespace

std::string_view kind_of_type_meta(std::string_view message) {
  std::string_view kind;
  WireReader in(message);
  while (in.next()) {
    if (in.number() == 2) kind = in.bytes();
  }
  return kind;
}

std::optional<Envelope> open_envelope(std::string_view bytes) {
  if (!bytes.starts_with(kProtobufMagic)) return std::nullopt;
  Envelope out;
  WireReader in(bytes.substr(kProtobufMagic.size()));
  while (in.next()) {
    if (in.number() == 1) out.kind = kind_of_type_meta(in.bytes());
    if (in.number() == 2) out.raw = in.bytes();
  }
  if (in.bad()) return std::nullopt;
  return out;
}

std::optional<ListMeta> list_meta_of(std::string_view message) {
  ListMeta out;
  WireReader in(message);
  while (in.next()) {
    if (in.number() == 2) out.version = in.bytes();
    if (in.number() == 3) out.next_page = in.bytes();
  }
  if (in.bad()) return std::nullopt;
  return out;
}

KubeStatus status_from_protobuf(std::string_view message) {
  KubeStatus out;
  WireReader in(message);
  while (in.next()) {
    if (in.number() == 3) out.message = in.bytes();
    if (in.number() == 4) out.reason = in.bytes();
    if (in.number() == 5) read_details(out, in.bytes());
    if (in.number() == 6) out.code = static_cast<int>(std::clamp<int64_t>(in.integer(), 0, 999));
  }
  return out;
}

}  // namespace waggle
