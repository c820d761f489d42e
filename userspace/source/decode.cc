// SPDX-License-Identifier: Apache-2.0
#include "source/decode.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "source/decode_kinds.h"

namespace waggle {
namespace {

struct KindEntry {
  std::string_view name;
  ObjectKind kind;
  std::array<std::string_view, 2> api_versions;  // the second may be empty
  bool namespaced;
  size_t longest_name;
  std::optional<Event> (*decode)(const Field&, const ObjectName&);
};

constexpr std::array<KindEntry, 4> kKinds = {{
    {"Service", ObjectKind::kService, {"v1", ""}, true, kLongestLabel, decode_service},
    {"EndpointSlice",
     ObjectKind::kEndpointSlice,
     {"discovery.k8s.io/v1", ""},
     true,
     kLongestSubdomain,
     decode_endpoint_slice},
    {"Node", ObjectKind::kNode, {"v1", ""}, false, kLongestSubdomain, decode_node},
    {"ServiceCIDR",
     ObjectKind::kServiceCidr,
     {"networking.k8s.io/v1", "networking.k8s.io/v1beta1"},
     false,
     kLongestSubdomain,
     decode_service_cidr},
}};

const KindEntry* find_kind(std::string_view name) {
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindEntry& entry) { return entry.name == name; });
  return found == kKinds.end() ? nullptr : &*found;
}

std::string_view without_list(std::string_view kind) {
  return kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
}

bool is_list(std::string_view kind) {
  return kind == "List" || (kind.ends_with("List") && find_kind(without_list(kind)) != nullptr);
}

// Longer than any kind and name can be: its beginning tells which it is.
std::string shortened(const std::string& label) {
  constexpr size_t kLongest = 2 * kLongestSubdomain;
  constexpr size_t kShown = 64;
  if (label.size() <= kLongest) return label;
  return fmt::format("{}... ({} characters)", label.substr(0, kShown), label.size());
}

class Decoder {
 public:
  explicit Decoder(const std::string& file) : file_(file) {}
  DecodedFile out;

  // `item_kind`: what the list that holds it says of its items, or nothing.
  void decode(const Value& value, const KindEntry* item_kind) {
    Findings findings;
    const Field root(value, findings);
    const std::string kind = kind_of(root, item_kind);
    if (!findings.errors.empty()) return not_recognized("the object", value, findings);
    if (is_list(kind)) return decode_list(root, value, kind, findings);
    if (const KindEntry* entry = find_kind(kind)) {
      if (item_kind == nullptr || root.at("apiVersion").present()) check_api_version(root, *entry);
      if (findings.errors.empty()) return decode_object(root, value, *entry, findings);
      return not_recognized(kind, value, findings);
    }
    root.at("kind").error(fmt::format(
        "\"{}\" is not known here; this directory is for Service, EndpointSlice, Node, ServiceCIDR and lists of them",
        kind));
    not_recognized(kind, value, findings);
  }

 private:
  static std::string kind_of(const Field& root, const KindEntry* item_kind) {
    const Field field = root.at("kind");
    std::string kind = field.text_or_empty();
    if (kind.empty() && item_kind != nullptr) return std::string(item_kind->name);
    field.require("write the kind of Kubernetes object this is");
    return kind;
  }

  void decode_list(const Field& root, const Value& value, const std::string& kind, const Findings& findings) {
    const KindEntry* item_kind = kind == "List" ? nullptr : find_kind(without_list(kind));
    check_api_version(root, item_kind == nullptr ? kPlainList : *item_kind);
    const size_t count = root.at("items").items().size();
    if (!findings.errors.empty()) return not_recognized(kind, value, findings);
    for (size_t i = 0; i < count; ++i) decode(value.find("items")->items[i], item_kind);
  }

