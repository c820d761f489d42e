// SPDX-License-Identifier: Apache-2.0
// What a command needs to run: its parsed words, where to print, where Waggle's tables and run directory are. Made by
// run(), one per process; commands only read it and write to its sinks.
#pragma once

#include <filesystem>
#include <string_view>

#include "cli/grammar.h"
#include "cli/output.h"
#include "dataplane/table_reader.h"

namespace waggle::cli {

struct Session {
  const Invocation& invocation;
  Sink& out;
  Sink& err;
  Format format = Format::kTable;
  std::filesystem::path bpf_root{};
  std::filesystem::path run_dir{};

  // One sentence for people, on stderr.
  void say(std::string_view sentence) const;
};

// The pinned tables; in words why not.
Outcome<TableReader> open_tables(const Session& session);

// --limit as a number; SIZE_MAX without it.
Outcome<size_t> row_limit(const Invocation& invocation);

Outcome<void> status_command(const Session& session);
Outcome<void> service_list_command(const Session& session);
Outcome<void> service_get_command(const Session& session);
Outcome<void> backend_list_command(const Session& session);
Outcome<void> flow_list_command(const Session& session);
Outcome<void> map_list_command(const Session& session);
Outcome<void> map_dump_command(const Session& session);
Outcome<void> cleanup_command(const Session& session);
Outcome<void> version_command(const Session& session);

}  // namespace waggle::cli
