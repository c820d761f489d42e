// SPDX-License-Identifier: Apache-2.0
// The node agent: one epoll loop over the source, the network and a stop signal. Each round takes in what is new and
// does what is due; nothing in it waits for anything but the loop itself. Made by agent_command() out of the real parts
// and by tests out of fakes.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/config_watch.h"
#include "daemon/kernel_edge.h"
#include "daemon/leftovers.h"
#include "daemon/link_keeper.h"
#include "daemon/node_identity.h"
#include "daemon/object_events.h"
#include "daemon/object_judge.h"
#include "daemon/options.h"
#include "daemon/problem_log.h"
#include "daemon/reconciler.h"
#include "daemon/service_news.h"
#include "daemon/service_notes.h"
#include "daemon/status_file.h"
#include "daemon/udp_follow.h"
#include "node/node_watch.h"
#include "server/servers.h"
#include "source/source.h"

namespace waggle {

struct AgentParts {
  std::unique_ptr<Source> source;
  std::unique_ptr<NodeWatch> network;
  std::unique_ptr<KernelEdge> kernel;
  PlannerConfig planner;
  std::unique_ptr<UdpSockets> udp_sockets;  // none: no hook serves UDP
  std::optional<Leftovers> leftovers;       // of kube-proxy; none: they stay
  UniqueFd stop;                            // readable: end
  uint64_t netns_cookie = 0;                // of the network namespace it is in; 0: not known
  std::optional<ConfigWatch> config;        // none: no configuration file
  ServersConfig servers;                    // ports that are not set are not served
  std::function<void(SyncMetrics&)> count;  // adds what was asked of the API server since the last call; may be none
  std::function<void(ClusterEvent)> post;   // records an event in the cluster; none: nowhere
  std::vector<OwnPort> own_ports;           // no node port should be one of them
  std::vector<std::string> start_problems;  // what could not be set up but keeps nothing else from working
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  TimePoint started_at = Clock::now();  // the same moment
  std::string proc_sys = kProcSys;      // where kernel settings are read
};

class Agent {
 public:
  Agent(AgentOptions options, AgentParts parts);

  // Takes over what a previous run left and attaches. Call once.
  Result<void> start();
  // Until told to stop; fails when the configuration file changed. Everything stays attached and programmed.
  Result<void> run();
  // One round: waits for news, for what is due, or for `longest`; answers whether to go on.
  Result<bool> run_once(std::optional<std::chrono::milliseconds> longest = std::nullopt);

  [[nodiscard]] const Reconciler& reconciler() const { return reconciler_; }
  [[nodiscard]] const LinkKeeper& links() const { return links_; }
  [[nodiscard]] const std::vector<std::string>& standing_problems() const { return problems_.standing(); }

 private:
  // One bit of each, so that a round knows whom it heard.
  enum Heard : uint32_t { kSource = 1, kNetwork = 2, kStop = 4, kConfig = 8, kServers = 16, kAside = 32 };

  Result<void> listen(int fd, Heard who);
  Result<uint32_t> wait(std::optional<std::chrono::milliseconds> longest);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  Result<void> open_servers();
  void take_source(TimePoint now);
  void note_services(const SourceBatch& batch);
  void judge_services(const std::set<ObjectName>& services);
  void take_network(TimePoint now);
  void hush_network(bool hushed);
  // agent_addresses.cc
  Result<void> begin_addresses();
  void follow_node_object(TimePoint now);
  Result<void> follow_addresses(TimePoint now);
  void tell_detector();
  void tell_node_ports();
  void tell_service_cidrs();
  void refresh_next_hops(TimePoint now);
  void refresh_routes(TimePoint now);
  Result<void> listen_beside();
  void begin_sweep(TimePoint now);
  void end_sweep(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_sweep() const;
  void follow_udp(TimePoint now);
  void say_leftovers();
  void look_for_ipvs_link();
  [[nodiscard]] bool settled() const { return reconciler_.programmed() && reconciler_.pending_writes() == 0; }
  void check_forwarding();
  void say_when_ready();
  void serve();
  [[nodiscard]] MetricsInput metrics_input() const;
  void say_services(TimePoint now);
  [[nodiscard]] std::optional<std::string> foreign_name() const;
  void publish(bool running);
  void write_status(bool running);

  AgentOptions options_;
  AgentParts parts_;
  UniqueFd epoll_;
  Reconciler reconciler_;
  LinkKeeper links_;
  NodeIdentity identity_;
  UdpFollow udp_;
  ObjectJudge judge_;
  ObjectEvents object_events_;
  bool addresses_stale_ = true;      // of the node or its links, since node ports were told
  bool service_cidrs_stale_ = true;  // the programs have others than the state
  std::vector<std::string> leftover_problems_;
  bool leftovers_over_ = false;  // removed, as far as they can be
  std::string ipvs_problem_;
  std::unique_ptr<Servers> servers_;
  ProblemLog problems_;
  StatusFile status_;

  bool ready_ = false;
  ServiceNews service_news_;
  ServiceNotes service_notes_;
  Backoff network_backoff_;
  std::string network_problem_;
  std::vector<std::string> setting_problems_;
  std::string status_problem_;
  TimePoint status_due_{};                       // not written again before
  bool status_late_ = false;                     // it has to be, then
  std::optional<TimePoint> next_hops_stale_at_;  // when to tell the programs so
  TimePoint next_hops_told_at_{};
  std::optional<TimePoint> routes_stale_at_;  // when to read their MTUs again
  TimePoint routes_rested_at_{};              // not before, either
  std::string routes_problem_;
  TimePoint swept_at_{};
  uint64_t swept_graces_ = 0;
  bool sweeping_ = false;                  // beside the loop
  bool sweep_refers_ = false;              // that sweep looks for what flows name
  std::chrono::milliseconds sweep_pause_;  // before the next one that releases something
  std::string sweep_problem_;
  std::optional<SweepRecord> last_sweep_;
  std::array<uint64_t, kFlowTables> expired_{};  // by sweeps since the start
};

}  // namespace waggle
