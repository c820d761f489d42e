// SPDX-License-Identifier: Apache-2.0
#include "daemon/leftovers.h"

namespace waggle {

Result<Leftovers> Leftovers::open(Removal removal) {
  auto aside = Aside::open();
  if (!aside) return tl::unexpected(aside.error());
  return Leftovers(std::move(removal), std::move(*aside));
}

void Leftovers::begin() {
  aside_.begin([removed = removed_.get(), removal = removal_] { *removed = removal(); });
}

std::optional<KubeProxyRules> Leftovers::over() {
  if (!aside_.over()) return std::nullopt;
  return *removed_;
}

}  // namespace waggle
