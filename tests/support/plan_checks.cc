// SPDX-License-Identifier: Apache-2.0
#include "support/plan_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "model/cluster_ip_doubt.h"
#include "plan/dump.h"
#include "plan/frontend_layout.h"
#include "plan/table_views.h"
#include "waggle/abi/gate.h"

namespace waggle {
namespace {

std::string frontend_text(const FrontendView& frontend) {
  if (frontend.any_port()) return any_port_text(frontend.address);
  return fmt::format("{}/{}", address_port_text(frontend.address, frontend.port), protocol_name(frontend.protocol));
}

std::string set_text(const SetView& set, const ServiceView& service) {
  std::string text;
  for (const uint32_t index : set.backends) {
    const auto found = std::find_if(service.backends.begin(), service.backends.end(),
                                    [index](const BackendView& backend) { return backend.index == index; });
    if (!text.empty()) text += ' ';
    if (found == service.backends.end()) {
      text += "?";
      continue;
    }
    text += address_port_text(found->address, found->port);
  }
  return text;
}

std::string backends_text(const ServiceView& service) {
  std::string text;
  for (const BackendView& backend : service.backends) {
    if (backend.state == WG_BACKEND_GONE) continue;
    text += fmt::format("{}{}({}{})", text.empty() ? "" : " ", address_port_text(backend.address, backend.port),
                        backend_state_name(backend.state), backend.local ? ", local" : "");
  }
  return text;
}

class Checker {
 public:
  Checker(TableStore& store, const TableSizes& sizes, const wg_hash_key& key)
      : store_(store), sizes_(sizes), key_(key), services_(services_view(store).value()) {}

  std::vector<std::string> run() {
    for (const ServiceView& service : services_) {
      indexes_.insert(service.index);
      check_set(service, service.cluster_set, &BackendView::in_cluster, "cluster");
      check_set(service, service.local_set, &BackendView::in_local, "local");
      check_gate(service);
    }
    check_frontends(Family::kIpv4);
    check_frontends(Family::kIpv6);
    return std::move(broken_);
  }

 private:
  void check_set(const ServiceView& service, const SetView& set, bool BackendView::*bit, std::string_view which) {
    for (const uint32_t index : set.backends) {
      const auto found = std::find_if(service.backends.begin(), service.backends.end(),
                                      [index](const BackendView& backend) { return backend.index == index; });
      const std::string where = fmt::format("{} set of service {} names backend {}", which, service.index, index);
      if (found == service.backends.end()) {
        broken_.push_back(where + ", which is not one of its own");
      } else if (found->state == WG_BACKEND_GONE) {
        broken_.push_back(where + ", which is gone");
      } else if (!((*found).*bit)) {
        broken_.push_back(where + ", whose bit is not set");
      }
    }
    for (uint32_t slot = set.base; slot < set.base + set.backends.size(); ++slot) {
      if (!slots_.insert(slot).second) broken_.push_back(fmt::format("slot {} stands in two sets", slot));
    }
  }

  void check_gate(const ServiceView& service) {
    const auto gate = table_entries<uint64_t>(store_, Table::kReplyGate).value();
    for (const BackendView& backend : service.backends) {
      const auto words = backend.address.words();
      const uint64_t hash = wg_reply_gate_hash(&key_, words.data(), service.family == Family::kIpv4 ? 1 : 4,
                                               htons(backend.port), static_cast<uint8_t>(backend.protocol));
      if ((gate.at(wg_gate_word(hash, sizes_.reply_gate_words * 64 - 1)) & wg_gate_bit(hash)) == 0) {
        broken_.push_back(fmt::format("backend {} has no gate bit", backend.index));
      }
    }
  }

