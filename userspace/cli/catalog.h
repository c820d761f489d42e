// SPDX-License-Identifier: Apache-2.0
// The services, backends and IPv6 frontends of the tables, by index: what turns the numbers of flows and counters into
// names. Loaded once by a command; the tables may move on meanwhile, so every lookup can come back empty.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cli/outcome.h"
#include "plan/dump.h"

namespace waggle::cli {

// NS/NAME[:PORT] as typed; PORT is a port's name or number.
struct ServiceSelector {
  std::string name_space{};
  std::string name{};
  std::string port{};

  static Outcome<ServiceSelector> parse(std::string_view text);
  [[nodiscard]] bool matches(const ServiceView& service) const;
  [[nodiscard]] std::string text() const;
};

class Catalog {
 public:
  static Result<Catalog> load(TableStore& store);
  Catalog(std::vector<ServiceView> services, std::vector<BackendView> backends, std::vector<FrontendView> frontends6);

  [[nodiscard]] const std::vector<ServiceView>& services() const { return services_; }
  [[nodiscard]] const std::vector<BackendView>& backends() const { return backends_; }
  [[nodiscard]] const ServiceView* service(uint32_t index) const;
  [[nodiscard]] const BackendView* backend(uint32_t index) const;
  [[nodiscard]] const FrontendView* frontend6(uint32_t position) const;
  // "default/web:http", or "" if no service has the index any more.
  [[nodiscard]] std::string service_text(uint32_t index) const;

  // The services meant, at least one; a Trouble says that there is none and which is near.
  [[nodiscard]] Outcome<std::vector<const ServiceView*>> select(const ServiceSelector& selector) const;

 private:
  std::vector<ServiceView> services_;
  std::vector<BackendView> backends_;
  std::vector<FrontendView> frontends6_;
  std::unordered_map<uint32_t, size_t> service_at_;
  std::unordered_map<uint32_t, size_t> backend_at_;
  std::unordered_map<uint32_t, size_t> frontend6_at_;
};

}  // namespace waggle::cli
