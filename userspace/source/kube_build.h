// SPDX-License-Identifier: Apache-2.0
// From what the API server sent to an object of the model, by the same rules as the decoders of manifests. What the API
// server makes sure of is not said again; what is newer than Waggle (unknown words) is passed over. Called by the
// readers of lists and watches; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/kube_view.h"

namespace waggle {

struct KubeObject {
  ObjectName name;             // name.name is "": it cannot be told which object this is
  std::string version;         // metadata.resourceVersion
  std::optional<Event> event;  // none: refused, or valid but not for Waggle
  bool refused = false;
  std::vector<std::string> problems;  // "Service shop/web: spec.ports[0].port: what is wrong"; one if refused
};

KubeObject build_object(ObjectKind kind, const ObjectView& view);

}  // namespace waggle