  bool gate_open(const IpAddress& address) {
    const auto gate = table_entries<uint64_t>(store_, Table::kFrontendGate).value();
    const auto words = address.words();
    const uint64_t hash = wg_frontend_gate_hash(&key_, words.data(), address.family == Family::kIpv4 ? 1 : 4);
    return (gate.at(wg_gate_word(hash, sizes_.frontend_gate_words * 64 - 1)) & wg_gate_bit(hash)) != 0;
  }

  void check_frontends(Family family) {
    const auto frontends = frontends_view(store_, family).value();
    for (const FrontendView& frontend : frontends) {
      const std::string text = frontend_text(frontend);
      if (!gate_open(frontend.address)) broken_.push_back(text + " has no gate bit");
      if (find(frontend) != frontend.position) broken_.push_back(text + " is not found by a lookup");
      if (frontend.kind != WG_FRONTEND_LIVE) continue;
      if (!indexes_.contains(frontend.service)) broken_.push_back(text + " leads to a service that is not live");
    }
  }

  // As the packet path looks it up.
  uint32_t find(const FrontendView& wanted) {
    const Family family = wanted.address.family;
    const uint32_t mask = (family == Family::kIpv4 ? sizes_.frontend_buckets4 : sizes_.frontend_buckets6) - 1;
    const FrontendLayout layout = frontend_layout(family);
    const auto content = store_.content(layout.table).value();
    const auto words = wanted.address.words();
    uint32_t bucket =
        static_cast<uint32_t>(wg_frontend_hash(&key_, words.data(), family == Family::kIpv4 ? 1 : 4, htons(wanted.port),
                                               static_cast<uint8_t>(wanted.protocol)));
    for (uint32_t probe = 0; probe < WG_FRONTEND_PROBES; ++probe, ++bucket) {
      bool overflow = false;
      for (uint32_t way = 0; way < WG_FRONTEND_WAYS; ++way) {
        const uint32_t position = (bucket & mask) * WG_FRONTEND_WAYS + way;
        const FrontendWay entry = read_way(family, content.data() + position * layout.way_size);
        if (way == 0) overflow = (entry.kind & WG_FRONTEND_OVERFLOW) != 0;
        if ((entry.kind & WG_FRONTEND_KIND_MASK) != 0 && entry.address == wanted.address && entry.port == wanted.port &&
            entry.protocol == static_cast<uint8_t>(wanted.protocol)) {
          return position;
        }
      }
      if (!overflow) break;
    }
    return 0xffffffff;
  }

