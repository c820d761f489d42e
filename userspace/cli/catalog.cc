// SPDX-License-Identifier: Apache-2.0
#include "cli/catalog.h"

#include <fmt/format.h>

#include <utility>

#include "cli/similar.h"

namespace waggle::cli {

Outcome<ServiceSelector> ServiceSelector::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return usage(fmt::format("'{}' is no NS/NAME[:PORT]; did you mean 'default/{}'?", text, text));
  ServiceSelector selector{.name_space = std::string(text.substr(0, slash))};
  const std::string_view rest = text.substr(slash + 1);
  const size_t colon = rest.find(':');
  selector.name = rest.substr(0, colon);
  if (colon != std::string_view::npos) selector.port = rest.substr(colon + 1);
  const bool empty_port = colon != std::string_view::npos && selector.port.empty();
  if (selector.name_space.empty() || selector.name.empty() || empty_port)
    return usage(fmt::format("'{}' is no NS/NAME[:PORT]: a part is empty", text));
  return selector;
}

bool ServiceSelector::matches(const ServiceView& service) const {
  if (service.name.name_space != name_space || service.name.name != name) return false;
  return port.empty() || port == service.port_name || port == std::to_string(service.port);
}

std::string ServiceSelector::text() const {
  return port.empty() ? fmt::format("{}/{}", name_space, name) : fmt::format("{}/{}:{}", name_space, name, port);
}

Result<Catalog> Catalog::load(TableStore& store) {
  auto services = services_view(store);
  if (!services) return tl::unexpected(std::move(services.error()));
  auto backends = backends_view(store);
  if (!backends) return tl::unexpected(std::move(backends.error()));
  auto frontends6 = frontends_view(store, Family::kIpv6);
  if (!frontends6) return tl::unexpected(std::move(frontends6.error()));
  return Catalog(std::move(*services), std::move(*backends), std::move(*frontends6));
}

Catalog::Catalog(std::vector<ServiceView> services, std::vector<BackendView> backends,
                 std::vector<FrontendView> frontends6)
    : services_(std::move(services)), backends_(std::move(backends)), frontends6_(std::move(frontends6)) {
  for (size_t i = 0; i < services_.size(); ++i) service_at_.emplace(services_[i].index, i);
  for (size_t i = 0; i < backends_.size(); ++i) backend_at_.emplace(backends_[i].index, i);
  for (size_t i = 0; i < frontends6_.size(); ++i) frontend6_at_.emplace(frontends6_[i].position, i);
}

const ServiceView* Catalog::service(uint32_t index) const {
  const auto found = service_at_.find(index);
  return found == service_at_.end() ? nullptr : &services_[found->second];
}

const BackendView* Catalog::backend(uint32_t index) const {
  const auto found = backend_at_.find(index);
  return found == backend_at_.end() ? nullptr : &backends_[found->second];
}

const FrontendView* Catalog::frontend6(uint32_t position) const {
  const auto found = frontend6_at_.find(position);
  return found == frontend6_at_.end() ? nullptr : &frontends6_[found->second];
}

std::string Catalog::service_text(uint32_t index) const {
  const ServiceView* found = service(index);
  return found == nullptr ? "" : service_port_text(*found);
}

Outcome<std::vector<const ServiceView*>> Catalog::select(const ServiceSelector& selector) const {
  std::vector<const ServiceView*> found;
  std::vector<std::string> names;
  for (const ServiceView& service : services_) {
    if (selector.matches(service)) found.push_back(&service);
    names.push_back(selector.port.empty() ? service.name.text() : service_port_text(service));
  }
  if (!found.empty()) return found;
  const std::vector<std::string_view> known(names.begin(), names.end());
  return failed(
      Error{fmt::format("the tables have no service {}{}", selector.text(), did_you_mean(selector.text(), known))});
}

}  // namespace waggle::cli
