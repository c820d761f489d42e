// SPDX-License-Identifier: Apache-2.0
#include "daemon/object_events.h"

#include <algorithm>
#include <array>

namespace waggle {
namespace {

constexpr size_t kMostAtOnce = 8;  // posted by one update, so that a thousand bad objects are no flood

using KindWord = std::pair<std::string_view, ObjectKind>;
constexpr std::array<KindWord, 5> kWords{{{"Service ", ObjectKind::kService},
                                          {"service ", ObjectKind::kService},
                                          {"EndpointSlice ", ObjectKind::kEndpointSlice},
                                          {"Node ", ObjectKind::kNode},
                                          {"ServiceCIDR ", ObjectKind::kServiceCidr}}};

bool is_namespaced(ObjectKind kind) { return kind == ObjectKind::kService || kind == ObjectKind::kEndpointSlice; }

// "shop/web" or "shop/web:http" or, of a cluster's object, "a".
std::optional<ObjectName> name_of(std::string_view text, bool namespaced) {
  const size_t slash = text.find('/');
  if (!namespaced)
    return slash == std::string_view::npos ? std::optional(ObjectName{"", std::string(text)}) : std::nullopt;
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(slash + 1);
  return ObjectName{std::string(text.substr(0, slash)), std::string(name.substr(0, name.find(':')))};
}

}  // namespace

std::optional<ObjectComplaint> complaint_about_object(std::string_view sentence) {
  const auto word =
      std::ranges::find_if(kWords, [sentence](const KindWord& one) { return sentence.starts_with(one.first); });
  const size_t end = sentence.find(": ");
  if (word == kWords.end() || end == std::string_view::npos || end < word->first.size()) return std::nullopt;
  const std::string_view subject = sentence.substr(word->first.size(), end - word->first.size());
  if (subject.empty() || subject.find(' ') != std::string_view::npos) return std::nullopt;
  auto name = name_of(subject, is_namespaced(word->second));
  if (!name.has_value() || name->name.empty()) return std::nullopt;
  return ObjectComplaint{word->second, std::move(*name), std::string(sentence.substr(end + 2))};
}

void ObjectEvents::update(const std::vector<std::string>& standing, SystemTime now) {
  if (!post_) return;
  std::erase_if(posted_, [&](const std::string& one) { return std::ranges::find(standing, one) == standing.end(); });
  size_t count = 0;
  for (const std::string& sentence : standing) {
    if (count == kMostAtOnce) return;  // the rest with the next update
    const auto complaint = complaint_about_object(sentence);
    if (!complaint.has_value() || !posted_.insert(sentence).second) continue;
    post_(object_problem_event(complaint->kind, complaint->name, complaint->what, now));
    ++count;
  }
}

}  // namespace waggle
