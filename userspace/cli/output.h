// SPDX-License-Identifier: Apache-2.0
// The one output model: a command answers a table (named columns, rows of typed values) or documents (named fields and
// tables), and never formats anything itself. TableOutput and print() show either as text, JSON or YAML.
//
//   TableOutput out(sink, format, {{.key = "backend", .title = "BACKEND"}, ...});
//   out.row({"10.0.0.1:80", ...});   // rows stream: a table of a million flows is never held in memory
//   out.finish();
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sink.h"
#include "cli/value.h"

namespace waggle::cli {

enum class Format : uint8_t { kTable, kWide, kJson, kYaml };

std::optional<Format> parse_format(std::string_view name);

// Who gets to see a column or field.
enum class Show : uint8_t {
  kAlways,
  kWide,  // not `-o table`
  kData,  // only json and yaml: text shows the same values in another form (kText)
  kText,  // only table and wide: made of values that json and yaml have separately
};

struct Column {
  std::string key{};    // snake_case; scripts depend on it
  std::string title{};  // "NAMESPACE"
  Show show = Show::kAlways;
  Unit unit = Unit::kNone;
};

using Row = std::vector<Value>;  // one value a column

struct Listing {
  std::vector<Column> columns{};
  std::vector<Row> rows{};
};

struct Field {
  std::string key{};
  std::string title{};  // "Namespace"
  Value value{};
  Show show = Show::kAlways;
  Unit unit = Unit::kNone;
};

struct Section {
  std::string key{};
  std::string title{};
  Listing table{};
  std::string when_empty = "none";  // text instead of an empty table
};

// One thing told in full.
struct Document {
  std::vector<Field> fields{};
  std::vector<Section> sections{};
};

// Writes one table row by row.
class TableOutput {
 public:
  TableOutput(Sink& sink, Format format, std::vector<Column> columns);
  ~TableOutput();
  TableOutput(TableOutput&&) noexcept;
  TableOutput& operator=(TableOutput&&) = delete;

  // Answers whether anybody still wants rows.
  bool row(Row row);
  void finish();

  class Writer;  // one implementation a format

 private:
  Sink* sink_;
  std::unique_ptr<Writer> writer_;
};

void print(Sink& sink, Format format, const Listing& table);
// One document: an object in JSON and YAML.
void print(Sink& sink, Format format, const Document& document);
// Several of a kind: an array of objects, also when there is just one.
void print(Sink& sink, Format format, std::span<const Document> documents);

}  // namespace waggle::cli
