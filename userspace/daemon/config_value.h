// SPDX-License-Identifier: Apache-2.0
// One value of the configuration, whatever its type: read from a flag's text or from a file's tree, written as JSON
// (which is YAML, too). Called by the loops over the table of settings; pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "daemon/config_settings.h"
#include "source/field.h"

namespace waggle {

// From the command line. The error says what is wrong with the text and what to write; who named it, the caller knows.
Result<void> read_text(ConfigPlace place, std::string_view text);

// From a file. value: what stands at `field`; what is wrong is noted there.
void read_value(ConfigPlace place, const Value& value, const Field& field);

// 0, "", false, an empty list.
bool is_zero(ConfigPlace place);
void write_value(JsonWriter& json, ConfigPlace place);
std::string value_text(ConfigPlace place);

}  // namespace waggle
