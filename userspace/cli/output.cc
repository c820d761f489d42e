// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <array>
#include <utility>

#include "cli/writers.h"

namespace waggle::cli {
namespace {

std::unique_ptr<TableOutput::Writer> make_writer(Sink& sink, Format format, std::vector<Column> columns) {
  switch (format) {
    case Format::kJson:
      return json_table(sink, std::move(columns));
    case Format::kYaml:
      return yaml_table(sink, std::move(columns));
    case Format::kTable:
    case Format::kWide:
      break;
  }
  return text_table(sink, std::move(columns), format == Format::kWide, "");
}

void print_documents(Sink& sink, Format format, std::span<const Document> documents, bool as_array) {
  if (format == Format::kJson) return print_json(sink, documents, as_array);
  if (format == Format::kYaml) return print_yaml(sink, documents, as_array);
  bool first = true;
  for (const Document& document : documents) {
    if (!std::exchange(first, false)) sink.write("\n\n");
    print_text(sink, document, format == Format::kWide);
  }
}

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Format>, 4> kFormats = {
      {{"table", Format::kTable}, {"wide", Format::kWide}, {"json", Format::kJson}, {"yaml", Format::kYaml}}};
  for (const auto& [known, format] : kFormats)
    if (known == name) return format;
  return std::nullopt;
}

TableOutput::TableOutput(Sink& sink, Format format, std::vector<Column> columns)
    : sink_(&sink), writer_(make_writer(sink, format, std::move(columns))) {}
TableOutput::~TableOutput() = default;
TableOutput::TableOutput(TableOutput&&) noexcept = default;

bool TableOutput::row(Row row) {
  writer_->row(std::move(row));
  return sink_->open();
}

void TableOutput::finish() { writer_->finish(); }

void print(Sink& sink, Format format, const Listing& table) {
  TableOutput out(sink, format, table.columns);
  for (const Row& row : table.rows) out.row(row);
  out.finish();
}

void print(Sink& sink, Format format, const Document& document) {
  print_documents(sink, format, {&document, 1}, false);
}

void print(Sink& sink, Format format, std::span<const Document> documents) {
  print_documents(sink, format, documents, true);
}

}  // namespace waggle::cli
