// SPDX-License-Identifier: Apache-2.0
#include "support/api_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace waggle {
namespace {

constexpr int kAnswerMs = 300'000;  // longer than any command
constexpr int kEndMs = 10'000;

tl::unexpected<Error> failed(std::string_view what) {
  return failure(fmt::format("test API server: {}: {}", what, std::strerror(errno)), errno);
}

std::vector<std::string> arguments_of(const ApiServerOptions& options) {
  std::vector<std::string> arguments = options.prefix;
  arguments.insert(arguments.end(), {"/usr/bin/python3", "-B", WAGGLE_SOURCE_DIR "/tests/support/api_server"});
  for (const std::string& address : options.addresses) arguments.insert(arguments.end(), {"--address", address});
  for (const auto& file : options.load) arguments.insert(arguments.end(), {"--load", file.string()});
  arguments.insert(arguments.end(), options.further_arguments.begin(), options.further_arguments.end());
  return arguments;
}

// A process with these two as its standard input and output.
Result<pid_t> spawn_process(std::vector<std::string> arguments, int input, int output) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  errno = error;
  if (error != 0) return failed(fmt::format("cannot start {}", arguments[0]));
  return pid;
}

Result<simdjson::dom::element> at(simdjson::dom::parser& parser, std::string_view json, std::string_view pointer) {
  simdjson::dom::element found;
  if (parser.parse(json.data(), json.size()).at_pointer(pointer).get(found) != simdjson::SUCCESS)
    return failure(fmt::format("test API server: there is no {} in {}", pointer, json));
  return found;
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(const ApiServerOptions& options) {
  std::unique_ptr<ApiServer> server(new ApiServer);
  if (auto spawned = server->spawn(options); !spawned) return tl::unexpected(spawned.error());
  auto line = server->read_line();
  if (!line) return tl::unexpected(line.error());
  if (auto read = server->read_places(*line); !read) return tl::unexpected(read.error());
  return server;
}

// Its input is a socket, because a write to a process that is gone must not raise SIGPIPE.
Result<void> ApiServer::spawn(const ApiServerOptions& options) {
  int input[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) != 0) return failed("cannot make a socket");
  commands_ = UniqueFd(input[0]);
  const UniqueFd its_input(input[1]);
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return failed("cannot make a pipe");
  answers_ = UniqueFd(output[0]);
  const UniqueFd its_output(output[1]);
  auto pid = spawn_process(arguments_of(options), its_input.get(), its_output.get());
  if (!pid) return tl::unexpected(pid.error());
  pid_ = *pid;
  return {};
}

// It ends by itself when its input does; one that does not is killed.
ApiServer::~ApiServer() {
  commands_.reset();
  if (pid_ < 0) return;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, kEndMs) <= 0) ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<std::string> ApiServer::command(std::string_view json) {
  const std::string line = std::string(json) + "\n";
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t size = ::send(commands_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (size < 0) return failed("cannot send a command");
    sent += static_cast<size_t>(size);
  }
  auto answer = read_line();
  if (!answer) return answer;
  if (answer->starts_with(R"({"ok": false)")) {
    auto words = text_at(*answer, "/error");
    return failure(fmt::format("test API server: {} in answer to {}", words ? *words : *answer, json));
  }
  if (answer->find(R"("ca_file")") != std::string::npos) {
    if (auto read = read_places(*answer); !read) return tl::unexpected(read.error());
  }
  return answer;
}

Result<int64_t> ApiServer::put(std::string_view object) {
  // A command is one line; between the tokens of JSON a line end is as good as a blank.
  std::string line(object);
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return command(fmt::format(R"({{"command": "put", "object": {}}})", line)).and_then([](const std::string& answer) {
    return number_at(answer, "/version");
  });
}

Result<int64_t> ApiServer::remove(std::string_view resource, std::string_view name_space, std::string_view name) {
  return command(fmt::format(R"({{"command": "delete", "resource": "{}", "namespace": "{}", "name": "{}"}})", resource,
                             name_space, name))
      .and_then([](const std::string& answer) { return number_at(answer, "/version"); });
}

Result<void> ApiServer::read_places(std::string_view json) {
  auto port = number_at(json, "/port");
  if (!port) return tl::unexpected(port.error());
  places_.port = static_cast<uint16_t>(*port);
  const std::pair<const char*, std::string*> texts[] = {{"/url", &places_.url},
                                                        {"/ca_file", &places_.ca_file},
                                                        {"/token_file", &places_.token_file},
                                                        {"/client_certificate", &places_.client_certificate},
                                                        {"/client_key", &places_.client_key},
                                                        {"/kubeconfig", &places_.kubeconfig},
                                                        {"/service_account", &places_.service_account}};
  for (const auto& [pointer, place] : texts) {
    auto text = text_at(json, pointer);
    if (!text) return tl::unexpected(text.error());
    *place = *text;
  }
  return {};
}

Result<std::string> ApiServer::read_line() {
  for (size_t searched = 0;;) {
    const size_t end = unread_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    searched = unread_.size();
    pollfd readable{.fd = answers_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kAnswerMs) <= 0) return failure("test API server: no answer for five minutes");
    char buffer[65536];
    const ssize_t size = ::read(answers_.get(), buffer, sizeof buffer);
    if (size <= 0) return failure("test API server: it has ended; what it said stands on standard error");
    unread_.append(buffer, static_cast<size_t>(size));
  }
}

Result<std::string> text_at(std::string_view json, std::string_view pointer) {
  simdjson::dom::parser parser;
  auto found = at(parser, json, pointer);
  if (!found) return tl::unexpected(found.error());
  std::string_view text;
  if (found->get(text) != simdjson::SUCCESS) return failure(fmt::format("{} is no text in {}", pointer, json));
  return std::string(text);
}

Result<int64_t> number_at(std::string_view json, std::string_view pointer) {
  simdjson::dom::parser parser;
  auto found = at(parser, json, pointer);
  if (!found) return tl::unexpected(found.error());
  int64_t number = 0;
  if (found->get(number) != simdjson::SUCCESS) return failure(fmt::format("{} is no number in {}", pointer, json));
  return number;
}

}  // namespace waggle
