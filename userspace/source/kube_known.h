// SPDX-License-Identifier: Apache-2.0
// Which objects of one kind the API server has told of, and at which version: turns what it sends (twice, late, out of
// order, in lists that begin anew) into events that never go back. Owned by a reflector; pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source/kube_build.h"

namespace waggle {

// Resource versions are numbers in every real server; nothing for one that is not.
std::optional<uint64_t> version_number(std::string_view version);
// `one` comes before `other`, as far as can be told.
bool is_older(std::string_view one, std::string_view other);

class KnownObjects {
 public:
  explicit KnownObjects(ObjectKind kind) : kind_(kind) {}

  // A list begins: what it holds is the truth, whatever versions were seen before.
  void begin_list();
  // An object of the list, or of an event that adds or changes it.
  void change(KubeObject object, std::vector<Event>& out);
  void remove(const KubeObject& object, std::vector<Event>& out);
  // The list is complete: what it did not hold is gone.
  void end_list(std::vector<Event>& out);

  // Something since begin_list() could not be told by name: it may be any object, so none is taken for gone.
  [[nodiscard]] bool unsound() const { return unsound_; }
  // Of every object that is there a good version was seen.
  [[nodiscard]] bool all_read() const { return unread_.empty() && !unsound_; }
  // Complaints about objects that hold now, a few at most, and how many more there are.
  [[nodiscard]] std::vector<std::string> problems() const;
  [[nodiscard]] size_t size() const { return known_.size(); }

 private:
  struct Known {
    std::string version;
    uint32_t list = 0;     // the last list it was in, or that was the last when it was told of
    bool served = false;   // the last event out was no deletion
    bool deleted = false;  // kept for a while, so that an older event does not bring it back
  };
  using Map = std::map<ObjectName, Known>;

  void note_nameless(const KubeObject& object);
  void set_problems(const KubeObject& object, bool served);
  void withdraw(const ObjectName& name, Known& known, std::vector<Event>& out);
  void remember_deleted(const ObjectName& name);

  ObjectKind kind_;
  Map known_;
  uint32_t list_ = 0;
  bool unsound_ = false;
  std::string nameless_;            // the complaint about the last one
  std::deque<ObjectName> deleted_;  // oldest first
  std::map<ObjectName, std::vector<std::string>> problems_;
  std::set<ObjectName> unread_;  // refused, and never seen in a good version
};

}  // namespace waggle
