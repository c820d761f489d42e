// SPDX-License-Identifier: Apache-2.0
// `waggle map list`
#include "cli/session.h"
#include "cli/usage.h"

namespace waggle::cli {

Outcome<void> map_list_command(const Session& session) {
  auto reader = open_tables(session);
  if (!reader) return tl::unexpected(reader.error());
  const auto usage = table_usage(*reader);
  if (!usage) return failed(usage.error());
  print(session.out, session.format, usage_listing(*usage));
  return {};
}

}  // namespace waggle::cli
