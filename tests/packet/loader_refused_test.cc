// SPDX-License-Identifier: Apache-2.0
// What the loader says where the kernel does not let it: capabilities, a seccomp profile, a kernel that cannot do it.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <string>

#include "loader_sandbox.h"

namespace waggle {
namespace {

struct LoaderRefused : testing::Test {
  ScratchBpfRoot root;
};

TEST_F(LoaderRefused, NamesTheMissingCapability) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) ::_exit(2);
    const auto refused = Dataplane::open(small_config(root));
    const bool named = !refused && refused.error().message.find("lacks CAP_BPF, CAP_NET_ADMIN") != std::string::npos;
    if (!named && !refused) std::fprintf(stderr, "%s\n", refused.error().message.c_str());
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// As the seccomp profiles of older container runtimes do.
bool forbid_bpf() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(code), .filter = code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(LoaderRefused, NamesTheSeccompProfile) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_bpf()) ::_exit(2);
    const auto refused = Dataplane::open(small_config(root));
    const bool named = !refused && refused.error().message.find("seccomp profile") != std::string::npos;
    if (!named && !refused) std::fprintf(stderr, "%s\n", refused.error().message.c_str());
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// As a kernel that lacks something the programs need.
bool refuse_programs() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_LOAD, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(code), .filter = code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Proves: O-64
TEST_F(LoaderRefused, NamesTheKernelThatCannotDoIt) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!refuse_programs()) ::_exit(2);
    const auto refused = Dataplane::open(small_config(root));
    const std::string words = refused ? "it went on" : refused.error().message;
    const bool named = words.find("refused them") != std::string::npos &&
                       words.find("Waggle needs kernel 6.1 or newer") != std::string::npos;
    if (!named) std::fprintf(stderr, "%s\n", words.c_str());
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace waggle
