// SPDX-License-Identifier: Apache-2.0
#include "dataplane/grace.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>

#include "dataplane/errors.h"
#include "dataplane/options.h"

namespace waggle {

Result<GracePeriod> GracePeriod::open() {
  constexpr uint32_t kWord = sizeof(uint32_t);
  GracePeriod grace;
  grace.inner_ = UniqueFd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace_inner", kWord, kWord, 1, nullptr));
  if (!grace.inner_.valid()) return system_failure("creating the table to wait on", errno);
  auto options = sized_options<bpf_map_create_opts>();
  options.inner_map_fd = static_cast<uint32_t>(grace.inner_.get());
  grace.outer_ = UniqueFd(::bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "grace", kWord, kWord, 1, &options));
  if (!grace.outer_.valid()) return system_failure("creating the table to wait on", errno);
  return grace;
}

Result<void> GracePeriod::wait() const {
  const uint32_t zero = 0;
  const int inner = inner_.get();
  if (::bpf_map_update_elem(outer_.get(), &zero, &inner, BPF_ANY) != 0) {
    return system_failure("waiting for running programs", errno);
  }
  return {};
}

}  // namespace waggle
