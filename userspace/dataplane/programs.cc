// SPDX-License-Identifier: Apache-2.0
#include "dataplane/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/errors.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/options.h"

// The objects of bpf/, embedded by bpf/CMakeLists.txt.
extern "C" {
extern const char waggle_tc_lb_start[];
extern const char waggle_tc_lb_end[];
extern const char waggle_xdp_lb_start[];
extern const char waggle_xdp_lb_end[];
extern const char waggle_sock_lb_start[];
extern const char waggle_sock_lb_end[];
}

namespace waggle {
namespace {

struct CloseObject {
  void operator()(bpf_object* object) const { ::bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

struct EmbeddedObject {
  const char* name;
  const char* start;
  const char* end;
};

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

// Offset of the variable `settings` in .rodata; the section may also hold constants of the compiler's.
Result<size_t> settings_offset(const bpf_object* object) {
  const btf* types = ::bpf_object__btf(object);
  const int section = ::btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
  const btf_type* type = section < 0 ? nullptr : ::btf__type_by_id(types, static_cast<uint32_t>(section));
  for (uint32_t i = 0; type != nullptr && i < BTF_INFO_VLEN(type->info); ++i) {
    const btf_var_secinfo& variable = reinterpret_cast<const btf_var_secinfo*>(type + 1)[i];
    const btf_type* declared = ::btf__type_by_id(types, variable.type);
    const std::string_view name = ::btf__name_by_offset(types, declared->name_off);
    if (name == "settings" && variable.size == sizeof(wg_settings)) return variable.offset;
  }
  return failure("the programs carry no variable `settings` of this version: rebuild them");
}

Result<void> fill_settings(const bpf_object* object, bpf_map* rodata, const wg_settings& settings) {
  auto offset = settings_offset(object);
  if (!offset) return tl::unexpected(offset.error());
  size_t size = 0;
  const auto* initial = static_cast<const char*>(::bpf_map__initial_value(rodata, &size));
  if (initial == nullptr || *offset + sizeof(settings) > size)
    return failure("the programs' read-only data is unreadable");
  std::vector<char> value(initial, initial + size);
  std::memcpy(value.data() + *offset, &settings, sizeof(settings));
  if (const int result = ::bpf_map__set_initial_value(rodata, value.data(), size); result != 0) {
    return system_failure("giving the programs their settings", result);
  }
  return {};
}

Result<void> reuse(bpf_map* map, const PinnedMaps& maps) {
  const std::string name = ::bpf_map__name(map);
  if (!maps.has(name)) {
    // Working memory of one object needs no pin, nor does what may be forgotten at a restart.
    if (::bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY || name == "alone_waits") return {};
    return failure(fmt::format("the programs want a table {} that nothing would pin", name));
  }
  const MapSpec& spec = maps.spec(name);
  if (::bpf_map__type(map) != spec.type || ::bpf_map__key_size(map) != spec.key_size ||
      ::bpf_map__value_size(map) != spec.value_size || ::bpf_map__map_flags(map) != spec.flags) {
    return failure(fmt::format("the programs want another kind of table {} than the one pinned", name));
  }
  if (const int result = ::bpf_map__reuse_fd(map, maps.fd(name)); result != 0) {
    return system_failure(fmt::format("giving the programs table {}", name), result);
  }
  return {};
}

Result<void> prepare_maps(bpf_object* object, const PinnedMaps& maps, const wg_settings& settings) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string_view name = ::bpf_map__name(map);
    if (name.find(".rodata.") != std::string_view::npos) continue;  // the compiler's own constants
    const bool internal = ::bpf_map__is_internal(map);
    if (internal && !name.ends_with(".rodata")) {
      return failure(fmt::format("the programs carry the section {}, which nothing would pin", name));
    }
    auto done = internal ? fill_settings(object, map, settings) : reuse(map, maps);
    if (!done) return done;
  }
  return {};
}

tl::unexpected<Error> load_failure(const EmbeddedObject& embedded, int code, const LibbpfLog& log) {
  if (code == -EPERM || code == -EACCES) {
    const std::string missing = missing_capabilities();
    if (!missing.empty()) return system_failure(fmt::format("loading programs {}", embedded.name), code);
  }
  return failure(
      fmt::format("loading programs {}: kernel {} refused them: {} (Waggle needs kernel 6.1 or newer with "
                  "CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT, CONFIG_CGROUP_BPF and CONFIG_NET_CLS_BPF)",
                  embedded.name, kernel_release(), log.summary().empty() ? error_words(code) : log.summary()),
      -code);
}

Result<void> keep_programs(const bpf_object* object, std::map<std::string, UniqueFd>& fds) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    UniqueFd fd(::fcntl(::bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return system_failure("keeping a loaded program", errno);
    fds[::bpf_program__name(program)] = std::move(fd);
  }
  return {};
}

Result<void> load_object(const EmbeddedObject& embedded, const PinnedMaps& maps, const wg_settings& settings,
                         std::map<std::string, UniqueFd>& fds) {
  const LibbpfLog log;
  auto options = sized_options<bpf_object_open_opts>();
  options.object_name = embedded.name;
  Object object(::bpf_object__open_mem(embedded.start, static_cast<size_t>(embedded.end - embedded.start), &options));
  if (!object) return load_failure(embedded, -errno, log);
  if (auto prepared = prepare_maps(object.get(), maps, settings); !prepared) {
    return tl::unexpected(std::move(prepared.error()).in(embedded.name));
  }
  if (const int result = ::bpf_object__load(object.get()); result != 0) return load_failure(embedded, result, log);
  return keep_programs(object.get(), fds);
}

}  // namespace

Result<Programs> Programs::load(const PinnedMaps& maps, const wg_settings& settings) {
  const std::array objects = {
      EmbeddedObject{"tc_lb", waggle_tc_lb_start, waggle_tc_lb_end},
      EmbeddedObject{"xdp_lb", waggle_xdp_lb_start, waggle_xdp_lb_end},
      EmbeddedObject{"sock_lb", waggle_sock_lb_start, waggle_sock_lb_end},
  };
  Programs programs;
  for (const auto& object : objects) {
    if (auto loaded = load_object(object, maps, settings, programs.fds_); !loaded) {
      return tl::unexpected(loaded.error());
    }
  }
  return programs;
}

}  // namespace waggle
