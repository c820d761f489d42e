// SPDX-License-Identifier: Apache-2.0
// Text for people: columns as wide as what they hold, numbers to the right, no colours.
#include <fmt/format.h>

#include <algorithm>

#include "cli/writers.h"

namespace waggle::cli {
namespace {

constexpr size_t kRowsForWidths = 4096;  // later rows that are wider stick out: streaming matters more
constexpr std::string_view kGap = "  ";
constexpr size_t kShortList = 2;

bool shown(Show show, bool wide) {
  return show == Show::kAlways || show == Show::kText || (show == Show::kWide && wide);
}

// Characters on the screen: bytes that do not continue a UTF-8 sequence.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class TextTable : public TableOutput::Writer {
 public:
  TextTable(Sink& sink, std::vector<Column> columns, bool wide, std::string indent)
      : sink_(sink), columns_(std::move(columns)), wide_(wide), indent_(std::move(indent)), widths_(columns_.size()) {
    for (size_t i = 0; i < columns_.size(); ++i) widths_[i] = width_of(columns_[i].title);
    right_.assign(columns_.size(), false);
  }

  void row(Row row) override {
    std::vector<std::string> cells;
    for (size_t i = 0; i < columns_.size(); ++i)
      cells.push_back(shown(columns_[i].show, wide_) ? cell(i, row[i]) : std::string());
    if (started_) return line(cells);
    for (size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], width_of(cells[i]));
    waiting_.push_back(std::move(cells));
    if (waiting_.size() >= kRowsForWidths) start();
  }

  void finish() override {
    if (!started_) start();
  }

 private:
  std::string cell(size_t column, const Value& value) {
    if (value.is_number()) right_[column] = true;
    return value.text(columns_[column].unit, wide_ ? 0 : kShortList);
  }

  void start() {
    started_ = true;
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    line(titles);
    for (const auto& cells : waiting_) line(cells);
    waiting_.clear();
  }

  void line(const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!shown(columns_[i].show, wide_)) continue;
      const size_t used = width_of(cells[i]);
      const std::string padding(widths_[i] > used ? widths_[i] - used : 0, ' ');
      text += text.empty() ? std::string_view(indent_) : kGap;
      text += right_[i] ? padding + cells[i] : cells[i] + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    sink_.write(text + "\n");
  }

  Sink& sink_;
  std::vector<Column> columns_;
  bool wide_;
  std::string indent_;
  std::vector<size_t> widths_;
  std::vector<bool> right_;  // the column holds numbers
  std::vector<std::vector<std::string>> waiting_;
  bool started_ = false;
};

// A list of sentences takes a line each.
std::string field_text(const Field& field, size_t indent) {
  const auto* list = std::get_if<Value::List>(&field.value.content());
  if (list == nullptr || list->empty()) return list != nullptr ? "none" : field.value.text(field.unit, 0);
  std::string text;
  for (const std::string& item : *list)
    text += (text.empty() ? "" : "\n" + std::string(indent, ' ')) + Value(item).text(Unit::kNone, 0);
  return text;
}

void print_fields(Sink& sink, const std::vector<Field>& fields, bool wide) {
  size_t width = 0;
  for (const Field& field : fields)
    if (shown(field.show, wide)) width = std::max(width, width_of(field.title) + 1);
  for (const Field& field : fields)
    if (shown(field.show, wide))
      sink.write(fmt::format("{:<{}}  {}\n", field.title + ":", width, field_text(field, width + 2)));
}

void print_section(Sink& sink, const Section& section, bool wide) {
  if (section.table.rows.empty()) return sink.write(fmt::format("\n{}: {}\n", section.title, section.when_empty));
  sink.write(fmt::format("\n{}:\n", section.title));
  const auto table = text_table(sink, section.table.columns, wide, "  ");
  for (const Row& row : section.table.rows) table->row(row);
  table->finish();
}

}  // namespace

std::unique_ptr<TableOutput::Writer> text_table(Sink& sink, std::vector<Column> columns, bool wide,
                                                std::string indent) {
  return std::make_unique<TextTable>(sink, std::move(columns), wide, std::move(indent));
}

void print_text(Sink& sink, const Document& document, bool wide) {
  print_fields(sink, document.fields, wide);
  for (const Section& section : document.sections) print_section(sink, section, wide);
}

}  // namespace waggle::cli
