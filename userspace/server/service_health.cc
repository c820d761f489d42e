// SPDX-License-Identifier: Apache-2.0
#include "server/service_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/json_writer.h"
#include "server/family_name.h"

namespace waggle {
namespace {

// Go's tab-indented form, byte for byte (O-23).
std::string body_text(const ObjectName& service, size_t ready, bool healthy) {
  const auto quoted = [](const std::string& text) { return JsonWriter().value(text).text(); };
  return fmt::format(
      "{{\n\t\"service\": {{\n\t\t\"namespace\": {},\n\t\t\"name\": {}\n\t}},\n\t\"localEndpoints\": {},\n"
      "\t\"serviceProxyHealthy\": {}\n}}",
      quoted(service.name_space), quoted(service.name), ready, healthy);
}

uint16_t wanted_port(const ServiceFacts& facts, Family family) {
  return facts.families[index_of(family)].has_cluster_ip ? facts.health_check_port : uint16_t{0};
}

}  // namespace

void ServiceHealth::apply(const std::map<ObjectName, ServiceFacts>& changed) {
  for (const auto& [name, facts] : changed) {
    for (const Family family : kFamilies) close_unless_same({name, family}, wanted_port(facts, family));
  }
  for (const auto& [name, facts] : changed) {
    for (const Family family : kFamilies) {
      if (wanted_port(facts, family) == 0) continue;
      Entry& entry = entries_[{name, family}];
      entry.port = wanted_port(facts, family);
      entry.ready = facts.families[index_of(family)].local_ready;
    }
  }
  retry();
}

void ServiceHealth::close_unless_same(const Key& key, uint16_t port) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.port == port) return;
  close(found->second);
  entries_.erase(found);
}

void ServiceHealth::close(Entry& entry) {
  for (const auto id : entry.listeners) http_.close(id);
  entry.listeners.clear();
}

void ServiceHealth::listen_on(std::vector<IpAddress> addresses) {
  if (parts_.addresses == addresses) return;
  const std::array before{addresses_of(Family::kIpv4), addresses_of(Family::kIpv6)};
  parts_.addresses = std::move(addresses);
  for (auto& [key, entry] : entries_) {
    if (before[index_of(key.second)] != addresses_of(key.second)) close(entry);
  }
  retry();
}

void ServiceHealth::retry() {
  for (auto& [key, entry] : entries_) {
    if (entry.listeners.empty()) open(key, entry);
  }
}

bool ServiceHealth::wants_retry() const {
  return std::ranges::any_of(entries_, [](const auto& item) { return !item.second.problem.empty(); });
}

void ServiceHealth::open(const Key& key, Entry& entry) {
  const auto listening = listen_everywhere(key, entry);
  const bool known = !entry.problem.empty();
  entry.problem = listening ? "" : why_not(key, entry.port, listening.error());
  if (!listening && !known) parts_.failed(key.first, entry.port, entry.problem);
}

// "Address already in use" says too little where it is this agent that uses it.
std::string ServiceHealth::why_not(const Key& key, uint16_t port, const Error& error) const {
  if (error.code != EADDRINUSE) return error.message;
  if (const ObjectName* holder = holder_of(key, port); holder != nullptr)
    return fmt::format(
        "service {} has the same one, and only one of them can; give one of the two another "
        "healthCheckNodePort",
        holder->text());
  const std::string server = parts_.fixed_server ? parts_.fixed_server(port) : "";
  if (!server.empty()) return fmt::format("it is the port of {}; give the service another healthCheckNodePort", server);
  return error.message;
}

// Another service that listens there.
const ObjectName* ServiceHealth::holder_of(const Key& key, uint16_t port) const {
  const auto holds = [&](const auto& item) {
    return item.first.first != key.first && item.first.second == key.second && item.second.port == port &&
           !item.second.listeners.empty();
  };
  const auto found = std::ranges::find_if(entries_, holds);
  return found == entries_.end() ? nullptr : &found->first.first;
}

// All addresses or none.
Result<void> ServiceHealth::listen_everywhere(const Key& key, Entry& entry) {
  for (const IpAddress& address : addresses_of(key.second)) {
    auto id = http_.listen({.address = address, .port = entry.port},
                           [this, key](const HttpRequest& /*any*/) { return answer(key); });
    if (id) {
      entry.listeners.push_back(*id);
      continue;
    }
    close(entry);
    return tl::unexpected(id.error());
  }
  return {};
}

std::vector<IpAddress> ServiceHealth::addresses_of(Family family) const {
  if (!parts_.addresses.has_value()) return {IpAddress{.family = family}};
  std::vector<IpAddress> addresses;
  std::ranges::copy_if(*parts_.addresses, std::back_inserter(addresses),
                       [family](const IpAddress& address) { return address.family == family; });
  return addresses;
}

HttpResponse ServiceHealth::answer(const Key& key) const {
  const auto found = entries_.find(key);
  const size_t ready = found == entries_.end() ? 0 : found->second.ready;
  const bool healthy = parts_.proxy_healthy();
  return {
      .status = ready > 0 && healthy ? 200u : 503u,
      .content_type = "application/json",
      .headers = {{"X-Content-Type-Options", "nosniff"}, {"X-Load-Balancing-Endpoint-Weight", std::to_string(ready)}},
      .body = body_text(key.first, ready, healthy),
      .more = {}};
}

std::vector<std::string> ServiceHealth::standing_problems() const {
  std::vector<std::string> problems;
  for (const auto& [key, entry] : entries_) {
    if (entry.problem.empty()) continue;
    problems.push_back(fmt::format("service {}: its health check port {} ({}) is not served: {}", key.first.text(),
                                   entry.port, family_name(key.second), entry.problem));
  }
  return problems;
}

size_t ServiceHealth::listening() const {
  return static_cast<size_t>(
      std::ranges::count_if(entries_, [](const auto& item) { return !item.second.listeners.empty(); }));
}

}  // namespace waggle
