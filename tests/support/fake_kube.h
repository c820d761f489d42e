// SPDX-License-Identifier: Apache-2.0
// An API server in memory, behind a FakeHttp: a store with versions and history for one kind of objects, lists (whole,
// in pages, as a stream), watches, and the faults a test asks for. What it sends waits until the test delivers it.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/fake_http.h"
#include "support/kube_objects.h"

namespace waggle {

class FakeKube {
 public:
  FakeKube(ObjectKind kind, FakeHttp& http, uint32_t seed) : kind_(kind), http_(http), random_(seed) {}

  WireForm form = WireForm::kProtobuf;
  bool streaming = true;  // offers streaming lists
  size_t page_size = 3;   // whatever limit is asked for

  // The object's version is set here.
  void put(Event object);
  void remove(const ObjectName& name);
  // Versions before the present one are forgotten.
  void compact() { compacted_ = version_; }
  // Restored from a backup: the same objects, other versions, another history.
  void restore();
  [[nodiscard]] State state() const;
  [[nodiscard]] bool has(const ObjectName& name) const { return objects_.contains(name); }

  // Begins to answer what was asked since the last call.
  void answer_new();
  // Passes on some of what waits (all of it: everything); answers whether anything was passed on.
  bool deliver(bool everything);

  // Faults, each of one open request.
  void refuse_next(int code) { refuse_next_ = code; }
  void end_one(bool complete);
  void error_one(int code);
  void garble_one();
  void repeat_one();  // events that were sent already
  // What waits, delivered at once so that no connection ends in the middle. Never a streaming list with its end: no
  // server could mean that.
  void shuffle_one();

 private:
  struct Change {
    int64_t version = 0;
    std::optional<Event> before;
    std::optional<Event> after;
  };
  struct Open {
    HttpTransport::Id id = 0;
    bool watch = false;
    size_t initial = 0;                // a streaming list: its frames, the end included
    int64_t sent = 0;                  // a watch: changes up to here are among the frames
    std::vector<std::string> frames;   // that wait
    std::vector<std::string> history;  // that were passed on
    bool ends = false;                 // after the frames
    int status = 200;
  };

  void answer(HttpTransport::Id id, const std::string& target);
  void answer_list(Open& open, const std::string& target);
  void answer_watch(Open& open, const std::string& target);
  void refuse(Open& open, int code, std::string_view reason, bool too_large = false);
  void feed(Open& open);
  void pass_on(Open& open, bool everything);
  Open* any_open();
  [[nodiscard]] std::string frame_of(const Change& change) const;

  ObjectKind kind_;
  FakeHttp& http_;
  std::mt19937 random_;
  std::map<ObjectName, Event> objects_;
  std::vector<Change> changes_;
  int64_t version_ = 1'000'000;
  int64_t compacted_ = 0;
  int refuse_next_ = 0;
  HttpTransport::Id answered_ = 0;
  std::vector<Open> open_;
};

}  // namespace waggle
