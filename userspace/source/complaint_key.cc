// SPDX-License-Identifier: Apache-2.0
#include "source/complaint_key.h"

#include <algorithm>
#include <array>
#include <map>

namespace waggle {
namespace {

constexpr std::array<std::string_view, 3> kManifestEnds = {".yaml:", ".yml:", ".json:"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool ends_like_manifest(std::string_view text) {
  return std::ranges::any_of(kManifestEnds, [text](std::string_view end) { return text.ends_with(end); });
}

}  // namespace

std::string complaint_key(std::string_view complaint) {
  std::string key;
  for (size_t at = 0; at < complaint.size(); ++at) {
    if (is_digit(complaint[at]) && ends_like_manifest(key)) {
      while (at + 1 < complaint.size() && is_digit(complaint[at + 1])) ++at;
      continue;
    }
    key += complaint[at];
  }
  return key;
}

std::vector<std::string> new_complaints(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  std::map<std::string, size_t> known;
  for (const std::string& complaint : before) ++known[complaint_key(complaint)];
  std::vector<std::string> fresh;
  for (const std::string& complaint : now) {
    const auto found = known.find(complaint_key(complaint));
    if (found == known.end() || found->second == 0)
      fresh.push_back(complaint);
    else
      --found->second;
  }
  return fresh;
}

}  // namespace waggle
