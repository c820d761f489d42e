// SPDX-License-Identifier: Apache-2.0
#include "source/kube_credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "source/field.h"

namespace waggle {
namespace {

constexpr auto kExpiresSoon = std::chrono::seconds(10);  // a request with such a credential may come too late

std::optional<SmallFile> file_of(const std::string& path) {
  return path.empty() ? std::nullopt : std::make_optional<SmallFile>(path);
}

// What can stand in a header: no line could follow it.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

KubeCredentials::KubeCredentials(const KubeAccess& access, const KubeCredentialTimes& times, uint64_t generation)
    : access_(access),
      times_(times),
      authority_(file_of(access.authority.file)),
      client_certificate_(file_of(access.client_certificate.file)),
      client_key_(file_of(access.client_key.file)),
      token_(file_of(access.token_file)),
      generation_(generation) {}

KubeCredentials::State KubeCredentials::prepare() {
  auto secrets = read_files();
  if (!secrets) return fail(fmt::format("{}: {}", access_.origin, secrets.error().message));
  if (access_.exec) {
    if (const State state = prepare_program(); state != State::kReady) return state;
    secrets->token = printed_->token;
    secrets->client_certificate = printed_->client_certificate;
    secrets->client_key = printed_->client_key;
  }
  use(std::move(*secrets));
  return State::kReady;
}

KubeCredentials::State KubeCredentials::prepare_program() {
  if (run_) return State::kPending;
  if (program_failed_) return fail(*std::exchange(program_failed_, std::nullopt));
  if (!printed_) return start_program();
  const bool expired = printed_->ends && std::chrono::system_clock::now() + kExpiresSoon >= *printed_->ends;
  const bool just_printed = std::exchange(just_printed_, false);
  return just_printed || !expired ? State::kReady : start_program();
}

KubeCredentials::State KubeCredentials::start_program() {
  const KubeExec& exec = *access_.exec;
  const auto authority = read_pem(authority_, access_.authority);
  ExecCommand command{exec.command, exec.arguments, exec.environment};
  command.environment.emplace_back("KUBERNETES_EXEC_INFO", exec_info(access_, authority.value_or("")));
  auto run = ExecRun::start(command, times_.exec_time_limit);
  ++program_runs_;
  if (!run) {
    const std::string remedy = run.error().code == ENOENT ? "; install it, or correct `command`" : "";
    return fail(program_problem(run.error().message + remedy));
  }
  run_ = std::move(*run);
  return State::kPending;
}

bool KubeCredentials::drive() {
  if (!run_ || !run_->drive()) return false;
  take_outcome();
  run_.reset();
  return true;
}

void KubeCredentials::take_outcome() {
  printed_.reset();
  const auto output = run_->outcome();
  if (!output) {
    program_failed_ = program_problem(output.error().message);
    return;
  }
  auto credential = parse_exec_credential(*output, access_.exec->api_version);
  if (!credential) {
    program_failed_ = program_problem(credential.error().message);
  } else if (!credential->token.empty() && !is_token(credential->token)) {
    program_failed_ = program_problem("printed a token with characters that no token has");
  } else {
    printed_ = std::move(*credential);
    just_printed_ = true;
    ++generation_;
  }
}

Result<KubeSecrets> KubeCredentials::read_files() {
  KubeSecrets out;
  const std::pair<std::string*, Result<std::string>> parts[] = {
      {&out.authority, read_pem(authority_, access_.authority)},
      {&out.client_certificate, read_pem(client_certificate_, access_.client_certificate)},
      {&out.client_key, read_pem(client_key_, access_.client_key)},
      {&out.token, read_token()}};
  for (const auto& [place, content] : parts) {
    if (!content) return tl::unexpected(content.error());
    *place = *content;
  }
  return out;
}

Result<std::string> KubeCredentials::read_pem(std::optional<SmallFile>& file, const KubePem& pem) const {
  if (!file) return pem.data;
  auto content = file->content(times_.longest_age);
  if (!content) return tl::unexpected(std::move(content.error()).in(pem.field));
  if (content->find("-----BEGIN ") != std::string::npos) return content;
  return failure(
      fmt::format("{}: {}: holds no PEM block; put the certificate or key there in PEM form", pem.field, file->path()));
}

// The token in the kubeconfig serves while the token's file cannot be read.
Result<std::string> KubeCredentials::read_token() {
  std::string token = access_.token;
  std::string where = "token";
  if (token_) {
    auto content = token_->content(times_.longest_age);
    if (!content && token.empty()) return tl::unexpected(std::move(content.error()).in("token file"));
    if (content) {
      where = "token file " + token_->path();
      token = without_spaces_around(*content);
      if (token.empty()) return failure(where + ": is empty; put a bearer token there");
    }
  }
  if (!token.empty() && !is_token(token)) return failure(where + ": has characters that no token has");
  return token;
}

void KubeCredentials::use(KubeSecrets secrets) {
  if (secrets == secrets_) return;
  secrets_ = std::move(secrets);
  ++generation_;
}

void KubeCredentials::refused(uint64_t generation) {
  if (generation != generation_) return;  // a younger credential is there already
  for (auto* file : {&authority_, &client_certificate_, &client_key_, &token_}) {
    if (*file) (*file)->forget_age();
  }
  printed_.reset();
}

KubeCredentials::State KubeCredentials::fail(std::string problem) {
  problem_ = std::move(problem);
  return State::kFailed;
}

std::string KubeCredentials::program_problem(const std::string& what) const {
  const KubeExec& exec = *access_.exec;
  const std::string hint = exec.install_hint.empty() ? "" : fmt::format(" ({})", exec.install_hint);
  return fmt::format("{}: the exec program {} {}{}", access_.origin, exec.command, what, hint);
}

}  // namespace waggle
