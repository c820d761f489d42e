// SPDX-License-Identifier: Apache-2.0
// `waggle status`: gathers what the agent last wrote and what the tables hold now.
#include "cli/session.h"
#include "cli/status_report.h"

namespace waggle::cli {
namespace {

Outcome<TableFacts> table_facts(TableReader& reader, const InterfaceNames& names) {
  TableFacts facts{.meta = reader.meta(), .names = names, .cgroup_attached = reader.cgroup_attached()};
  auto control = reader.control();
  if (!control) return failed(std::move(control.error()));
  facts.control = *control;
  auto flows = count_flows(reader);
  if (!flows) return failed(std::move(flows.error()));
  auto usage = table_usage(reader);
  if (!usage) return failed(std::move(usage.error()));
  auto reasons = reader.reason_counters();
  if (!reasons) return failed(std::move(reasons.error()));
  auto links = reader.attached();
  if (!links) return failed(std::move(links.error()));
  facts.flows = std::move(*flows);
  facts.usage = std::move(*usage);
  facts.reasons = std::move(*reasons);
  facts.links = std::move(*links);
  return facts;
}

}  // namespace

Outcome<void> status_command(const Session& session) {
  auto status = read_agent_status(session.run_dir);
  if (!status) session.say(status.error().message);
  std::optional<AgentStatus> written = status ? std::move(*status) : std::nullopt;
  const InterfaceNames names(written);
  auto reader = open_tables(session);
  AgentFacts agent = agent_facts(std::move(written), reader ? std::optional(reader->agent_pid()) : std::nullopt);
  agent.run_dir = session.run_dir.string();
  if (!reader) {
    if (agent.status) print(session.out, session.format, status_document(agent, nullptr));
    return tl::unexpected(reader.error());
  }
  const auto tables = table_facts(*reader, names);
  if (!tables) return tl::unexpected(tables.error());
  print(session.out, session.format, status_document(agent, &*tables));
  return {};
}

}  // namespace waggle::cli
