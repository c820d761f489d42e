// SPDX-License-Identifier: Apache-2.0
#include "control_plane/agent_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace waggle {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// "Rss:      123 kB" -> 123; nothing if the line is another.
uint64_t kilobytes(const std::string& line, std::string_view field) {
  return line.starts_with(field) ? std::strtoull(line.c_str() + field.size(), nullptr, 10) : 0;
}

// The head of a mapping begins with its range: "7f12-7f34 rw-s ... name".
bool is_head(const std::string& line) { return !line.empty() && line.find(':') > line.find('-'); }

}  // namespace

Result<std::unique_ptr<AgentProcess>> AgentProcess::start(std::vector<std::string> arguments, const fs::path& log) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return failure(
        fmt::format("cannot start {}: {}; build it first or name it with --waggle", arguments[0], std::strerror(error)),
        error);
  return std::unique_ptr<AgentProcess>(new AgentProcess(pid, log));
}

AgentProcess::~AgentProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

// The kernel's own clock of each thread; those of /proc/PID/stat tick a hundred times a second only.
Result<uint64_t> AgentProcess::cpu_ns() const {
  uint64_t sum = 0;
  std::error_code error;
  for (const auto& thread : fs::directory_iterator(fmt::format("/proc/{}/task", pid_), error)) {
    uint64_t ns = 0;
    std::ifstream(thread.path() / "schedstat") >> ns;
    sum += ns;
  }
  if (error || sum == 0) return failure("the agent's CPU time cannot be read: has it ended?");
  return sum;
}

Result<AgentMemory> AgentProcess::memory() const {
  AgentMemory memory;
  std::ifstream mappings(fmt::format("/proc/{}/smaps", pid_));
  bool of_map = false;
  for (std::string line; std::getline(mappings, line);) {
    if (is_head(line)) of_map = line.find("bpf-map") != std::string::npos;
    (of_map ? memory.maps_kb : memory.resident_kb) += kilobytes(line, "Rss:");
  }
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string line; std::getline(status, line);) memory.peak_kb += kilobytes(line, "VmHWM:");
  if (memory.resident_kb == 0) return failure("the agent's memory cannot be read: has it ended?");
  return memory;
}

Result<void> AgentProcess::lives() const {
  constexpr size_t kShown = 2000;
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
  if (ended.si_pid == 0) return {};
  const std::string said = content_of(log_);
  return failure(fmt::format("the agent has ended with status {}:\n{}", ended.si_status,
                             said.substr(said.size() - std::min(said.size(), kShown))));
}

}  // namespace waggle
