// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/loaded_object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/errors.h"
#include "dataplane/libbpf_log.h"

#define EMBEDDED(name)                           \
  extern "C" const char waggle_##name##_start[]; \
  extern "C" const char waggle_##name##_end[];
EMBEDDED(tc_lb)
EMBEDDED(xdp_lb)
EMBEDDED(lru_tc)
EMBEDDED(lru_xdp)
EMBEDDED(floor_tc)
EMBEDDED(floor_xdp)
EMBEDDED(wrap_tc)
EMBEDDED(wrap_xdp)
#undef EMBEDDED

namespace waggle {
namespace {

struct Embedded {
  const char* name;
  const char* start;
  const char* end;
};

// By BenchObject.
constexpr std::array kEmbedded = {
    Embedded{"tc_lb", waggle_tc_lb_start, waggle_tc_lb_end},
    Embedded{"xdp_lb", waggle_xdp_lb_start, waggle_xdp_lb_end},
    Embedded{"lru_tc", waggle_lru_tc_start, waggle_lru_tc_end},
    Embedded{"lru_xdp", waggle_lru_xdp_start, waggle_lru_xdp_end},
    Embedded{"floor_tc", waggle_floor_tc_start, waggle_floor_tc_end},
    Embedded{"floor_xdp", waggle_floor_xdp_start, waggle_floor_xdp_end},
    Embedded{"wrap_tc", waggle_wrap_tc_start, waggle_wrap_tc_end},
    Embedded{"wrap_xdp", waggle_wrap_xdp_start, waggle_wrap_xdp_end},
};

const Embedded& embedded(BenchObject name) { return kEmbedded[static_cast<size_t>(name)]; }

Result<size_t> offset_of(const bpf_object* object, const Constant& constant) {
  const btf* types = ::bpf_object__btf(object);
  const int section = ::btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
  const btf_type* type = section < 0 ? nullptr : ::btf__type_by_id(types, static_cast<uint32_t>(section));
  for (uint32_t i = 0; type != nullptr && i < BTF_INFO_VLEN(type->info); ++i) {
    const btf_var_secinfo& variable = reinterpret_cast<const btf_var_secinfo*>(type + 1)[i];
    const btf_type* declared = ::btf__type_by_id(types, variable.type);
    const std::string_view name = ::btf__name_by_offset(types, declared->name_off);
    if (name == constant.name && variable.size == constant.value.size()) return variable.offset;
  }
  return failure(fmt::format("no constant `{}` of {} bytes", constant.name, constant.value.size()));
}

Result<void> set_constant(const bpf_object* object, bpf_map* rodata, const Constant& constant) {
  auto offset = offset_of(object, constant);
  if (!offset) return tl::unexpected(offset.error());
  size_t size = 0;
  const auto* initial = static_cast<const std::byte*>(::bpf_map__initial_value(rodata, &size));
  std::vector<std::byte> value(initial, initial + size);
  std::memcpy(value.data() + *offset, constant.value.data(), constant.value.size());
  const int result = ::bpf_map__set_initial_value(rodata, value.data(), size);
  if (result != 0) return system_failure("setting .rodata", result);
  return {};
}

Result<void> prepare_map(const bpf_object* object, bpf_map* map, const Constant& constant, const MapSet& maps) {
  const std::string name = ::bpf_map__name(map);
  if (name.ends_with(".rodata")) return set_constant(object, map, constant);
  if (!maps.has(name)) return {};
  if (const int result = ::bpf_map__reuse_fd(map, maps.fd(name)); result != 0)
    return system_failure(fmt::format("giving it table {}", name), result);
  return {};
}

tl::unexpected<Error> load_failure(BenchObject name, const LibbpfLog& log, int code) {
  return failure(
      fmt::format("loading {}: {}", embedded(name).name, log.summary().empty() ? error_words(code) : log.summary()),
      code);
}

Result<bpf_object*> open_object(BenchObject name) {
  const Embedded& bytes = embedded(name);
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = bytes.name);
  const LibbpfLog log;
  bpf_object* object = ::bpf_object__open_mem(bytes.start, static_cast<size_t>(bytes.end - bytes.start), &options);
  if (object == nullptr) return load_failure(name, log, errno);
  return object;
}

}  // namespace

Result<LoadedObject> LoadedObject::load(BenchObject name, const Constant& constant, const MapSet& maps) {
  auto opened = open_object(name);
  if (!opened) return tl::unexpected(opened.error());
  LoadedObject object(*opened);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, *opened) {
    if (auto prepared = prepare_map(*opened, map, constant, maps); !prepared)
      return tl::unexpected(std::move(prepared.error()).in(embedded(name).name));
  }
  const LibbpfLog log;
  if (const int result = ::bpf_object__load(*opened); result != 0) return load_failure(name, log, -result);
  return object;
}

Result<LoadedObject> LoadedObject::load(BenchObject name) { return load(name, Constant{"", {}}, MapSet()); }

int LoadedObject::program(const std::string& name) const {
  return ::bpf_program__fd(::bpf_object__find_program_by_name(object_.get(), name.c_str()));
}

int LoadedObject::map(const std::string& name) const {
  return ::bpf_object__find_map_fd_by_name(object_.get(), name.c_str());
}

Result<Mapping> LoadedObject::variables() const {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    if (std::string_view(::bpf_map__name(map)).ends_with(".bss"))
      return Mapping::map(::bpf_map__fd(map), 0, ::bpf_map__value_size(map), true);
  }
  return failure("the program has no variables");
}

Result<ProgramSize> program_size(int program_fd) {
  bpf_prog_info info{};
  uint32_t length = sizeof(info);
  if (const int result = ::bpf_obj_get_info_by_fd(program_fd, &info, &length); result != 0)
    return system_failure("asking about a program", -result);
  return ProgramSize{info.xlated_prog_len / static_cast<uint32_t>(sizeof(bpf_insn)), info.verified_insns};
}

}  // namespace waggle
