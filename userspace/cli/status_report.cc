// SPDX-License-Identifier: Apache-2.0
#include "cli/status_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>

#include "cli/map_rows.h"

namespace waggle::cli {
namespace {

template <typename T>
Value known(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}

std::string agent_text(const AgentFacts& agent) {
  if (!agent.running) return "not running; the programs keep serving what was last programmed";
  const std::string who = agent.pid > 0 ? fmt::format("running, pid {}", agent.pid) : "running";
  if (agent.starting) return fmt::format("{}, starting: the status in {} is not its own yet", who, agent.run_dir);
  if (!agent.status)
    return fmt::format("{}, but it has written no status in {}: either it is starting, or --run-dir is wrong", who,
                       agent.run_dir);
  const auto started = agent.status->started_unix_s;
  if (!started || *started > agent.now_unix_s) return who;
  return fmt::format("{}, for {}", who, duration_text(agent.now_unix_s - *started));
}

std::string node_of(const AgentFacts& agent, const TableFacts* tables) {
  if (agent.status && !agent.status->node.empty()) return agent.status->node;
  if (tables == nullptr) return "";
  return {tables->meta.node_name, strnlen(tables->meta.node_name, sizeof(tables->meta.node_name))};
}

Value age(const std::optional<uint64_t>& unix_s, uint64_t now_unix_s) {
  return unix_s && *unix_s <= now_unix_s ? Value(now_unix_s - *unix_s) : Value();
}

std::vector<Field> identity_fields(const AgentFacts& agent, const TableFacts* tables) {
  const Value pid = agent.pid > 0 && agent.running ? Value(static_cast<unsigned>(agent.pid)) : Value();
  return {{.key = "agent", .title = "Agent", .value = agent_text(agent), .show = Show::kText},
          {.key = "agent_running", .title = "", .value = agent.running, .show = Show::kData},
          {.key = "agent_starting", .title = "", .value = agent.starting, .show = Show::kData},
          {.key = "agent_pid", .title = "", .value = pid, .show = Show::kData},
          {.key = "node", .title = "Node", .value = node_of(agent, tables)}};
}

// What a stopped agent last said about its work is history, not status: nothing for people, null for programs.
std::vector<Field> work_fields(const AgentFacts& agent) {
  const AgentStatus now = agent.running && agent.status ? *agent.status : AgentStatus{};
  std::vector<Field> fields = {
      {.key = "agent_version", .title = "Agent version", .value = now.version, .show = Show::kWide},
      {.key = "source", .title = "Source", .value = now.source},
      {.key = "synced", .title = "Synced", .value = agent.starting ? Value(false) : known(now.synced)},
      {.key = "services", .title = "Services", .value = known(now.services)},
      {.key = "since_last_write_s",
       .title = "Since last write",
       .value = age(now.applied_unix_s, agent.now_unix_s),
       .unit = Unit::kSeconds},
      {.key = "pending_writes", .title = "Pending writes", .value = known(now.pending_writes)},
      {.key = "pending", .title = "Pending", .value = now.pending},
      {.key = "problems", .title = "Problems", .value = now.problems},
      {.key = "notices", .title = "Notices", .value = now.notices},
      {.key = "socket_lb_tcp", .title = "Socket LB TCP", .value = now.sock_lb_tcp, .show = Show::kWide},
      {.key = "socket_lb_udp", .title = "Socket LB UDP", .value = now.sock_lb_udp, .show = Show::kWide}};
  for (Field& field : fields)
    if ((!agent.running || !agent.status) && !(agent.starting && field.key == "synced")) field.show = Show::kData;
  return fields;
}

Value used_entries(const TableFacts& tables, std::string_view name) {
  for (const TableUsage& usage : tables.usage)
    if (usage.map.name == name) return known(usage.used);
  return {};
}

std::vector<Field> table_fields(const TableFacts& tables) {
  return {
      {.key = "service_ports", .title = "Service ports", .value = used_entries(tables, "services")},
      {.key = "backends", .title = "Backends", .value = used_entries(tables, "backends")},
      {.key = "socket_hooks", .title = "Socket hooks", .value = tables.cgroup_attached ? "attached" : "not attached"},
      {.key = "evicted_live_flows",
       .title = "Live flows evicted",
       .value = reason_total(tables.reasons, WG_REASON_EVICTED_LIVE)},
      {.key = "spilled_flows", .title = "Flows spilled", .value = reason_total(tables.reasons, WG_REASON_SPILLED)},
      {.key = "abi_version", .title = "Table layout", .value = tables.meta.abi_version, .show = Show::kWide}};
}

// What `control` says of a link; empty for one the agent gave up.
std::string_view role_of(const wg_control& control, uint32_t ifindex) {
  for (const wg_link& link : control.link)
    if (link.ifindex == ifindex) return (link.flags & WG_LINK_UPLINK) != 0 ? "uplink" : "pod";
  return "";
}

Section link_section(const TableFacts& tables) {
  Section section{.key = "links", .title = "Links", .when_empty = "no program is attached to a link"};
  section.table.columns = {{.key = "interface", .title = "INTERFACE"}, {.key = "ifindex", .title = "IFINDEX"},
                           {.key = "role", .title = "ROLE"},           {.key = "tc_ingress", .title = "TC-INGRESS"},
                           {.key = "tc_egress", .title = "TC-EGRESS"}, {.key = "xdp", .title = "XDP"}};
  std::map<uint32_t, std::array<Value, 3>> modes;
  for (const AttachedLink& link : tables.links)
    modes[link.ifindex][static_cast<size_t>(link.hook)] = attach_mode_name(link.mode);
  for (const auto& [ifindex, mode] : modes) {
    section.table.rows.push_back(
        {tables.names.of(ifindex), ifindex, role_of(tables.control, ifindex), mode[0], mode[1], mode[2]});
  }
  return section;
}

Section flow_section(const TableFacts& tables) {
  Section section{.key = "flow_tables", .title = "Flow tables"};
  section.table.columns = {{.key = "table", .title = "TABLE"},         {.key = "live", .title = "LIVE"},
                           {.key = "slots", .title = "SLOTS"},         {.key = "fill_percent", .title = "FULL%"},
                           {.key = "half_open", .title = "HALF-OPEN"}, {.key = "established", .title = "ESTABLISHED"},
                           {.key = "closing", .title = "CLOSING"},     {.key = "closed", .title = "CLOSED"}};
  for (const FlowCount& count : tables.flows) {
    section.table.rows.push_back(
        {flow_table_name(count.table), count.live(), count.slots, percent_of(count.live(), count.slots),
         count.in(WG_FLOW_HALF_OPEN), count.in(WG_FLOW_ESTABLISHED),
         count.in(WG_FLOW_CLIENT_FIN) + count.in(WG_FLOW_BACKEND_FIN), count.in(WG_FLOW_CLOSED)});
  }
  return section;
}

Section drop_section(const TableFacts& tables) {
  Section section{.key = "drops", .title = "Dropped and rejected packets"};
  section.table = reason_table(tables.reasons);
  constexpr size_t kEffect = 3;
  std::erase_if(section.table.rows,
                [](const Row& row) { return row[kEffect] != Value("dropped") && row[kEffect] != Value("rejected"); });
  return section;
}

}  // namespace

AgentFacts agent_facts(std::optional<AgentStatus> written, std::optional<int> holder) {
  AgentFacts facts{.now_unix_s = static_cast<uint64_t>(std::time(nullptr))};
  const int pid = written ? written->pid : 0;
  facts.running = holder ? *holder != 0 : process_alive(pid);
  facts.pid = holder && *holder > 0 ? *holder : pid;
  // The next agent writes its status when it has loaded its programs; until then the last one's is there.
  facts.starting = written && holder && *holder > 0 && (written->ended || !same_process(*holder, pid));
  if (!facts.starting) facts.status = std::move(written);
  return facts;
}

Document status_document(const AgentFacts& agent, const TableFacts* tables) {
  Document document;
  const auto add = [&](const std::vector<Field>& fields) {
    document.fields.insert(document.fields.end(), fields.begin(), fields.end());
  };
  add(identity_fields(agent, tables));
  const auto warnings = tables == nullptr ? Value::List() : status_warnings(*tables);
  add({{.key = "warnings", .title = "Warnings", .value = warnings}});
  add(work_fields(agent));
  if (tables == nullptr) return document;
  add(table_fields(*tables));
  document.sections = {link_section(*tables),
                       flow_section(*tables),
                       drop_section(*tables),
                       {.key = "tables", .title = "Tables", .table = usage_listing(tables->usage)}};
  return document;
}

}  // namespace waggle::cli
