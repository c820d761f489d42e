// SPDX-License-Identifier: Apache-2.0
#include "node/run_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "base/unique_fd.h"

namespace waggle {
namespace {

constexpr size_t kLastWords = 300;  // bytes of its complaints that a message repeats

tl::unexpected<Error> cannot(std::string_view what, const std::string& program, int code) {
  return failure(fmt::format("cannot {} {}: {}", what, program, std::strerror(code)), code);
}

// Files in memory, so that neither side ever waits for the other.
struct Streams {
  UniqueFd in{::memfd_create("in", MFD_CLOEXEC)};
  UniqueFd out{::memfd_create("out", MFD_CLOEXEC)};
  UniqueFd err{::memfd_create("err", MFD_CLOEXEC)};

  [[nodiscard]] bool valid() const { return in.valid() && out.valid() && err.valid(); }
};

bool write_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t part = ::write(fd, text.data() + done, text.size() - done);
    if (part < 0 && errno != EINTR) return false;
    done += static_cast<size_t>(std::max<ssize_t>(part, 0));
  }
  return ::lseek(fd, 0, SEEK_SET) == 0;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  ::lseek(fd, 0, SEEK_SET);
  for (ssize_t size = 0; (size = ::read(fd, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<size_t>(size));
  return text;
}

Result<pid_t> spawn(const std::vector<std::string>& words, const Streams& streams) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, streams.in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, streams.out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, streams.err.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int code = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return cannot("start", words[0], code);
  return pid;
}

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string candidate = fmt::format("{}/{}", directory, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

Result<std::string> run_program(const std::vector<std::string>& words, const std::string& input) {
  const Streams streams;
  if (!streams.valid() || !write_all(streams.in.get(), input)) return cannot("prepare", words[0], errno);
  const auto pid = spawn(words, streams);
  if (!pid) return tl::unexpected(pid.error());
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR) return cannot("wait for", words[0], errno);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return read_all(streams.out.get());
  const std::string complaints = read_all(streams.err.get());
  return failure(fmt::format("{} failed: {}", words[0],
                             complaints.substr(complaints.size() - std::min(complaints.size(), kLastWords))));
}

}  // namespace waggle
