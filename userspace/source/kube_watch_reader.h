// SPDX-License-Identifier: Apache-2.0
// Reads the stream of a watch, piece by piece as it arrives, into events. Owned by a reflector, one for each watch.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/kube_build.h"
#include "source/kube_json.h"
#include "source/kube_status.h"

namespace waggle {

struct WatchEvent {
  enum class Type : uint8_t { kChanged, kDeleted, kBookmark, kError };

  Type type = Type::kChanged;
  KubeObject object;                // of a change or a deletion; of a bookmark only the version counts
  bool initial_events_end = false;  // of a bookmark: what is there has been listed
  KubeStatus status;                // of an error
};

class KubeWatchReader {
 public:
  using Take = std::function<void(WatchEvent)>;
  KubeWatchReader(ObjectKind kind, KubeFormat format, Take take);

  // Fails where the bytes cannot be a watch's; nothing behind them is worth reading.
  Result<void> feed(std::string_view bytes);
  // The stream has ended in the middle of an event.
  [[nodiscard]] bool within_event() const { return !buffer_.empty(); }

 private:
  Result<size_t> read_some(std::string_view bytes);
  Result<size_t> read_frame(std::string_view bytes);
  Result<size_t> read_line(std::string_view bytes);
  Result<void> take_protobuf(std::string_view frame);
  Result<void> take_json(std::string_view line);
  Result<void> take_object(std::string_view type);
  [[nodiscard]] tl::unexpected<Error> no_event(std::string_view what) const;

  ObjectKind kind_;
  KubeFormat format_;
  Take take_;
  ObjectView view_;
  KubeJson json_;
  std::string buffer_;   // what arrived and is not read yet
  size_t searched_ = 0;  // bytes of it that have no end of line
};

}  // namespace waggle
