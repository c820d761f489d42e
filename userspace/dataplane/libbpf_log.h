// SPDX-License-Identifier: Apache-2.0
// Keeps what libbpf says instead of letting it onto stderr, and makes one sentence of it when something failed. Used
// inside dataplane/ only.
#pragma once

#include <string>
#include <string_view>

namespace waggle {

// "program tc_ingress: unknown func bpf_foo#212": the program and the verifier's last words, or libbpf's last line.
std::string summarize_libbpf_log(std::string_view text);

// From construction to destruction libbpf's words on this thread are kept here. Outside of any capture they are
// dropped.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  [[nodiscard]] std::string summary() const { return summarize_libbpf_log(text_); }

 private:
  std::string text_;
  std::string* outer_;
};

}  // namespace waggle
