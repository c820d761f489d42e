// SPDX-License-Identifier: Apache-2.0
#include "source/kube_watch_reader.h"

#include <fmt/format.h>

#include <utility>

#include "source/kube_kinds.h"
#include "source/kube_list_reader.h"
#include "source/kube_protobuf.h"
#include "source/kube_wire.h"

namespace waggle {
namespace {

struct FrameParts {
  std::string_view type;
  std::string_view object;  // enveloped
};

// WatchEvent{1 type, 2 RawExtension{1 raw}}.
std::optional<FrameParts> parts_of(std::string_view frame) {
  FrameParts out;
  WireReader in(frame);
  while (in.next()) {
    if (in.number() == 1) out.type = in.bytes();
    if (in.number() != 2) continue;
    WireReader extension(in.bytes());
    while (extension.next()) {
      if (extension.number() == 1) out.object = extension.bytes();
    }
    if (extension.bad()) return std::nullopt;
  }
  if (in.bad()) return std::nullopt;
  return out;
}

std::optional<WatchEvent::Type> type_of(std::string_view word) {
  if (word == "ADDED" || word == "MODIFIED") return WatchEvent::Type::kChanged;
  if (word == "DELETED") return WatchEvent::Type::kDeleted;
  if (word == "BOOKMARK") return WatchEvent::Type::kBookmark;
  return std::nullopt;
}

}  // namespace

KubeWatchReader::KubeWatchReader(ObjectKind kind, KubeFormat format, Take take)
    : kind_(kind), format_(format), take_(std::move(take)) {}

tl::unexpected<Error> KubeWatchReader::no_event(std::string_view what) const {
  return failure(fmt::format("holds what is no event of a {}: {}", kube_kind(kind_).name, what));
}

Result<void> KubeWatchReader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  buffer_.reserve(buffer_.size() + KubeJson::padding());
  size_t read = 0;
  for (;;) {
    const auto used = read_some(std::string_view(buffer_).substr(read));
    if (!used) return tl::unexpected(used.error());
    if (*used == 0) break;
    read += *used;
  }
  buffer_.erase(0, read);
  return {};
}

// Answers how many bytes it read; 0 where more have to come.
Result<size_t> KubeWatchReader::read_some(std::string_view bytes) {
  return format_ == KubeFormat::kProtobuf ? read_frame(bytes) : read_line(bytes);
}

// Four bytes of length, the highest first, and the event.
Result<size_t> KubeWatchReader::read_frame(std::string_view bytes) {
  constexpr size_t kHead = 4;
  if (bytes.size() < kHead) return size_t{0};
  size_t size = 0;
  for (size_t i = 0; i < kHead; ++i) size = size << 8 | static_cast<uint8_t>(bytes[i]);
  if (size > kLargestObject) return no_event(fmt::format("it would have {} bytes", size));
  if (bytes.size() < kHead + size) return size_t{0};
  if (const auto taken = take_protobuf(bytes.substr(kHead, size)); !taken) return tl::unexpected(taken.error());
  return kHead + size;
}

Result<size_t> KubeWatchReader::read_line(std::string_view bytes) {
  const size_t end = bytes.find('\n', searched_);
  if (end == std::string_view::npos) {
    searched_ = bytes.size();
    if (bytes.size() > kLargestObject) return no_event(fmt::format("it has more than {} bytes", kLargestObject));
    return size_t{0};
  }
  searched_ = 0;
  const std::string_view line = bytes.substr(0, end);
  if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
    if (const auto taken = take_json(line); !taken) return tl::unexpected(taken.error());
  }
  return end + 1;
}

Result<void> KubeWatchReader::take_protobuf(std::string_view frame) {
  const auto parts = parts_of(frame);
  if (!parts) return no_event("its bytes are no protobuf");
  const auto envelope = open_envelope(parts->object);
  if (!envelope) return no_event("its object is no protobuf of Kubernetes");
  if (parts->type == "ERROR") {
    take_(WatchEvent{WatchEvent::Type::kError, {}, false, status_from_protobuf(envelope->raw)});
    return {};
  }
  if (envelope->kind != kube_kind(kind_).name) return no_event(fmt::format("it is a {}", quoted(envelope->kind)));
  view_.clear();
  read_protobuf(kind_, envelope->raw, view_);
  return take_object(parts->type);
}

Result<void> KubeWatchReader::take_json(std::string_view line) {
  KubeStatus status;
  const auto type = json_.read_event(kind_, line, view_, status);
  if (!type) return no_event("it " + type.error().message);
  if (*type != "ERROR") return take_object(*type);
  take_(WatchEvent{WatchEvent::Type::kError, {}, false, std::move(status)});
  return {};
}

// What is in the view. Types that are newer than Waggle are passed over.
Result<void> KubeWatchReader::take_object(std::string_view word) {
  const auto type = type_of(word);
  if (!type) return {};
  WatchEvent event;
  event.type = *type;
  if (event.type == WatchEvent::Type::kBookmark) {
    event.object.version = view_.meta.resource_version;
    event.initial_events_end = view_.meta.initial_events_end;
  } else {
    event.object = build_object(kind_, view_);
  }
  take_(std::move(event));
  return {};
}

}  // namespace waggle
