// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source: services, endpoint slices, the node's own object and service CIDRs of an API server, as one
// stream of events. Made and owned by the daemon, which polls fd() and calls take().
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "source/http_transport.h"
#include "source/kube_event_poster.h"
#include "source/kube_options.h"
#include "source/kube_reflector.h"
#include "source/source.h"

namespace waggle {

class KubeSource : public Source {
 public:
  // Nothing is asked before the first take(), for which fd() is readable at once. `seed`: of jitter and times.
  static Result<std::unique_ptr<KubeSource>> make(std::unique_ptr<HttpTransport> transport,
                                                  const KubeSourceOptions& options, uint32_t seed);

  [[nodiscard]] int fd() const override { return epoll_.get(); }
  SourceBatch take() override;
  [[nodiscard]] bool connected() const override;
  [[nodiscard]] std::vector<std::string> standing_problems() const override;

  // Posts one Event object (JSON). Best effort: a failure is a problem said once.
  void post_event(const std::string& name_space, std::string body);
  [[nodiscard]] const KubeRequestCounts& request_counts() const { return counts_; }
  // Requests that were answered, or failed, since the last call.
  std::vector<KubeRequest> take_requests() { return std::exchange(counts_.news, {}); }

 private:
  KubeSource(std::unique_ptr<HttpTransport> transport, const KubeSourceOptions& options, uint32_t seed);
  Result<void> open();
  void drive();
  void set_timer();
  std::vector<std::string> new_problems();
  // Of the reflectors that nothing may be written before.
  [[nodiscard]] bool all_gates(bool (Reflector::*are)() const) const;

  std::unique_ptr<HttpTransport> transport_;  // outlives what has requests in it
  KubeRequestCounts counts_;
  std::string waiting_;     // what is said while the first lists are not there
  TimePoint impatient_at_;  // from when on
  bool synced_ = false;
  UniqueFd timer_;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Reflector>> reflectors_;  // in the order of kAllKinds
  KubeEventPoster poster_;
  std::set<std::string> said_;  // of the standing problems
  std::vector<std::string> remarks_;
  bool complete_ = false;  // see SourceBatch
  bool more_ = false;      // there was more to do than one take() may
};

}  // namespace waggle
