// SPDX-License-Identifier: Apache-2.0
// `waggle service list|get` and `waggle backend list`: read the tables, hand the rows on.
#include "cli/catalog.h"
#include "cli/service_rows.h"
#include "cli/session.h"

namespace waggle::cli {
namespace {

struct Tables {
  TableReader reader;
  Catalog catalog;
};

Outcome<Tables> load(const Session& session) {
  auto reader = open_tables(session);
  if (!reader) return tl::unexpected(reader.error());
  auto catalog = Catalog::load(*reader);
  if (!catalog) return failed(std::move(catalog.error()));
  return Tables{std::move(*reader), std::move(*catalog)};
}

}  // namespace

Outcome<void> service_list_command(const Session& session) {
  auto tables = load(session);
  if (!tables) return tl::unexpected(tables.error());
  TableOutput out(session.out, session.format, service_columns());
  for (const ServiceView& service : tables->catalog.services()) {
    const auto counter = tables->reader.service_counter(service.index);
    if (!counter) return failed(counter.error());
    if (!out.row(service_row(service, *counter))) break;
  }
  out.finish();
  if (tables->catalog.services().empty()) session.say("the tables hold no service");
  return {};
}

Outcome<void> service_get_command(const Session& session) {
  const auto selector = ServiceSelector::parse(session.invocation.arguments.front());
  if (!selector) return tl::unexpected(selector.error());
  auto tables = load(session);
  if (!tables) return tl::unexpected(tables.error());
  const auto chosen = tables->catalog.select(*selector);
  if (!chosen) return tl::unexpected(chosen.error());
  std::vector<Document> documents;
  for (const ServiceView* service : *chosen) {
    const auto counter = tables->reader.service_counter(service->index);
    if (!counter) return failed(counter.error());
    documents.push_back(service_document(*service, *counter));
  }
  print(session.out, session.format, documents);
  return {};
}

Outcome<void> backend_list_command(const Session& session) {
  const auto name = session.invocation.option("service");
  auto selector = name ? ServiceSelector::parse(*name) : ServiceSelector();
  if (!selector) return tl::unexpected(selector.error());
  auto tables = load(session);
  if (!tables) return tl::unexpected(tables.error());
  if (!name) {
    print(session.out, session.format, backend_table(tables->catalog, nullptr));
    return {};
  }
  const auto chosen = tables->catalog.select(*selector);
  if (!chosen) return tl::unexpected(chosen.error());
  print(session.out, session.format, backend_table(tables->catalog, &*chosen));
  return {};
}

}  // namespace waggle::cli
