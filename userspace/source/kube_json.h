// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API's JSON, read with simdjson straight into views: no tree of the text is built. Owned by the readers
// of lists and watches; what a view holds stays valid until the parser's next call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/kube_status.h"
#include "source/kube_view.h"

namespace waggle {

class KubeJson {
 public:
  KubeJson();
  ~KubeJson();
  KubeJson(const KubeJson&) = delete;
  KubeJson& operator=(const KubeJson&) = delete;

  // Bytes that must be allocated behind any text that is parsed.
  static size_t padding();

  // A whole list; on_item is called for each item, which is in `view` then. The text keeps its content and gets
  // padding.
  Result<ListMeta> read_list(ObjectKind kind, std::string_view text, ObjectView& view,
                             const std::function<void()>& on_item);
  // One event of a watch, with padding() bytes allocated behind it. Answers its type; an ERROR fills `status`, any
  // other type `view`.
  Result<std::string_view> read_event(ObjectKind kind, std::string_view text, ObjectView& view, KubeStatus& status);
  // A Status; nothing if it is none.
  std::optional<KubeStatus> read_status(std::string text);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace waggle
