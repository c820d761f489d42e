// SPDX-License-Identifier: Apache-2.0
// What requests to an API server authenticate with at this moment: files are read again when they change, the exec
// program is run again when what it printed expires, and all of it when the server answers 401. Owned by KubeHttp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "source/exec_credential.h"
#include "source/exec_run.h"
#include "source/kube_config.h"
#include "source/small_file.h"

namespace waggle {

struct KubeSecrets {
  std::string authority;           // PEM; "": the system's authorities
  std::string client_certificate;  // PEM; "": none
  std::string client_key;          // PEM
  std::string token;               // "": none
  bool operator==(const KubeSecrets&) const = default;
};

struct KubeCredentialTimes {
  std::chrono::milliseconds longest_age = std::chrono::minutes(1);      // of a file's content, whatever its stamp says
  std::chrono::milliseconds exec_time_limit = std::chrono::minutes(1);  // of the program
};

class KubeCredentials {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State : uint8_t { kReady, kPending, kFailed };

  // `access` outlives this.
  KubeCredentials(const KubeAccess& access, const KubeCredentialTimes& times, uint64_t generation = 0);

  // To be called before requests begin. kPending: the exec program runs; ask again when drive() was true.
  State prepare();
  [[nodiscard]] const KubeSecrets& secrets() const { return secrets_; }
  // Grows whenever the secrets change or were printed anew.
  [[nodiscard]] uint64_t generation() const { return generation_; }
  // After kFailed: a whole sentence.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // The server answered 401 to a request with the secrets of this generation.
  void refused(uint64_t generation);

  // The exec program, while it runs; -1: it does not.
  [[nodiscard]] int program_fd() const { return run_ ? run_->fd() : -1; }
  [[nodiscard]] Clock::time_point program_time_up() const { return run_ ? run_->time_up() : Clock::time_point::max(); }
  // True when the program has just ended.
  bool drive();
  [[nodiscard]] uint64_t program_runs() const { return program_runs_; }

 private:
  State prepare_program();
  State start_program();
  void take_outcome();
  Result<KubeSecrets> read_files();
  Result<std::string> read_pem(std::optional<SmallFile>& file, const KubePem& pem) const;
  Result<std::string> read_token();
  void use(KubeSecrets secrets);
  State fail(std::string problem);
  [[nodiscard]] std::string program_problem(const std::string& what) const;

  const KubeAccess& access_;
  KubeCredentialTimes times_;
  std::optional<SmallFile> authority_;
  std::optional<SmallFile> client_certificate_;
  std::optional<SmallFile> client_key_;
  std::optional<SmallFile> token_;
  std::unique_ptr<ExecRun> run_;
  std::optional<ExecCredential> printed_;
  // A credential is used once even if it is expired when it comes: the server's clock is the one that counts.
  bool just_printed_ = false;
  std::optional<std::string> program_failed_;  // to be told once
  KubeSecrets secrets_;
  uint64_t generation_ = 0;
  uint64_t program_runs_ = 0;
  std::string problem_;
};

}  // namespace waggle