  TableStore& store_;
  const TableSizes& sizes_;
  const wg_hash_key& key_;
  std::vector<ServiceView> services_;
  std::set<uint32_t> indexes_;
  std::set<uint32_t> slots_;
  std::vector<std::string> broken_;
};

bool is_one_of(const std::string& text, std::initializer_list<std::string> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

std::string service_text(const std::string& service, Family family) {
  return fmt::format("{}/{}", service, family_name(family));
}

// Does the service have these sets before or after? Each of the two may have changed already or not.
bool had_or_gets(const Picture& before, const Picture& after, const FrontendPicture& now) {
  bool cluster = false, local = false;
  for (const Picture* picture : {&before, &after}) {
    const auto sets = picture->sets.find(service_text(now.service, now.family));
    if (sets == picture->sets.end()) continue;
    cluster = cluster || sets->second.first == now.cluster_set;
    local = local || sets->second.second == now.local_set;
  }
  return cluster && local;
}

using Complain = std::function<void(std::string_view)>;

// Each source is treated as before or as after. An address that changes hands while its ranges change may for a moment
// admit by either range of the service that has it.
void compare_sources(const FrontendPicture& before, const FrontendPicture& now, const FrontendPicture& after,
                     const Complain& say) {
  if (before.service != after.service) return;
  for (const FrontendPicture* picture : {&before, &now, &after}) {
    for (const Cidr& range : picture->sources) {
      const IpAddress& source = range.address;
      const bool admits = now.admits(source);
      if (admits != before.admits(source) && admits != after.admits(source)) {
        say(fmt::format("it {} {}", admits ? "admits" : "shuts out", source.text()));
      }
    }
  }
}

void compare(const std::string& where, const FrontendPicture& before, const FrontendPicture& now,
             const FrontendPicture& after, std::vector<std::string>& wrong) {
  const std::string decision = now.decision();
  const auto say = [&](std::string_view what) {
    wrong.push_back(
        fmt::format("{}: {}: {} (before: {}; after: {})", where, what, decision, before.decision(), after.decision()));
  };
  if (before == after) {
    if (now != before) say("an unchanged service changed");
    return;
  }
  if (!is_one_of(now.service, {before.service, after.service})) say("it leads to a third service");
  const bool may_reject = is_one_of("reject", {before.decision(), after.decision()});
  const bool may_drop = may_reject || is_one_of("drop", {before.decision(), after.decision()});
  if (decision == "reject" && !may_reject) say("it rejects");
  if (decision == "drop" && !may_drop) say("it drops");
  compare_sources(before, now, after, say);
}

// What was remembered before affinity began is of another epoch; nothing else begins one.
void compare_affinity(const Picture& before, const Picture& now, const Picture& after,
                      std::vector<std::string>& wrong) {
  for (const auto& [service, then] : after.affinity) {
    const auto was = before.affinity.find(service);
    const auto is = now.affinity.find(service);
    if (was == before.affinity.end() || is == now.affinity.end()) continue;
    const bool begins = was->second.timeout_s == 0 && then.timeout_s != 0;
    if (then.epoch != was->second.epoch + (begins ? 1 : 0)) wrong.push_back(service + " has the wrong affinity epoch");
    if (is->second.timeout_s != 0 && is->second.epoch != then.epoch) {
      wrong.push_back(service + " remembers in a wrong affinity epoch for a moment");
    }
  }
}

void compare_any_ports(const Picture& before, const Picture& now, const Picture& after,
                       std::vector<std::string>& wrong) {
  for (const auto& [address, object] : before.any_ports) {
    const auto then = after.any_ports.find(address);
    if (then == after.any_ports.end()) continue;
    const auto is = now.any_ports.find(address);
    if (is == now.any_ports.end()) {
      wrong.push_back(address + " is not there for a moment");
    } else if (!is_one_of(is->second, {object, then->second})) {
      wrong.push_back(address + " leads to a third service");
    }
  }
}

}  // namespace

std::string FrontendPicture::decision() const {
  const bool local = (flags & (external ? WG_SERVICE_EXTERNAL_LOCAL : WG_SERVICE_INTERNAL_LOCAL)) != 0;
  const std::string& set = local ? local_set : cluster_set;
  if (!set.empty()) return "pick from " + set;
  return (flags & WG_SERVICE_HAS_ENDPOINTS) != 0 ? "drop" : "reject";
}

bool FrontendPicture::admits(const IpAddress& source) const {
  return !filtered ||
         std::any_of(sources.begin(), sources.end(), [&source](const Cidr& range) { return range.contains(source); });
}

Picture picture_of(TableStore& store) {
  Picture picture;
  const auto services = services_view(store).value();
  std::map<uint32_t, std::string> objects;
  for (const ServiceView& service : services) {
    const std::string text = service_text(service_port_text(service), service.family);
    picture.sets[text] = {set_text(service.cluster_set, service), set_text(service.local_set, service)};
    picture.affinity[text] = {service.affinity_timeout_s, service.affinity_epoch};
    objects[service.index] = service.name.text();
    for (const FrontendView& frontend : service.frontends) {
      if (frontend.kind != WG_FRONTEND_LIVE) continue;
      picture.frontends[frontend_text(frontend)] = {service_port_text(service),
                                                    service.family,
                                                    frontend.external,
                                                    frontend.node_port,
                                                    frontend.filtered,
                                                    service.flags,
                                                    service.affinity_timeout_s,
                                                    set_text(service.cluster_set, service),
                                                    set_text(service.local_set, service),
                                                    backends_text(service),
                                                    frontend.filtered ? service.source_ranges : std::vector<Cidr>{}};
    }
  }
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto frontends = frontends_view(store, family).value();
    for (const FrontendView& frontend : frontends) {
      if (frontend.any_port() && frontend.kind == WG_FRONTEND_LIVE && !frontend.doubtful) {
        picture.any_ports[frontend_text(frontend)] = objects[frontend.service];
      }
    }
  }
  return picture;
}

std::string text_of(const Picture& picture) {
  std::string text;
  for (const auto& [frontend, seen] : picture.frontends) {
    text += fmt::format(
        "{} -> {} external={} node_port={} filtered={} flags={} affinity={} cluster=[{}] local=[{}] backends=[{}]",
        frontend, seen.service, seen.external, seen.node_port, seen.filtered, service_flags_text(seen.flags),
        seen.affinity_timeout_s, seen.cluster_set, seen.local_set, seen.backends);
    for (const Cidr& range : seen.sources) text += " from " + range.text();
    text += '\n';
  }
  for (const auto& [address, object] : picture.any_ports) text += fmt::format("{} -> {}\n", address, object);
  return text;
}

std::vector<std::string> broken_invariants(TableStore& store, const TableSizes& sizes, const wg_hash_key& key) {
  return Checker(store, sizes, key).run();
}

std::vector<std::string> loose_ends(TableStore& store, const State& state) {
  std::vector<std::string> loose;
  std::set<std::string> cluster_ips;
  const auto services = services_view(store).value();
  for (const ServiceView& service : services) {
    for (const BackendView& backend : service.backends) {
      const auto stands_in = [&backend](const SetView& set) {
        return std::find(set.backends.begin(), set.backends.end(), backend.index) != set.backends.end();
      };
      if (backend.in_cluster != stands_in(service.cluster_set) || backend.in_local != stands_in(service.local_set)) {
        loose.push_back(fmt::format("backend {} has other set bits than sets", backend.index));
      }
    }
    bool filtered = false;
    for (const FrontendView& frontend : service.frontends) {
      if (frontend.kind != WG_FRONTEND_LIVE) continue;
      filtered = filtered || frontend.filtered;
      if (!frontend.external && !cluster_ip_doubt(state, frontend.address))
        cluster_ips.insert(any_port_text(frontend.address));
    }
    if (filtered && service.source_ranges.empty()) {
      loose.push_back(fmt::format("service {} is filtered and admits nobody", service.index));
    }
  }
  std::set<std::string> any_ports;
  const Picture picture = picture_of(store);
  for (const auto& [address, object] : picture.any_ports) any_ports.insert(address);
  if (any_ports != cluster_ips)
    loose.emplace_back("any-port entries are not those of the ClusterIPs that nobody doubts");
  return loose;
}

std::vector<std::string> wrong_between(const Picture& before, const Picture& now, const Picture& after) {
  std::vector<std::string> wrong;
  for (const auto& [frontend, seen] : now.frontends) {
    if (!before.frontends.contains(frontend) && !after.frontends.contains(frontend))
      wrong.push_back(frontend + " came out of nothing");
  }
  for (const auto& [frontend, seen] : before.frontends) {
    const auto then = after.frontends.find(frontend);
    if (then == after.frontends.end()) continue;
    const auto found = now.frontends.find(frontend);
    if (found == now.frontends.end()) {
      wrong.push_back(frontend + " is not served for a moment");
    } else {
      compare(frontend, seen, found->second, then->second, wrong);
      if (!had_or_gets(before, after, found->second)) wrong.push_back(frontend + " has sets its service never had");
    }
  }
  compare_affinity(before, now, after, wrong);
  compare_any_ports(before, now, after, wrong);
  return wrong;
}

}  // namespace waggle
