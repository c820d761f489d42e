// SPDX-License-Identifier: Apache-2.0
// For tests of the decoders: whole bodies to objects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/kube_list_reader.h"
#include "source/kube_watch_reader.h"

namespace waggle {

struct DecodedList {
  std::vector<KubeObject> objects;
  Result<ListMeta> meta = ListMeta{};
};

// In pieces of so many bytes.
inline DecodedList decode_list(ObjectKind kind, KubeFormat format, std::string_view body, size_t piece = 4096) {
  DecodedList out;
  KubeListReader reader(kind, format, [&out](KubeObject object) { out.objects.push_back(std::move(object)); });
  for (size_t at = 0; at < body.size(); at += piece) {
    if (const auto fed = reader.feed(body.substr(at, piece)); !fed) {
      out.meta = tl::unexpected(fed.error());
      return out;
    }
  }
  out.meta = reader.finish();
  return out;
}

struct DecodedWatch {
  std::vector<WatchEvent> events;
  Result<void> fed;
  bool within_event = false;
};

inline DecodedWatch decode_watch(ObjectKind kind, KubeFormat format, std::string_view body, size_t piece = 4096) {
  DecodedWatch out;
  KubeWatchReader reader(kind, format, [&out](WatchEvent event) { out.events.push_back(std::move(event)); });
  for (size_t at = 0; at < body.size() && out.fed; at += piece) out.fed = reader.feed(body.substr(at, piece));
  out.within_event = reader.within_event();
  return out;
}

}  // namespace waggle
