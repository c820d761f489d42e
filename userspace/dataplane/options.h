// SPDX-License-Identifier: Apache-2.0
// libbpf's option structures carry their own size. Its macro LIBBPF_OPTS does the same with extensions that clang
// refuses in C++. Used inside dataplane/ only.
#pragma once

namespace waggle {

template <typename Options>
Options sized_options() {
  Options options{};
  options.sz = sizeof(options);
  return options;
}

}  // namespace waggle
