// SPDX-License-Identifier: Apache-2.0
// From documents to objects: which Service, EndpointSlice, Node and ServiceCIDR a file holds, singly or in lists, and
// what is wrong with them. Called by LoadedFile for each file it reads; pure. The caller owns the answer.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/state.h"
#include "source/tree.h"

namespace waggle {

struct ObjectKey {
  ObjectKind kind = ObjectKind::kService;
  ObjectName name;

  auto operator<=>(const ObjectKey&) const = default;
  [[nodiscard]] std::string text() const;  // "Service shop/web"
};

struct DecodedObject {
  ObjectKey key;
  std::string file;
  int line = 1;
  bool refused = false;
  std::shared_ptr<const Event> event;  // none: refused, or valid but not for Waggle (a headless slice)
  std::vector<std::string> problems;   // "file:line: Service shop/web: spec.ports[0].port: what is wrong; remedy"
};

// Something whose kind or name cannot be told: whatever it was before, it is not known to be gone.
struct Unrecognized {
  std::optional<ObjectName> name;  // none: could be any object of the file
  std::vector<std::string> problems;
};

struct DecodedFile {
  std::vector<DecodedObject> objects;
  std::vector<Unrecognized> unrecognized;
};

DecodedFile decode_documents(const std::vector<Value>& documents, const std::string& file);

}  // namespace waggle
