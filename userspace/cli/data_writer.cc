// SPDX-License-Identifier: Apache-2.0
// JSON and YAML: the same objects with the same keys in both. A table is an array with one object a line.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "cli/writers.h"

namespace waggle::cli {
namespace {

struct ToJson {
  JsonWriter& json;

  void operator()(std::monostate) const { json.null(); }
  void operator()(const Value::List& list) const {
    json.begin_array();
    for (const std::string& item : list) json.value(item);
    json.end_array();
  }
  template <typename T>
  void operator()(const T& content) const {
    json.value(content);
  }
};

void write_row(JsonWriter& json, const std::vector<Column>& columns, const Row& row) {
  json.begin_object();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].show == Show::kText) continue;
    json.key(columns[i].key);
    std::visit(ToJson{json}, row[i].content());
  }
  json.end_object();
}

class JsonTable : public TableOutput::Writer {
 public:
  JsonTable(Sink& sink, std::vector<Column> columns) : sink_(sink), columns_(std::move(columns)) {}

  void row(Row row) override {
    JsonWriter json(JsonWriter::Style::kCompact);
    write_row(json, columns_, row);
    sink_.write(rows_++ == 0 ? "[\n  " : ",\n  ");
    sink_.write(json.text());
  }
  void finish() override { sink_.write(rows_ == 0 ? "[]\n" : "\n]\n"); }

 private:
  Sink& sink_;
  std::vector<Column> columns_;
  size_t rows_ = 0;
};

void write_document(JsonWriter& json, const Document& document) {
  json.begin_object();
  for (const Field& field : document.fields) {
    if (field.show == Show::kText) continue;
    json.key(field.key);
    std::visit(ToJson{json}, field.value.content());
  }
  for (const Section& section : document.sections) {
    json.key(section.key).begin_array();
    for (const Row& row : section.table.rows) write_row(json, section.table.columns, row);
    json.end_array();
  }
  json.end_object();
}

// Text that YAML 1.1 and 1.2 read as the same text without quotes.
bool plain_yaml(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kReserved = {"true", "false", "yes", "no", "on",
                                                                 "off",  "null",  "y",   "n",  "nan"};
  if (text.empty() || !std::isalpha(static_cast<unsigned char>(text.front()))) return false;
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '/';
  };
  if (!std::ranges::all_of(text, plain)) return false;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(kReserved, lower) == kReserved.end();
}

// A scalar or list of scalars in YAML is its JSON form, with the quotes left out where nothing can be misread.
std::string yaml_value(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.content());
  if (text != nullptr && plain_yaml(*text)) return *text;
  JsonWriter json(JsonWriter::Style::kCompact);
  std::visit(ToJson{json}, value.content());
  return json.text();
}

// Writes `key: value` lines; the first of a list item follows "- ".
class YamlItem {
 public:
  YamlItem(Sink& sink, std::string indent, bool in_list) : sink_(sink), indent_(std::move(indent)), dash_(in_list) {}

  void line(std::string_view key, std::string_view value) {
    sink_.write(fmt::format("{}{}:{}{}\n", start(), key, value.empty() ? "" : " ", value));
  }
  [[nodiscard]] std::string inner() const { return indent_; }

 private:
  std::string start() {
    if (!std::exchange(dash_, false)) return indent_;
    return indent_.substr(2) + "- ";
  }
  Sink& sink_;
  std::string indent_;
  bool dash_;
};

void yaml_row(Sink& sink, const std::string& indent, const std::vector<Column>& columns, const Row& row) {
  YamlItem item(sink, indent + "  ", true);
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].show != Show::kText) item.line(columns[i].key, yaml_value(row[i]));
}

class YamlTable : public TableOutput::Writer {
 public:
  YamlTable(Sink& sink, std::vector<Column> columns) : sink_(sink), columns_(std::move(columns)) {}

  void row(Row row) override {
    ++rows_;
    yaml_row(sink_, "", columns_, row);
  }
  void finish() override {
    if (rows_ == 0) sink_.write("[]\n");
  }

 private:
  Sink& sink_;
  std::vector<Column> columns_;
  size_t rows_ = 0;
};

void yaml_document(Sink& sink, const Document& document, bool in_list) {
  YamlItem item(sink, in_list ? "  " : "", in_list);
  for (const Field& field : document.fields)
    if (field.show != Show::kText) item.line(field.key, yaml_value(field.value));
  for (const Section& section : document.sections) {
    item.line(section.key, section.table.rows.empty() ? "[]" : "");
    for (const Row& row : section.table.rows) yaml_row(sink, item.inner(), section.table.columns, row);
  }
}

}  // namespace

std::unique_ptr<TableOutput::Writer> json_table(Sink& sink, std::vector<Column> columns) {
  return std::make_unique<JsonTable>(sink, std::move(columns));
}

std::unique_ptr<TableOutput::Writer> yaml_table(Sink& sink, std::vector<Column> columns) {
  return std::make_unique<YamlTable>(sink, std::move(columns));
}

void print_json(Sink& sink, std::span<const Document> documents, bool as_array) {
  JsonWriter json;
  if (as_array) json.begin_array();
  for (const Document& document : documents) write_document(json, document);
  if (as_array) json.end_array();
  sink.write(json.text() + "\n");
}

void print_yaml(Sink& sink, std::span<const Document> documents, bool as_array) {
  if (documents.empty()) return sink.write("[]\n");
  for (const Document& document : documents) yaml_document(sink, document, as_array);
}

}  // namespace waggle::cli
