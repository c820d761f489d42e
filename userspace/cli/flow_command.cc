// SPDX-License-Identifier: Apache-2.0
// `waggle flow list`: one pass over the flow tables and the spill table, row by row.
#include <fmt/format.h>

#include "cli/flow_rows.h"
#include "cli/session.h"

namespace waggle::cli {
namespace {

// Counts and prints the flows that pass the filter, up to the limit.
class FlowPrinter {
 public:
  FlowPrinter(const Session& session, const FlowFilter& filter, const Catalog& catalog, size_t limit)
      : filter_(filter), catalog_(catalog), limit_(limit), out_(session.out, session.format, flow_columns()) {}

  void offer(const FlowRecord& flow) {
    if (!wanted_ || !filter_.matches(flow, catalog_)) return;
    if (matched_++ < limit_) wanted_ = out_.row(flow_row(flow, catalog_));
  }
  void finish() { out_.finish(); }
  [[nodiscard]] size_t matched() const { return matched_; }

 private:
  const FlowFilter& filter_;
  const Catalog& catalog_;
  size_t limit_;
  size_t matched_ = 0;
  bool wanted_ = true;  // somebody still reads
  TableOutput out_;
};

Outcome<void> offer_all(TableReader& reader, const FlowContext& context, FlowPrinter& printer) {
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6}) {
    const auto read =
        reader.for_each_flow(table, [&](const FlowCopy& flow) { printer.offer(flow_record(flow, context)); });
    if (!read) return failed(read.error());
  }
  const auto spilled = reader.spilled_flows();
  if (!spilled) return failed(spilled.error());
  for (const auto& [key, value] : *spilled)
    if (const auto record = spilled_record(key, value, context)) printer.offer(*record);
  return {};
}

void tell_rest(const Session& session, size_t matched, size_t limit) {
  if (matched == 0) session.say(session.invocation.options.empty() ? "no flows" : "no flow matches");
  if (matched > limit) session.say(fmt::format("{} of {} flows shown (--limit)", limit, matched));
}

}  // namespace

Outcome<void> flow_list_command(const Session& session) {
  const auto filter = FlowFilter::from(session.invocation);
  if (!filter) return tl::unexpected(filter.error());
  const auto limit = row_limit(session.invocation);
  if (!limit) return tl::unexpected(limit.error());
  auto reader = open_tables(session);
  if (!reader) return tl::unexpected(reader.error());
  const auto catalog = Catalog::load(*reader);
  if (!catalog) return failed(catalog.error());
  if (filter->service)
    if (const auto known = catalog->select(*filter->service); !known) return tl::unexpected(known.error());
  const auto control = reader->control();
  if (!control) return failed(control.error());
  const auto now = reader->jiffies_now();
  if (!now) return failed(now.error());
  const FlowContext context{*catalog, *control, *now, reader->meta().hz};
  FlowPrinter printer(session, *filter, *catalog, *limit);
  auto offered = offer_all(*reader, context, printer);
  if (!offered) return offered;
  printer.finish();
  tell_rest(session, printer.matched(), *limit);
  return {};
}

}  // namespace waggle::cli
