// SPDX-License-Identifier: Apache-2.0
#include "node/setting_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace waggle {
namespace {

tl::unexpected<Error> setting_failure(std::string_view path, std::string_view operation) {
  const int code = errno;
  return failure(fmt::format("{}: cannot {}: {}", path, operation, std::strerror(code)), code);
}

}  // namespace

Result<std::string> read_setting(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return setting_failure(path, "open");
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = ::read(file.get(), part.data(), part.size());
    if (size < 0) return setting_failure(path, "read");
    if (size == 0) break;
    text.append(part.data(), static_cast<size_t>(size));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<void> write_setting(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file.valid()) return setting_failure(path, "open for writing");
  // The kernel takes a setting in one write or not at all.
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return setting_failure(path, fmt::format("write '{}'", text));
  return {};
}

}  // namespace waggle
