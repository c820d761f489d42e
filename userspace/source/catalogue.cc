// SPDX-License-Identifier: Apache-2.0
#include "source/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "source/until_mended.h"

namespace waggle {
namespace {

constexpr std::string_view kKept = "; until it is mended, the last good version keeps serving";
constexpr std::string_view kNothing =
    "; until it is mended, nothing of it is served but what a previous run programmed";

Result<std::vector<Value>> parse(const std::string& name, const std::string& path, const std::string& text) {
  return name.ends_with(".json") ? parse_json(text, path) : parse_yaml(text, path);
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

bool may_have_been(const Unrecognized& thing, const ObjectKey& key) {
  if (!thing.name) return true;
  const bool same_place = key.name.name_space.empty() || key.name.name_space == thing.name->name_space;
  return same_place && key.name.name == thing.name->name;
}

std::string duplicate_words(const DecodedObject& refused, const DecodedObject& first) {
  return fmt::format("{}:{}: {}: is defined in {}:{} already; this one is not used, remove one of them", refused.file,
                     refused.line, refused.key.text(), first.file, first.line);
}

bool same(const std::shared_ptr<const Event>& one, const std::shared_ptr<const Event>& other) {
  return one == other || *one == *other;
}

}  // namespace

void Catalogue::put(const std::string& name, const std::string& path, const std::string& text) {
  auto documents = parse(name, path, text);
  if (!documents) return put_unreadable(name, std::move(documents.error().message));
  DecodedFile decoded = decode_documents(*documents, path);
  File& file = files_[name];
  const Objects before = good_objects(file);
  const bool was_unknown = file.unknown;
  file = File{};
  file.read = std::move(decoded.objects);
  for (const Unrecognized& thing : decoded.unrecognized) append(file.problems, thing.problems);
  keep_what_became_bad(file, before, decoded.unrecognized);
  file.unknown = was_unknown && has_unknown(file, decoded.unrecognized);
}

void Catalogue::put_unreadable(const std::string& name, std::string problem) {
  File& file = files_[name];
  file.kept = good_objects(file);
  file.read.clear();
  problem += file.kept.empty() ? kNothing : kKept;
  file.problems = {std::move(problem)};
}

void Catalogue::remove(const std::string& name) { files_.erase(name); }

std::vector<std::string> Catalogue::file_names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

bool Catalogue::complete() const {
  return std::ranges::none_of(files_, [](const auto& entry) { return entry.second.unknown; });
}

bool Catalogue::has_unknown(const File& file, const std::vector<Unrecognized>& unrecognized) {
  const auto is_unknown = [&file](const DecodedObject& object) {
    return object.refused && !file.kept.contains(object.key);
  };
  return !unrecognized.empty() || std::ranges::any_of(file.read, is_unknown);
}

Catalogue::Objects Catalogue::good_objects(const File& file) {
  Objects out;
  for (const DecodedObject& object : file.read) {
    if (!object.refused) out.try_emplace(object.key, object);
  }
  out.insert(file.kept.begin(), file.kept.end());
  for (auto& [key, object] : out) object.problems.clear();
  return out;
}

void Catalogue::keep_what_became_bad(File& file, const Objects& before, const std::vector<Unrecognized>& unrecognized) {
  std::set<ObjectKey> good;
  for (const DecodedObject& object : file.read) {
    if (!object.refused) good.insert(object.key);
  }
  for (DecodedObject& object : file.read) {
    const auto old = before.find(object.key);
    if (!object.refused || good.contains(object.key)) continue;
    if (old != before.end()) file.kept.insert(*old);
    for (std::string& problem : object.problems) problem += until_mended(object.key.kind, old != before.end());
  }
  for (const auto& old : before) {
    const auto was_this = [&old](const Unrecognized& thing) { return may_have_been(thing, old.first); };
    if (!good.contains(old.first) && std::any_of(unrecognized.begin(), unrecognized.end(), was_this)) {
      file.kept.insert(old);
    }
  }
}

// Who serves an object now and still can.
Catalogue::Owners Catalogue::current_owners() const {
  Owners out;
  const auto claim = [&](const std::string& name, const DecodedObject& object) {
    const auto serving = served_.find(object.key);
    const bool ours = serving != served_.end() && serving->second.file == name;
    if (ours && !object.refused) out.try_emplace(object.key, &name, &object);
  };
  for (const auto& [name, file] : files_) {
    for (const DecodedObject& object : file.read) claim(name, object);
    for (const auto& [key, object] : file.kept) claim(name, object);
  }
  return out;
}

Catalogue::Served Catalogue::merge() {
  Owners owners = current_owners();
  problems_.clear();
  for (const auto& [name, file] : files_) {
    append(problems_, file.problems);
    for (const DecodedObject& object : file.read) {
      append(problems_, object.problems);
      if (object.refused) continue;
      const auto owner = owners.try_emplace(object.key, &name, &object).first->second.second;
      if (owner != &object) problems_.push_back(duplicate_words(object, *owner));
    }
  }
  for (const auto& [name, file] : files_) {
    for (const auto& [key, object] : file.kept) owners.try_emplace(key, &name, &object);
  }
  Served out;
  for (const auto& [key, owner] : owners) {
    const auto& [file, object] = owner;
    if (object->event != nullptr) out.emplace_hint(out.end(), key, Serving{*file, object->event});
  }
  return out;
}

std::vector<Event> Catalogue::changes() {
  Served wanted = merge();
  std::vector<Event> events;
  for (const auto& [key, serving] : served_) {
    if (!wanted.contains(key)) events.emplace_back(Deletion{key.kind, key.name});
  }
  constexpr std::array kOrder = {ObjectKind::kNode, ObjectKind::kServiceCidr, ObjectKind::kService,
                                 ObjectKind::kEndpointSlice};
  for (const ObjectKind kind : kOrder) {
    for (auto at = wanted.lower_bound({kind, {}}); at != wanted.end() && at->first.kind == kind; ++at) {
      const auto old = served_.find(at->first);
      if (old == served_.end() || !same(old->second.event, at->second.event)) {
        events.push_back(*at->second.event);
      }
    }
  }
  served_ = std::move(wanted);
  return events;
}

}  // namespace waggle
