// SPDX-License-Identifier: Apache-2.0
#include "support/fake_kube.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace waggle {
namespace {

// The value of a parameter; "" without it.
std::string parameter(const std::string& target, const std::string& name) {
  size_t at = target.find("?" + name + "=");
  if (at == std::string::npos) at = target.find("&" + name + "=");
  if (at == std::string::npos) return "";
  at += name.size() + 2;
  return target.substr(at, target.find('&', at) - at);
}

}  // namespace

void FakeKube::put(Event object) {
  set_version(object, std::to_string(++version_));
  const ObjectName name = name_of(object);
  const auto old = objects_.find(name);
  changes_.push_back({version_, old == objects_.end() ? std::nullopt : std::optional(old->second), object});
  objects_.insert_or_assign(name, std::move(object));
}

void FakeKube::remove(const ObjectName& name) {
  const auto old = objects_.find(name);
  if (old == objects_.end()) return;
  changes_.push_back({++version_, old->second, std::nullopt});
  objects_.erase(old);
}

void FakeKube::restore() {
  for (Open& open : open_) http_.end(open.id, false);
  open_.clear();
  changes_.clear();
  version_ /= 2;  // so far back that it never reaches what a client has seen
  compacted_ = version_;
  for (auto& [name, object] : objects_) set_version(object, std::to_string(++version_));
}

State FakeKube::state() const {
  State out;
  for (const auto& [name, object] : objects_) out.apply(object);
  return out;
}

std::string FakeKube::frame_of(const Change& change) const {
  if (change.after) return watch_frame(change.before ? "MODIFIED" : "ADDED", *change.after, form);
  Event last = *change.before;
  set_version(last, std::to_string(change.version));
  return watch_frame("DELETED", last, form);
}

void FakeKube::answer_new() {
  while (answered_ < http_.last()) {
    ++answered_;
    if (!http_.request(answered_).over) answer(answered_, http_.request(answered_).request.target);
  }
  for (Open& open : open_) {
    if (open.watch && !open.ends) feed(open);
  }
}

void FakeKube::answer(HttpTransport::Id id, const std::string& target) {
  Open& open = open_.emplace_back();
  open.id = id;
  if (const int code = std::exchange(refuse_next_, 0)) return refuse(open, code, "Injected");
  if (parameter(target, "watch") == "true") return answer_watch(open, target);
  answer_list(open, target);
}

void FakeKube::refuse(Open& open, int code, std::string_view reason, bool too_large) {
  open.status = code;
  open.frames = {status_body(code, reason, "refused", form, too_large)};
  open.ends = true;
}

// The continue token is the version and the last name.
void FakeKube::answer_list(Open& open, const std::string& target) {
  std::string after;
  int64_t version = version_;
  if (const std::string token = parameter(target, "continue"); !token.empty()) {
    version = std::strtoll(token.c_str(), nullptr, 10);
    after = token.substr(token.find("-") + 1);
    // The past is not kept: a list goes on only while nothing has changed.
    if (version != version_) return refuse(open, 410, "Expired");
  }
  const bool paged = !parameter(target, "limit").empty();
  std::vector<Event> page;
  std::string next;
  for (const auto& [name, object] : objects_) {
    if (name.name <= after) continue;
    if (paged && page.size() == page_size) {
      next = fmt::format("{}-{}", version, name_of(page.back()).name);
      break;
    }
    page.push_back(object);
  }
  open.frames = {list_body(kind_, page, std::to_string(version), next, form)};
  open.ends = true;
}

void FakeKube::answer_watch(Open& open, const std::string& target) {
  const bool list = parameter(target, "sendInitialEvents") == "true";
  if (list && !streaming) return refuse(open, 422, "Invalid");
  open.watch = true;
  if (list) {
    for (const auto& [name, object] : objects_) open.frames.push_back(watch_frame("ADDED", object, form));
    open.frames.push_back(bookmark_frame(kind_, std::to_string(version_), true, form));
    open.sent = version_;
    open.initial = open.frames.size();
    return;
  }
  open.sent = std::strtoll(parameter(target, "resourceVersion").c_str(), nullptr, 10);
  if (open.sent > version_) return refuse(open, 504, "Timeout", true);
  if (open.sent >= compacted_) return;
  if (random_() % 2 == 0) return refuse(open, 410, "Expired");
  open.frames = {error_frame(410, "Expired", "too old", form)};
  open.ends = true;
}

void FakeKube::feed(Open& open) {
  for (const Change& change : changes_) {
    if (change.version <= open.sent) continue;
    open.frames.push_back(frame_of(change));
    open.sent = change.version;
  }
  if (random_() % 8 == 0) open.frames.push_back(bookmark_frame(kind_, std::to_string(open.sent), false, form));
}

// In pieces that do not care for frames.
void FakeKube::pass_on(Open& open, bool everything) {
  if (!http_.request(open.id).headed) http_.head(open.id, open.status, content_type_of(form));
  std::string bytes;
  size_t count = everything ? open.frames.size() : random_() % (open.frames.size() + 1);
  for (size_t i = 0; i < count; ++i) bytes += open.frames[i];
  const auto passed = open.frames.begin() + static_cast<std::ptrdiff_t>(count);
  open.history.insert(open.history.end(), open.frames.begin(), passed);
  open.frames.erase(open.frames.begin(), passed);
  for (size_t at = 0; at < bytes.size();) {
    const size_t piece = 1 + random_() % 400;
    http_.body(open.id, std::string_view(bytes).substr(at, piece));
    at += piece;
  }
  if (open.ends && open.frames.empty()) http_.end(open.id);
}

bool FakeKube::deliver(bool everything) {
  std::erase_if(open_, [this](const Open& open) { return http_.request(open.id).over; });
  bool any = false;
  for (Open& open : open_) {
    any |= !open.frames.empty() || open.ends || !http_.request(open.id).headed;
    pass_on(open, everything);
  }
  return any;
}

FakeKube::Open* FakeKube::any_open() {
  std::erase_if(open_, [this](const Open& open) { return http_.request(open.id).over; });
  return open_.empty() ? nullptr : &open_[random_() % open_.size()];
}

void FakeKube::end_one(bool complete) {
  if (const Open* open = any_open()) http_.end(open->id, complete);
}

void FakeKube::error_one(int code) {
  Open* open = any_open();
  if (open == nullptr || !open->watch) return;
  open->frames.push_back(error_frame(code, "Injected", "injected", form));
  open->ends = true;
}

void FakeKube::garble_one() {
  Open* open = any_open();
  if (open == nullptr || open->frames.empty()) return;
  std::string& frame = open->frames[random_() % open->frames.size()];
  frame.resize(frame.size() / 2);
  open->frames.resize(static_cast<size_t>(&frame - open->frames.data()) + 1);
  open->frames.push_back("\n\xff\xff\xff\xff\n");
  open->ends = true;
}

void FakeKube::repeat_one() {
  Open* open = any_open();
  if (open == nullptr || !open->watch || open->history.empty()) return;
  const size_t from = random_() % open->history.size();
  open->frames.insert(open->frames.begin(), open->history.begin() + static_cast<std::ptrdiff_t>(from),
                      open->history.end());
}

void FakeKube::shuffle_one() {
  Open* open = any_open();
  if (open == nullptr || !open->watch || open->ends || open->history.size() < open->initial) return;
  std::shuffle(open->frames.begin(), open->frames.end(), random_);
  pass_on(*open, true);
}

}  // namespace waggle
