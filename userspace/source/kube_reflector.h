// SPDX-License-Identifier: Apache-2.0
// Keeps up with the objects of one kind: lists them, watches them, lists them anew when a watch cannot go on, and turns
// all of it into events. Owned by KubeSource, which calls advance() after the transport's drive() and when a time
// comes; reads no clock.
//
//   pause --> streaming list ----------------> watch --> pause ...
//         \-> page --> page ... --> watch /
//
// Whatever goes wrong ends in a pause: a short one first, longer ones after failures in a row. A request is started and
// cancelled in advance() only, never within a call of the transport.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "source/http_transport.h"
#include "source/kube_known.h"
#include "source/kube_list_reader.h"
#include "source/kube_options.h"
#include "source/kube_watch_reader.h"

namespace waggle {

struct ReflectorConfig {
  ObjectKind kind = ObjectKind::kService;
  std::string label_selector;
  std::string field_selector;
  bool field_selector_optional = false;  // older servers do not know it; what it keeps away does no harm
  bool may_be_missing = false;           // nothing waits for it, and the server may not have it
  std::string server = "the API server";
  KubeTimings timings;
};

// One request of a reflector and its answer.
struct ReflectorExchange {
  HttpTransport::Id id = 0;
  TimePoint started;
  HttpHead head;  // status 0: none came
  std::string error_body;
  std::unique_ptr<KubeListReader> list;
  std::unique_ptr<KubeWatchReader> watch;
  std::optional<HttpEnd> end;
  std::string broken;               // what is wrong with the bytes
  std::optional<KubeStatus> error;  // an ERROR event
  bool went_back = false;           // a version from before the watch: another history
  bool progress = false;            // brought something new
  bool counted = false;             // in KubeRequestCounts
  bool heard = false;               // bytes since the last advance()
};

class Reflector : public ApiHandler {
 public:
  Reflector(ReflectorConfig config, HttpTransport& transport, KubeRequestCounts& counts, uint32_t seed);
  ~Reflector() override;
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Does what is due. True: a request was started or ended, so the transport may have something to do.
  bool advance(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  // Events since the last call.
  std::vector<Event> take_events() { return std::exchange(events_, {}); }
  // All objects have been told of once.
  [[nodiscard]] bool synced() const { return synced_; }
  // And of each of them a good version was seen.
  [[nodiscard]] bool all_read() const { return synced_ && known_.all_read(); }
  // The server answers: the last request that was not just the end of a watch did well.
  [[nodiscard]] bool connected() const { return connected_; }
  // Nothing may be written before this kind is synced (contract I-11).
  [[nodiscard]] bool gates() const {
    return config_.kind == ObjectKind::kService || config_.kind == ObjectKind::kEndpointSlice;
  }
  // Complaints that hold now.
  [[nodiscard]] std::vector<std::string> problems() const;
  // Said once and no complaint: the server lacks what may be missing.
  std::string take_remark() { return std::exchange(remark_, {}); }

  void on_head(const HttpHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end(const HttpEnd& end) override;

 private:
  enum class Phase : uint8_t { kPause, kStreaming, kPage, kWatch };
  using Exchange = ReflectorExchange;

  void start(TimePoint now);
  [[nodiscard]] std::string watch_seconds();
  void start_list(TimePoint now);
  void send(Phase phase, std::string target, TimePoint now);
  void count_answer(TimePoint now);
  [[nodiscard]] bool is_over(TimePoint now);
  void finish(TimePoint now);
  void page_ended(const Exchange& exchange, TimePoint now);
  void stream_ended(const Exchange& exchange, TimePoint now);
  void watch_ended(const Exchange& exchange, TimePoint now);
  void refused(const Exchange& exchange, Phase phase, TimePoint now);
  bool asked_differently(int code, Phase phase, TimePoint now);
  void expired(Phase phase, TimePoint now);
  void missing(int code, const std::string& words, TimePoint now);
  void list_complete(const std::string& version);
  void go_on(TimePoint now);
  void failed(TimePoint now, std::string problem, std::chrono::milliseconds at_least = {});
  bool settle(const Exchange& exchange, TimePoint now);

  void take_event(WatchEvent event);
  void take_bookmark(const WatchEvent& event);
  void move_to(const std::string& version);
  [[nodiscard]] std::string words_of_bytes(const Exchange& exchange, std::string_view verb) const;

  ReflectorConfig config_;
  HttpTransport& transport_;
  KubeRequestCounts& counts_;
  std::minstd_rand random_;
  Backoff backoff_;
  KnownObjects known_;
  std::vector<Event> events_;

  Phase phase_ = Phase::kPause;
  TimePoint resume_at_{};  // of the pause
  std::optional<Exchange> exchange_;
  TimePoint last_heard_{};  // of a streaming list

  std::string version_;         // where a watch goes on; "": a list is needed
  std::string watched_from_;    // where this one began
  std::string next_page_;       // the list goes on there; "": from its beginning
  bool in_order_ = true;        // versions of this watch only grew
  bool listed_before_ = false;  // a list has begun, so the newest is wanted
  bool whole_list_ = false;     // pages went out of date: no more of them
  bool streaming_refused_ = false;
  bool expired_before_ = false;  // and no watch has lived since
  bool synced_ = false;
  bool connected_ = false;
  std::string problem_;
  std::string remark_;
  bool missing_ = false;
};

}  // namespace waggle
