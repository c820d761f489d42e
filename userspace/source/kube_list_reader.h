// SPDX-License-Identifier: Apache-2.0
// Reads the body of a list, piece by piece as it arrives. In protobuf each item is taken as soon as it is whole, so
// that a list of any length needs the memory of one object; JSON is held until it is complete. Owned by a reflector,
// one for each answer.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/growing_buffer.h"
#include "source/kube_build.h"
#include "source/kube_json.h"
#include "source/kube_status.h"
#include "source/kube_wire.h"

namespace waggle {

constexpr size_t kLargestObject = size_t{16} << 20;     // bytes; an API server takes objects of up to 1.5 MB
constexpr size_t kLargestJsonList = size_t{256} << 20;  // bytes

class KubeListReader {
 public:
  using Take = std::function<void(KubeObject)>;
  KubeListReader(ObjectKind kind, KubeFormat format, Take take);

  // Fails where the bytes cannot be a list; then the answer is not worth reading on.
  Result<void> feed(std::string_view bytes);
  // The body is complete. Fails where it ends too early.
  Result<ListMeta> finish();

 private:
  // What of the protobuf is expected next.
  enum class Place : uint8_t { kMagic, kEnvelope, kList };

  Result<size_t> read_some();
  Result<size_t> read_magic();
  Result<size_t> read_field(std::string_view bytes);
  Result<void> enter_list(const WireField& field);
  Result<void> take_envelope_field(const WireField& field, std::string_view content);
  Result<void> take_list_field(const WireField& field, std::string_view content);
  [[nodiscard]] tl::unexpected<Error> no_list(std::string_view what) const;
  void take_item();

  ObjectKind kind_;
  KubeFormat format_;
  Take take_;
  ObjectView view_;
  GrowingBuffer json_;  // all of it
  std::string buffer_;  // protobuf that arrived and is not read yet
  size_t read_ = 0;     // bytes of it that are read
  Place place_ = Place::kMagic;
  bool entered_ = false;    // the list inside of the envelope has begun
  uint64_t list_left_ = 0;  // bytes of it to come
  ListMeta meta_;
};

}  // namespace waggle