  void decode_object(const Field& root, const Value& value, const KindEntry& entry, const Findings& findings) {
    const auto name = name_of(root, entry);
    if (!name) return not_recognized(std::string(entry.name), value, findings);
    DecodedObject object;
    object.key = {entry.kind, *name};
    object.file = file_;
    object.line = value.line;
    auto event = entry.decode(root, *name);
    object.refused = !findings.errors.empty();
    if (event && !object.refused) object.event = std::make_shared<const Event>(std::move(*event));
    object.problems = sentences(object.key.text(), findings);
    out.objects.push_back(std::move(object));
  }

  static std::optional<ObjectName> name_of(const Field& root, const KindEntry& entry) {
    const Field metadata = root.at("metadata");
    const Field name_field = metadata.at("name");
    ObjectName name;
    name.name = name_field.name(entry.longest_name, entry.longest_name > kLongestLabel);
    name_field.require("give the object a name");
    const Field space_field = metadata.at("namespace");
    const bool default_space = !space_field.present() || space_field.text() == "";
    if (entry.namespaced) name.name_space = default_space ? "default" : space_field.name(kLongestLabel, false);
    if (name.name.empty() || (entry.namespaced && name.name_space.empty())) return std::nullopt;
    return name;
  }

  static void check_api_version(const Field& root, const KindEntry& entry) {
    const Field field = root.at("apiVersion");
    const std::string given = field.text_or_empty();
    field.require(fmt::format("write {}", entry.api_versions[0]));
    if (given.empty()) return;
    const auto& known = entry.api_versions;
    if (std::find(known.begin(), known.end(), given) != known.end()) return;
    field.error(fmt::format("\"{}\" of kind {} is not known; use {}", given, entry.name, known[0]));
  }

  // Of an object that is not decoded, as it stands in metadata; what is wrong with it is not said here.
  struct WrittenName {
    std::string name;                       // empty: none that is text
    std::optional<std::string> name_space;  // none: not text

    explicit WrittenName(const Value& object) {
      const Value* metadata = object.find("metadata");
      const Value* written = metadata == nullptr ? nullptr : metadata->find("name");
      const Value* space = metadata == nullptr ? nullptr : metadata->find("namespace");
      if (written != nullptr && written->kind == Value::Kind::kString) name = written->text;
      if (space == nullptr || space->kind == Value::Kind::kNull)
        name_space = "default";
      else if (space->kind == Value::Kind::kString)
        name_space = space->text.empty() ? "default" : space->text;
    }
  };

  void not_recognized(const std::string& kind, const Value& value, const Findings& findings) {
    const WrittenName written(value);
    const KindEntry* entry = find_kind(kind);
    const bool with_space = written.name_space.has_value() && (entry == nullptr || entry->namespaced);
    const std::string name = with_space ? *written.name_space + "/" + written.name : written.name;
    Unrecognized thing{std::nullopt, sentences(written.name.empty() ? kind : kind + " " + name, findings)};
    if (!written.name.empty() && written.name_space) thing.name = {*written.name_space, written.name};
    out.unrecognized.push_back(std::move(thing));
  }

  // Errors only, where there are any: they are what has to be mended first.
  [[nodiscard]] std::vector<std::string> sentences(const std::string& label, const Findings& findings) const {
    std::vector<std::string> said;
    const std::string object = shortened(label);
    for (const Finding& finding : findings.errors.empty() ? findings.remarks : findings.errors) {
      const std::string path = finding.path.empty() ? "" : finding.path + ": ";
      said.push_back(fmt::format("{}:{}: {}: {}{}", file_, finding.line, object, path, finding.what));
    }
    return said;
  }

  static constexpr KindEntry kPlainList = {"List", ObjectKind::kService, {"v1", ""}, false, 0, nullptr};

  const std::string& file_;
};

}  // namespace

std::string ObjectKey::text() const {
  const auto entry = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindEntry& one) { return one.kind == kind; });
  return fmt::format("{} {}", entry->name, name.text());
}

DecodedFile decode_documents(const std::vector<Value>& documents, const std::string& file) {
  Decoder decoder(file);
  for (const Value& document : documents) decoder.decode(document, nullptr);
  return std::move(decoder.out);
}

}  // namespace waggle
