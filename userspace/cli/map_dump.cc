// SPDX-License-Identifier: Apache-2.0
// `waggle map dump NAME`: one reader for each table, and the list of names for whoever mistypes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>

#include "cli/map_rows.h"
#include "cli/session.h"
#include "cli/similar.h"
#include "plan/dump.h"

namespace waggle::cli {
namespace {

// Where the rows of one dump go: counted, cut at the limit.
struct Dump {
  const Session& session;
  TableReader& reader;
  size_t limit;
  size_t rows = 0;

  TableOutput start(std::vector<Column> columns) const { return {session.out, session.format, std::move(columns)}; }
  void add(TableOutput& out, Row row) {
    if (rows++ < limit) out.row(std::move(row));
  }
};

using Dumper = std::function<Outcome<void>(Dump&)>;

Outcome<void> whole(Dump& dump, Listing table) {
  auto out = dump.start(std::move(table.columns));
  for (Row& row : table.rows) dump.add(out, std::move(row));
  out.finish();
  return {};
}

// For what is read in one go and decoded by one function.
template <typename Read, typename Decode>
Outcome<void> read_whole(Dump& dump, Read read, Decode decode) {
  auto content = read();
  if (!content) return failed(std::move(content.error()));
  return whole(dump, decode(*content));
}

Outcome<void> dump_meta(Dump& dump) { return whole(dump, meta_table(dump.reader.meta())); }

// A status that cannot be read takes the names away, nothing else.
InterfaceNames interface_names(const Session& session) {
  const auto status = read_agent_status(session.run_dir);
  return InterfaceNames(status ? *status : std::nullopt);
}

Outcome<void> dump_control(Dump& dump) {
  return read_whole(
      dump, [&] { return dump.reader.control(); },
      [&](const wg_control& control) { return control_table(control, interface_names(dump.session)); });
}

Outcome<void> dump_nexthops(Dump& dump) {
  return read_whole(
      dump, [&] { return dump.reader.nexthops(); },
      [&](const auto& nexthops) { return nexthop_table(nexthops, interface_names(dump.session)); });
}

Outcome<void> dump_spill(Dump& dump) {
  return read_whole(
      dump, [&] { return dump.reader.spilled_flows(); }, spill_table);
}

Outcome<void> dump_reasons(Dump& dump) {
  return read_whole(
      dump, [&] { return dump.reader.reason_counters(); }, reason_table);
}

Outcome<void> dump_socks(Dump& dump) {
  const auto catalog = Catalog::load(dump.reader);
  if (!catalog) return failed(catalog.error());
  return read_whole(
      dump, [&] { return dump.reader.sock_flows(); },
      [&](const auto& entries) { return sock_table(entries, *catalog); });
}

// decode: of the entries, with what names them and what tells their age.
template <typename Read, typename Decode>
Outcome<void> dump_aged(Dump& dump, Read read, Decode decode) {
  const auto now = dump.reader.jiffies_now();
  if (!now) return failed(now.error());
  return read_whole(dump, read, [&](const auto& entries) { return decode(entries, *now, dump.reader.meta().hz); });
}

Outcome<void> dump_affinity(Dump& dump) {
  const auto catalog = Catalog::load(dump.reader);
  if (!catalog) return failed(catalog.error());
  return dump_aged(
      dump, [&] { return dump.reader.affinities(); },
      [&](const auto& entries, uint32_t now, uint32_t hz) { return affinity_table(entries, *catalog, now, hz); });
}

Outcome<void> dump_fragments(Dump& dump) {
  return dump_aged(
      dump, [&] { return dump.reader.fragments(); },
      [](const auto& entries, uint32_t now, uint32_t hz) { return fragment_table(entries, now, hz); });
}

Outcome<void> dump_service_counters(Dump& dump) {
  const auto services = services_view(dump.reader);
  if (!services) return failed(services.error());
  auto out = dump.start(service_counter_columns());
  for (const ServiceView& service : *services) {
    const auto counter = dump.reader.service_counter(service.index);
    if (!counter) return failed(counter.error());
    dump.add(out, service_counter_row(service, *counter));
  }
  out.finish();
  return {};
}

Outcome<void> dump_flows(Dump& dump, FlowTable table) {
  const auto now = dump.reader.jiffies_now();
  if (!now) return failed(now.error());
  const uint32_t hz = dump.reader.meta().hz;
  const bool reservations = table == FlowTable::kSnat4 || table == FlowTable::kSnat6;
  auto out = dump.start(reservations ? reservation_columns() : stored_flow_columns());
  const auto read = dump.reader.for_each_flow(table, [&](const FlowCopy& flow) {
    if (dump.rows < dump.limit && dump.session.out.open())
      dump.add(out, reservations ? reservation_row(flow, *now, hz) : stored_flow_row(flow, *now, hz));
    else
      ++dump.rows;
  });
  if (!read) return failed(read.error());
  out.finish();
  return {};
}

// The planner decodes its own tables into text; a field that can only be a number stays one.
Outcome<void> dump_planned(Dump& dump, Table table) {
  const auto rows = dump_table(dump.reader, table);
  if (!rows) return failed(rows.error());
  return whole(dump, decoded_listing(*rows));
}

struct NamedDumper {
  std::string_view name;
  Dumper dump;
};

const std::vector<NamedDumper>& dumpers() {
  static const std::vector<NamedDumper> all = [] {
    std::vector<NamedDumper> list = {{"affinity", dump_affinity},
                                     {"fragments", dump_fragments},
                                     {"control", dump_control},
                                     {"flow_spill", dump_spill},
                                     {"meta", dump_meta},
                                     {"nexthops", dump_nexthops},
                                     {"reason_counters", dump_reasons},
                                     {"service_counters", dump_service_counters},
                                     {"sock_flows", dump_socks}};
    for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6})
      list.push_back({flow_table_name(table), [table](Dump& dump) { return dump_flows(dump, table); }});
    using enum Table;
    for (const Table table : {kFrontends4, kFrontends6, kServices, kSlots, kBackends, kFrontendGate, kReplyGate,
                              kServiceNames, kSourceRanges})
      list.push_back({table_name(table), [table](Dump& dump) { return dump_planned(dump, table); }});
    std::ranges::sort(list, {}, &NamedDumper::name);
    return list;
  }();
  return all;
}

tl::unexpected<Trouble> unknown_table(std::string_view name) {
  std::vector<std::string_view> names;
  for (const NamedDumper& each : dumpers()) names.push_back(each.name);
  return usage(
      fmt::format("the tables are {}; there is no '{}'{}", fmt::join(names, ", "), name, did_you_mean(name, names)));
}

}  // namespace

Outcome<void> map_dump_command(const Session& session) {
  const std::string& name = session.invocation.arguments.front();
  const auto found = std::ranges::find(dumpers(), name, &NamedDumper::name);
  if (found == dumpers().end()) return unknown_table(name);
  const auto limit = row_limit(session.invocation);
  if (!limit) return tl::unexpected(limit.error());
  auto reader = open_tables(session);
  if (!reader) return tl::unexpected(reader.error());
  Dump dump{session, *reader, *limit};
  auto done = found->dump(dump);
  if (!done) return done;
  if (dump.rows == 0) session.say(fmt::format("{} has no entry in use", name));
  if (dump.rows > *limit) session.say(fmt::format("{} of {} rows shown (--limit)", *limit, dump.rows));
  return {};
}

}  // namespace waggle::cli
