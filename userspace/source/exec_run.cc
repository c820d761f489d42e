// SPDX-License-Identifier: Apache-2.0
#include "source/exec_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace waggle {
namespace {

constexpr size_t kLargestOutput = 1 << 20;  // bytes
constexpr size_t kLastWords = 300;          // bytes of its complaints that a message repeats

std::string words_of(int code) { return std::generic_category().message(code); }

tl::unexpected<Error> cannot(std::string_view what) {
  const int code = errno;
  return failure(fmt::format("cannot {}: {}", what, words_of(code)), code);
}

struct Pipe {
  UniqueFd read_end;  // does not block
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("make a pipe");
  Pipe out{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return cannot("make a pipe");
  return out;
}

std::vector<std::string> environment_of(const ExecCommand& command) {
  std::vector<std::string> out;
  for (const auto& [name, value] : command.environment) out.push_back(name + "=" + value);
  const size_t ours = out.size();
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto name = text.substr(0, text.find('=') + 1);
    const auto end = out.begin() + static_cast<ptrdiff_t>(ours);
    const bool replaced = std::any_of(out.begin(), end, [&](const auto& one) { return one.starts_with(name); });
    if (!replaced) out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// A group of its own, so that all of it can be killed, and the signal mask of a fresh process: the agent blocks
// signals.
void set_attributes(posix_spawnattr_t& attributes) {
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
}

void set_files(posix_spawn_file_actions_t& actions, int output, int complaints) {
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);  // libcurl's are not all close-on-exec
}

// One line, without what a terminal would take for orders.
std::string last_words(const std::string& complaints) {
  std::string out =
      complaints.size() > kLastWords ? "..." + complaints.substr(complaints.size() - kLastWords) : complaints;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

}  // namespace

Result<std::unique_ptr<ExecRun>> ExecRun::start(const ExecCommand& command, std::chrono::milliseconds time_limit) {
  std::unique_ptr<ExecRun> run(new ExecRun);
  run->time_limit_ = time_limit;
  run->time_up_ = Clock::now() + time_limit;
  auto output = make_pipe();
  if (!output) return tl::unexpected(output.error());
  auto complaints = make_pipe();
  if (!complaints) return tl::unexpected(complaints.error());
  run->output_fd_ = std::move(output->read_end);
  run->complaints_fd_ = std::move(complaints->read_end);
  if (auto spawned = run->spawn(command, output->write_end.get(), complaints->write_end.get()); !spawned)
    return tl::unexpected(spawned.error());
  if (auto watched = run->watch(); !watched) return tl::unexpected(watched.error());
  return run;
}

Result<void> ExecRun::spawn(const ExecCommand& command, int output, int complaints) {
  std::vector<std::string> arguments = {command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = environment_of(command);
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&actions);
  set_attributes(attributes);
  set_files(actions, output, complaints);
  const int error = ::posix_spawnp(&pid_, command.program.c_str(), &actions, &attributes, pointers_to(arguments).data(),
                                   pointers_to(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return {};
  pid_ = -1;
  return failure(fmt::format("cannot be started: {}", words_of(error)), error);
}

Result<void> ExecRun::watch() {
  process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_.valid()) return cannot("be waited for");
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return cannot("be waited for");
  for (const int fd : {process_.get(), output_fd_.get(), complaints_fd_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return cannot("be waited for");
  }
  return {};
}

ExecRun::~ExecRun() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ExecRun::stop(std::string why) {
  killed_because_ = std::move(why);
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, &status_, 0);
  pid_ = -1;
}

bool ExecRun::drive() {
  if (pid_ < 0) return true;
  // Looked at first: what it printed before its end is read below. A pipe at its end would stay readable for ever.
  const bool ended = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  if (!read_all(output_fd_.get(), output_)) output_fd_.reset();
  if (!read_all(complaints_fd_.get(), complaints_)) complaints_fd_.reset();
  if (ended) {
    pid_ = -1;
  } else if (output_.size() > kLargestOutput || complaints_.size() > kLargestOutput) {
    stop("printed too much");
  } else if (Clock::now() >= time_up_) {
    stop(fmt::format("did not end within {} s", std::chrono::duration<double>(time_limit_).count()));
  }
  return pid_ < 0;
}

// False at the end.
bool ExecRun::read_all(int fd, std::string& into) {
  char buffer[4096];
  while (fd >= 0 && into.size() <= kLargestOutput) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    into.append(buffer, static_cast<size_t>(size));
  }
  return true;
}

Result<std::string> ExecRun::outcome() const {
  const std::string words = complaints_.empty() ? "" : fmt::format(", saying: {}", last_words(complaints_));
  if (!killed_because_.empty()) return failure(killed_because_ + words);
  if (WIFSIGNALED(status_)) return failure(fmt::format("was ended by signal {}{}", WTERMSIG(status_), words));
  if (WEXITSTATUS(status_) != 0) return failure(fmt::format("ended with status {}{}", WEXITSTATUS(status_), words));
  return output_;
}

}  // namespace waggle
