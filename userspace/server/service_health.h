// SPDX-License-Identifier: Apache-2.0
// The healthCheckNodePort listeners: one HTTP answer a service and family that tells load balancers whether this node
// has ready endpoints (contract O-20..O-26, K-95, K-96). Owned by Servers, which hands over what a sync changed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http_server.h"
#include "server/service_facts.h"

namespace waggle {

struct ServiceHealthParts {
  // Where to listen; none: on the wildcard address of each family.
  std::optional<std::vector<IpAddress>> addresses;
  std::function<bool()> proxy_healthy;  // the node's eligibility does not count
  // Called once when a service's port cannot be listened on, not again while that lasts.
  std::function<void(const ObjectName& service, uint16_t port, const std::string& why)> failed;
  // Which server of this agent has the port ("Waggle's health server"), or ""; may be none.
  std::function<std::string(uint16_t port)> fixed_server{};
};

class ServiceHealth {
 public:
  ServiceHealth(HttpServer& http, ServiceHealthParts parts) : http_(http), parts_(std::move(parts)) {}

  // Facts of the services a sync touched; those without a health check port lose their listeners. First closes what
  // goes, then opens what is new, so that a port can move from one service to another. Tries failed ones again.
  void apply(const std::map<ObjectName, ServiceFacts>& changed);
  void retry();
  // Other addresses from now on. Listeners of a family whose addresses stay stay.
  void listen_on(std::vector<IpAddress> addresses);
  [[nodiscard]] bool wants_retry() const;

  [[nodiscard]] std::vector<std::string> standing_problems() const;
  [[nodiscard]] size_t listening() const;  // ports that are served, by service and family

 private:
  using Key = std::pair<ObjectName, Family>;
  struct Entry {
    uint16_t port = 0;
    size_t ready = 0;
    std::vector<HttpServer::ListenerId> listeners;  // empty: could not listen, or there is no address to listen on
    std::string problem;
  };

  void close_unless_same(const Key& key, uint16_t port);
  void open(const Key& key, Entry& entry);
  void close(Entry& entry);
  Result<void> listen_everywhere(const Key& key, Entry& entry);
  [[nodiscard]] std::string why_not(const Key& key, uint16_t port, const Error& error) const;
  [[nodiscard]] const ObjectName* holder_of(const Key& key, uint16_t port) const;
  [[nodiscard]] std::vector<IpAddress> addresses_of(Family family) const;
  [[nodiscard]] HttpResponse answer(const Key& key) const;

  HttpServer& http_;
  ServiceHealthParts parts_;
  std::map<Key, Entry> entries_;
};

}  // namespace waggle
