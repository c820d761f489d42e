// SPDX-License-Identifier: Apache-2.0
#include "dataplane/conntrack_lookup.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>
#include <string_view>

#include "base/unique_fd.h"

namespace waggle {
namespace {

struct FreeBtf {
  void operator()(btf* types) const { ::btf__free(types); }
};
using Types = std::unique_ptr<btf, FreeBtf>;

bool has_lookup(const btf* types) {
  return types != nullptr && ::btf__find_by_name_kind(types, "bpf_skb_ct_lookup", BTF_KIND_FUNC) > 0;
}

bool is_conntrack_module(int fd) {
  char name[64] = {};
  bpf_btf_info info{};
  info.name = reinterpret_cast<uintptr_t>(name);
  info.name_len = sizeof(name);
  uint32_t length = sizeof(info);
  return ::bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && std::string_view(name) == "nf_conntrack";
}

}  // namespace

bool offers_conntrack_lookup() {
  const Types kernel(::btf__load_vmlinux_btf());
  if (kernel == nullptr || has_lookup(kernel.get())) return kernel != nullptr;
  for (uint32_t id = 0; ::bpf_btf_get_next_id(id, &id) == 0;) {
    const UniqueFd fd(::bpf_btf_get_fd_by_id(id));
    if (!fd.valid() || !is_conntrack_module(fd.get())) continue;
    return has_lookup(Types(::btf__load_from_kernel_by_id_split(id, kernel.get())).get());
  }
  return false;
}

}  // namespace waggle
