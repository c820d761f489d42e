// SPDX-License-Identifier: Apache-2.0
#include "source/kube_known.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "source/kube_kinds.h"
#include "source/until_mended.h"

namespace waggle {
namespace {

constexpr size_t kMostDeleted = 1024;  // remembered
constexpr size_t kMostSaid = 20;       // objects whose problems are said one by one

}  // namespace

std::optional<uint64_t> version_number(std::string_view version) {
  uint64_t out = 0;
  const char* end = version.data() + version.size();
  const auto [stop, problem] = std::from_chars(version.data(), end, out);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return out;
}

bool is_older(std::string_view one, std::string_view other) {
  const auto a = version_number(one);
  const auto b = version_number(other);
  return a && b && *a < *b;
}

void KnownObjects::begin_list() {
  ++list_;
  unsound_ = false;
  nameless_.clear();
}

void KnownObjects::note_nameless(const KubeObject& object) {
  unsound_ = true;
  if (!object.problems.empty()) nameless_ = object.problems.front();
}

void KnownObjects::set_problems(const KubeObject& object, bool served) {
  if (object.problems.empty()) {
    problems_.erase(object.name);
    return;
  }
  auto& problems = problems_[object.name];
  problems = object.problems;
  if (!object.refused) return;
  for (std::string& problem : problems) problem += until_mended(kind_, served);
}

void KnownObjects::change(KubeObject object, std::vector<Event>& out) {
  if (object.name.name.empty()) return note_nameless(object);
  const auto [at, is_new] = known_.try_emplace(object.name);
  Known& known = at->second;
  const bool told_already = !is_new && known.list == list_;
  if (told_already && (object.version == known.version || is_older(object.version, known.version))) return;
  known.version = std::move(object.version);
  known.list = list_;
  known.deleted = false;
  set_problems(object, known.served);
  if (object.refused) {
    if (!known.served) unread_.insert(object.name);
    return;
  }
  unread_.erase(object.name);
  if (!object.event) return withdraw(object.name, known, out);
  known.served = true;
  out.push_back(std::move(*object.event));
}

void KnownObjects::remove(const KubeObject& object, std::vector<Event>& out) {
  if (object.name.name.empty()) return note_nameless(object);
  const auto [at, is_new] = known_.try_emplace(object.name);
  Known& known = at->second;
  if (!is_new && known.list == list_ && is_older(object.version, known.version)) return;
  known.version = object.version;
  known.list = list_;
  problems_.erase(object.name);
  unread_.erase(object.name);
  withdraw(object.name, known, out);
  if (!std::exchange(known.deleted, true)) remember_deleted(object.name);
}

void KnownObjects::withdraw(const ObjectName& name, Known& known, std::vector<Event>& out) {
  if (std::exchange(known.served, false)) out.emplace_back(Deletion{kind_, name});
}

// Deletions must not fill the memory of an agent that runs for months without a list.
void KnownObjects::remember_deleted(const ObjectName& name) {
  deleted_.push_back(name);
  if (deleted_.size() <= kMostDeleted) return;
  const auto oldest = known_.find(deleted_.front());
  if (oldest != known_.end() && oldest->second.deleted) known_.erase(oldest);
  deleted_.pop_front();
}

void KnownObjects::end_list(std::vector<Event>& out) {
  deleted_.clear();
  for (auto at = known_.begin(); at != known_.end();) {
    auto& [name, known] = *at;
    if (known.deleted || (known.list != list_ && !unsound_)) {
      withdraw(name, known, out);
      problems_.erase(name);
      unread_.erase(name);
      at = known_.erase(at);
    } else {
      ++at;
    }
  }
}

std::vector<std::string> KnownObjects::problems() const {
  std::vector<std::string> out;
  if (!nameless_.empty()) out.push_back(nameless_);
  size_t said = 0;
  for (const auto& [name, problems] : problems_) {
    if (++said > kMostSaid) break;
    out.insert(out.end(), problems.begin(), problems.end());
  }
  if (problems_.size() > kMostSaid)
    out.push_back(
        fmt::format("{} more {} have something wrong", problems_.size() - kMostSaid, kube_kind(kind_).plural));
  return out;
}

}  // namespace waggle
