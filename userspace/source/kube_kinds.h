// SPDX-License-Identifier: Apache-2.0
// The four kinds of objects as the API server knows them: names, paths, and what is asked of it. Used by everything
// that speaks with it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "model/state.h"

namespace waggle {

struct KubeKind {
  ObjectKind kind = ObjectKind::kService;
  std::string_view name;    // "EndpointSlice"
  std::string_view plural;  // "endpointslices"
  std::string_view group;   // "discovery.k8s.io"; "" for the core
  std::string_view path;    // "/apis/discovery.k8s.io/v1/endpointslices"
  bool namespaced = false;
  size_t longest_name = 0;

  [[nodiscard]] std::string list_name() const { return std::string(name) + "List"; }
};

inline constexpr std::array kAllKinds = {ObjectKind::kNode, ObjectKind::kServiceCidr, ObjectKind::kService,
                                         ObjectKind::kEndpointSlice};

const KubeKind& kube_kind(ObjectKind kind);

// A text from outside for a message: in quotes, shortened, and without what a terminal would act on.
std::string quoted(std::string_view text);

}  // namespace waggle
