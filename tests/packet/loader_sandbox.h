// SPDX-License-Identifier: Apache-2.0
// A place to try the dataplane in: a BPF file system of its own and small tables. Everything it made goes with it. Used
// by the loader and attach tests, which need root.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "dataplane/cleanup.h"
#include "dataplane/dataplane.h"

namespace waggle {

// An empty directory, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = "/tmp/waggle-test-" + std::to_string(::getpid()) + "-XXXXXX";
    const char* made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    path_ = pattern;
  }
  ~ScratchDirectory() {
    ::umount2(path_.c_str(), MNT_DETACH);  // if the test mounted something there
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Mounts made after this are the process's own, so that they go with it however it ends.
inline void keep_mounts_private() {
  static const bool done =
      ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  EXPECT_TRUE(done) << "needs root";
}

// As ScratchDirectory, with a BPF file system mounted on it.
class ScratchBpfRoot {
 public:
  ScratchBpfRoot() {
    keep_mounts_private();
    EXPECT_EQ(::mount("bpf", path().c_str(), "bpf", 0, nullptr), 0) << "needs root";
  }
  ~ScratchBpfRoot() { (void)cleanup_dataplane(path()); }
  ScratchBpfRoot(const ScratchBpfRoot&) = delete;
  ScratchBpfRoot& operator=(const ScratchBpfRoot&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

 private:
  ScratchDirectory directory_;
};

inline DataplaneSizes small_sizes() {
  DataplaneSizes sizes;
  sizes.plan = {.frontend_buckets4 = 256,
                .frontend_buckets6 = 256,
                .services = 128,
                .slots = 512,
                .backends = 256,
                .reply_gate_words = 512,
                .frontend_gate_words = 512};
  sizes.flow_slots4 = 1024;
  sizes.flow_slots6 = 512;
  sizes.snat_slots4 = 256;
  sizes.snat_slots6 = 128;
  sizes.spill_entries = 256;
  sizes.sock_entries = 256;
  sizes.nexthops = 64;
  sizes.affinity_entries = 64;
  sizes.fragment_entries = 64;
  sizes.plan.source_ranges = 64;
  return sizes;
}

inline DataplaneConfig small_config(const ScratchBpfRoot& root) {
  DataplaneConfig config;
  config.bpf_root = root.path();
  config.node_name = "n1";
  config.sizes = small_sizes();
  return config;
}

template <typename T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

}  // namespace waggle
