// SPDX-License-Identifier: Apache-2.0
// One loaded BPF object of this benchmark or of the product. Owned by whoever measures its programs.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "packet_cost/map_set.h"

namespace waggle {

// The objects that bpf/ and bench/bpf/ compile to, embedded.
enum class BenchObject : uint8_t { kTcLb, kXdpLb, kLruTc, kLruXdp, kFloorTc, kFloorXdp, kWrapTc, kWrapXdp };

// A variable of an object's .rodata.
struct Constant {
  const char* name;
  std::span<const std::byte> value;
};

struct ProgramSize {
  uint32_t instructions = 0;           // of the loaded program, all its functions
  uint32_t verified_instructions = 0;  // that the verifier walked
};

class LoadedObject {
 public:
  // Maps that `maps` has are used, the others (working memory) are made.
  static Result<LoadedObject> load(BenchObject name, const Constant& constant, const MapSet& maps);
  // An object without constants and tables.
  static Result<LoadedObject> load(BenchObject name);

  [[nodiscard]] int program(const std::string& name) const;
  [[nodiscard]] int map(const std::string& name) const;
  // What its programs write outside of tables.
  [[nodiscard]] Result<Mapping> variables() const;

 private:
  struct Close {
    void operator()(bpf_object* object) const { ::bpf_object__close(object); }
  };
  explicit LoadedObject(bpf_object* object) : object_(object) {}
  std::unique_ptr<bpf_object, Close> object_;
};

Result<ProgramSize> program_size(int program_fd);

}  // namespace waggle
