// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace waggle::cli {

void Session::say(std::string_view sentence) const { err.write(fmt::format("waggle: {}\n", sentence)); }

Outcome<TableReader> open_tables(const Session& session) {
  std::error_code unreadable;
  const bool there = std::filesystem::exists(session.bpf_root / "waggle" / "maps", unreadable);
  if (!there && !unreadable)
    return failed(Error{fmt::format("no Waggle tables under {}: is the agent installed, or is --bpf-root wrong?",
                                    session.bpf_root.string())});
  auto reader = TableReader::open(session.bpf_root);
  if (!reader) return failed(std::move(reader.error()));
  return std::move(*reader);
}

Outcome<size_t> row_limit(const Invocation& invocation) {
  const auto text = invocation.option("limit");
  if (!text) return SIZE_MAX;
  size_t limit = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc() || stop != end || limit == 0)
    return usage(fmt::format("--limit takes a whole number from 1 up, not '{}'", *text));
  return limit;
}

}  // namespace waggle::cli
