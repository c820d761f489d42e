// SPDX-License-Identifier: Apache-2.0
// Services and backends as tables and documents. Pure: the commands read the tables, tests make them up.
#pragma once

#include <span>
#include <vector>

#include "cli/catalog.h"
#include "cli/output.h"
#include "waggle/abi/counter.h"

namespace waggle::cli {

// `waggle service list`
std::vector<Column> service_columns();
Row service_row(const ServiceView& service, const wg_service_counter& counter);

// `waggle service get`
Document service_document(const ServiceView& service, const wg_service_counter& counter);

// `waggle backend list`; `chosen`: only backends of these services, all without it.
Listing backend_table(const Catalog& catalog, const std::vector<const ServiceView*>* chosen);

}  // namespace waggle::cli
