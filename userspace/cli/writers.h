// SPDX-License-Identifier: Apache-2.0
// What each output format must be able to do. Used by output.cc alone; text_writer.cc and data_writer.cc implement it.
#pragma once

#include <memory>

#include "cli/output.h"

namespace waggle::cli {

class TableOutput::Writer {
 public:
  virtual ~Writer() = default;
  virtual void row(Row row) = 0;
  virtual void finish() = 0;
};

std::unique_ptr<TableOutput::Writer> text_table(Sink& sink, std::vector<Column> columns, bool wide, std::string indent);
std::unique_ptr<TableOutput::Writer> json_table(Sink& sink, std::vector<Column> columns);
std::unique_ptr<TableOutput::Writer> yaml_table(Sink& sink, std::vector<Column> columns);

void print_text(Sink& sink, const Document& document, bool wide);
void print_json(Sink& sink, std::span<const Document> documents, bool as_array);
void print_yaml(Sink& sink, std::span<const Document> documents, bool as_array);

}  // namespace waggle::cli
