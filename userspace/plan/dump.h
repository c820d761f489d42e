// SPDX-License-Identifier: Apache-2.0
// The planner's tables read back as plain values and as text. Used by the CLI (`map dump`, `service list|get`,
// `backend list`) and by the golden tests. Reads through a TableStore and changes nothing; what it answers is the
// caller's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/address.h"
#include "model/objects.h"
#include "plan/table.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"

namespace waggle {

struct BackendView {
  uint32_t index = 0;
  uint32_t service = 0;  // index in `services`
  IpAddress address;
  uint16_t port = 0;  // host byte order
  Protocol protocol = Protocol::kTcp;
  wg_backend_state state = WG_BACKEND_EMPTY;
  bool local = false;
  bool in_cluster = false;  // stands in its service's cluster set
  bool in_local = false;
  uint32_t generation = 0;
};

struct FrontendView {
  uint32_t position = 0;  // bucket * WG_FRONTEND_WAYS + way, in the table of the address's family
  IpAddress address;
  uint16_t port = 0;  // host byte order
  Protocol protocol = Protocol::kTcp;
  wg_frontend_kind kind = WG_FRONTEND_EMPTY;
  bool overflow = false;  // way 0 only: some frontend went past this bucket
  bool external = false;
  bool node_port = false;
  bool filtered = false;  // only sources in the service's ranges
  bool doubtful = false;  // any_port(): a host may have the address, too
  uint32_t service = 0;   // index in `services`

  // Stands for the whole ClusterIP, whatever port and protocol.
  [[nodiscard]] bool any_port() const { return static_cast<uint32_t>(protocol) == WG_FRONTEND_ANY_PROTOCOL; }
};

// One set word and the backends its slots name, in slot order (text order of address:port).
struct SetView {
  uint32_t base = 0;
  uint32_t generation = 0;
  std::vector<uint32_t> backends;  // indexes in `backends`
};

struct ServiceView {
  uint32_t index = 0;
  ObjectName name;  // empty if service_names has no entry for the index
  std::string port_name;
  uint16_t port = 0;  // host byte order
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
  uint32_t flags = 0;  // WG_SERVICE_*
  uint32_t affinity_timeout_s = 0;
  uint32_t affinity_epoch = 0;
  std::vector<FrontendView> frontends;  // LIVE and TOMBSTONE, by text of address:port; without any_port() ones
  std::vector<Cidr> source_ranges;      // by text
  std::vector<BackendView> backends;    // all that are not EMPTY, by text of address:port
  SetView cluster_set;
  SetView local_set;
};

// "default/web:http" ("default/web" if the port has no name).
std::string service_port_text(const ServiceView& service);
// "active", "terminating", "gone"
std::string_view backend_state_name(wg_backend_state state);
// "live", "tombstone"
std::string_view frontend_kind_name(wg_frontend_kind kind);
// "internal-local,has-endpoints"; "-" if none of the bits but LIVE is set
std::string service_flags_text(uint32_t flags);

// Every service index in use, by namespace, name, port name, protocol and family.
Result<std::vector<ServiceView>> services_view(TableStore& store);
// Every backend that is not EMPTY, by index.
Result<std::vector<BackendView>> backends_view(TableStore& store);
// Every LIVE or TOMBSTONE frontend of one family, by position.
Result<std::vector<FrontendView>> frontends_view(TableStore& store, Family family);

// One decoded table entry: field name and text, in the order to show them. Every row of a table has the same fields.
struct Row {
  std::vector<std::pair<std::string_view, std::string>> fields;

  bool operator==(const Row&) const = default;
};

enum class DumpIds : uint8_t {
  kShown,   // indexes, positions, ranges and generations as they stand in the table; rows in table order
  kMasked,  // left out, and references shown as the name of what they lead to; rows sorted by text
};

// Entries in use of one table; empty ones are left out.
Result<std::vector<Row>> dump_table(TableStore& store, Table table, DumpIds ids = DumpIds::kShown);
// "index=3 service=default/web:http ..."
std::string row_text(const Row& row);

// A table by its map's name; none if it is not one of the planner's.
std::optional<Table> table_by_name(std::string_view name);

}  // namespace waggle
