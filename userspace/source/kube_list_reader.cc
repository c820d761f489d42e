// SPDX-License-Identifier: Apache-2.0
#include "source/kube_list_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "source/kube_kinds.h"
#include "source/kube_protobuf.h"

namespace waggle {

KubeListReader::KubeListReader(ObjectKind kind, KubeFormat format, Take take)
    : kind_(kind), format_(format), take_(std::move(take)), json_(KubeJson::padding()) {}

tl::unexpected<Error> KubeListReader::no_list(std::string_view what) const {
  return failure(fmt::format("is not a {}: {}", kube_kind(kind_).list_name(), what));
}

void KubeListReader::take_item() { take_(build_object(kind_, view_)); }

Result<void> KubeListReader::feed(std::string_view bytes) {
  if (format_ == KubeFormat::kJson) {
    const bool fits = json_.bytes().size() + bytes.size() <= kLargestJsonList;
    if (!fits || !json_.append(bytes)) return no_list(fmt::format("it is larger than {} bytes", kLargestJsonList));
    return {};
  }
  buffer_.append(bytes);
  for (;;) {
    const auto used = read_some();
    if (!used) return tl::unexpected(used.error());
    if (*used == 0) break;
    read_ += *used;
  }
  buffer_.erase(0, std::exchange(read_, 0));
  return {};
}

Result<ListMeta> KubeListReader::finish() {
  if (format_ == KubeFormat::kJson) {
    KubeJson json;
    return json.read_list(kind_, json_.bytes(), view_, [this] { take_item(); });
  }
  if (!buffer_.empty() || place_ != Place::kEnvelope || !entered_) return no_list("it ends too early");
  return std::move(meta_);
}

// Answers how many bytes it read; 0 where more have to come.
Result<size_t> KubeListReader::read_some() {
  const std::string_view bytes = std::string_view(buffer_).substr(read_);
  switch (place_) {
    case Place::kMagic:
      return read_magic();
    case Place::kEnvelope:
      return read_field(bytes);
    case Place::kList:
      if (list_left_ > 0) return read_field(bytes);
      place_ = Place::kEnvelope;
      return read_field(bytes);
  }
  return size_t{0};
}

Result<size_t> KubeListReader::read_magic() {
  if (buffer_.size() < kProtobufMagic.size()) return size_t{0};
  if (!buffer_.starts_with(kProtobufMagic)) return no_list("it does not begin as protobuf of Kubernetes does");
  place_ = Place::kEnvelope;
  return kProtobufMagic.size();
}

Result<size_t> KubeListReader::read_field(std::string_view bytes) {
  WireField field;
  const WireRead read = read_field_head(bytes, field);
  if (read == WireRead::kMore) return size_t{0};
  if (read == WireRead::kMalformed) return no_list("its bytes are no protobuf");
  const bool inside = place_ == Place::kList;
  if (!inside && field.number == 2 && field.type == WireType::kBytes) {
    if (const auto entered = enter_list(field); !entered) return tl::unexpected(entered.error());
    return field.head;
  }
  const size_t size = field.content_size();
  if (size > kLargestObject) return no_list(fmt::format("it holds an object of {} bytes", size));
  const size_t whole = field.head + size;
  if (inside && whole > list_left_) return no_list("an item is longer than the list");
  if (bytes.size() < whole) return size_t{0};
  if (inside) list_left_ -= whole;
  const std::string_view content = bytes.substr(field.head, size);
  const auto taken = inside ? take_list_field(field, content) : take_envelope_field(field, content);
  if (!taken) return tl::unexpected(taken.error());
  return whole;
}

Result<void> KubeListReader::enter_list(const WireField& field) {
  if (std::exchange(entered_, true)) return no_list("it holds two lists");
  place_ = Place::kList;
  list_left_ = field.value;
  return {};
}

Result<void> KubeListReader::take_envelope_field(const WireField& field, std::string_view content) {
  if (field.number != 1) return {};
  const std::string_view kind = kind_of_type_meta(content);
  if (kind == kube_kind(kind_).list_name()) return {};
  return no_list(fmt::format("it is a {}", quoted(kind)));
}

Result<void> KubeListReader::take_list_field(const WireField& field, std::string_view content) {
  if (field.type != WireType::kBytes) return {};
  if (field.number == 1) {
    auto meta = list_meta_of(content);
    if (!meta) return no_list("its metadata is no protobuf");
    meta_ = std::move(*meta);
  } else if (field.number == 2) {
    view_.clear();
    read_protobuf(kind_, content, view_);
    take_item();
  }
  return {};
}

}  // namespace waggle
