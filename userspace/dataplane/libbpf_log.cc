// SPDX-License-Identifier: Apache-2.0
#include "dataplane/libbpf_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <vector>

namespace waggle {
namespace {

thread_local std::string* current_text = nullptr;

// Matches libbpf_print_fn_t.
int keep(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (current_text == nullptr || level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string line(static_cast<size_t>(length) + 1, '\0');
  std::vsnprintf(line.data(), line.size(), format, arguments);
  line.pop_back();
  *current_text += line;
  return length;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const auto line = text.substr(0, end);
    if (!line.empty()) lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// NAME out of "libbpf: prog 'NAME': ..."
std::string_view program_of(std::string_view line) {
  constexpr std::string_view kMark = "prog '";
  const size_t start = line.find(kMark);
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start + kMark.size());
  return line.substr(0, line.find('\''));
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current_text) {
  ::libbpf_set_print(keep);
  current_text = &text_;
}

LibbpfLog::~LibbpfLog() { current_text = outer_; }

std::string summarize_libbpf_log(std::string_view text) {
  std::string_view program;
  std::string_view verifier;
  std::string_view last;
  bool in_log = false;
  for (const auto line : lines_of(text)) {
    const bool mark = line.find("PROG LOAD LOG") != std::string_view::npos;
    if (mark) in_log = line.find("BEGIN") != std::string_view::npos;
    if (!in_log && program.empty()) program = program_of(line);
    if (mark) continue;
    if (!in_log && verifier.empty()) last = line;
    if (in_log && !line.starts_with("processed ")) verifier = line;
  }
  std::string words = program.empty() ? "" : "program " + std::string(program) + ": ";
  return words + std::string(verifier.empty() ? last : verifier);
}

}  // namespace waggle
