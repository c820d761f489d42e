// SPDX-License-Identifier: Apache-2.0
#include "support/program_map.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "dataplane/errors.h"

namespace waggle {

Result<UniqueFd> map_of_program(int program_fd, std::string_view name) {
  std::array<uint32_t, 64> ids{};
  bpf_prog_info program{};
  program.nr_map_ids = ids.size();
  program.map_ids = reinterpret_cast<uintptr_t>(ids.data());
  uint32_t size = sizeof(program);
  if (::bpf_obj_get_info_by_fd(program_fd, &program, &size) != 0) return system_failure("asking for a program", errno);
  for (uint32_t i = 0; i < program.nr_map_ids && i < ids.size(); ++i) {
    UniqueFd map(::bpf_map_get_fd_by_id(ids[i]));
    bpf_map_info info{};
    size = sizeof(info);
    if (map.valid() && ::bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 && name == info.name) return map;
  }
  return failure(fmt::format("the program has no map {}", name));
}

}  // namespace waggle
