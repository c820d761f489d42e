// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/config_value.h"

namespace waggle {
namespace {

struct Kind {
  Section section;
  std::string_view name;
  std::string_view api_version;
  bool strict;  // unknown fields are errors
};

constexpr Kind kKinds[] = {
    {Section::kKubeProxy, "KubeProxyConfiguration", "kubeproxy.config.k8s.io/v1alpha1", false},
    {Section::kWaggle, "WaggleConfiguration", "waggle.dev/v1alpha1", true},
};

constexpr size_t kMostRemarks = 20;  // on one document

std::span<const Setting> settings_of(const Kind& kind) {
  return kind.section == Section::kKubeProxy ? kube_proxy_settings() : waggle_settings();
}

std::string text_of(const Value& document, std::string_view key) {
  const Value* found = document.find(key);
  return found == nullptr ? "" : found->text;
}

Result<Kind> kind_of(const Value& document, const std::string& file) {
  const std::string name = text_of(document, "kind");
  const std::string version = text_of(document, "apiVersion");
  for (const Kind& kind : kKinds) {
    if (kind.name == name && kind.api_version == version) return kind;
  }
  return failure(
      fmt::format("{}:{}: kind \"{}\" of apiVersion \"{}\" is no configuration of the agent; use {} of {}, or "
                  "{} of {}",
                  file, document.line, name, version, kKinds[0].name, kKinds[0].api_version, kKinds[1].name,
                  kKinds[1].api_version));
}

// Nothing but what stands for "not set".
bool is_blank(const Value& value) {
  if (value.kind != Value::Kind::kList && value.kind != Value::Kind::kMap)
    return value.text.empty() || value.text == "0" || value.text == "false";
  return std::ranges::all_of(value.items, is_blank);
}

// YAML reads a bare word `off` as false.
bool is_bare_off(const Value& value, const Setting& setting) {
  return value.kind == Value::Kind::kBoolean && value.text == "false" && setting.value_name.ends_with("|off");
}

// Goes through one document.
class DocumentReader {
 public:
  DocumentReader(Configuration& configuration, const Kind& kind, const std::string& file)
      : configuration_(configuration), kind_(kind), file_(file) {}

  Result<void> read(Value document) {
    settle_repeated(document, "");
    note_unknown(document, "");
    const Field root(document, findings_);
    for (const Setting& setting : settings_of(kind_)) read(document, root, setting);
    for (const Finding& finding : findings_.remarks) configuration_.remarks.push_back(sentence(finding));
    if (findings_.errors.empty()) return {};
    const size_t others = findings_.errors.size() - 1;
    return failure(sentence(findings_.errors.front()) +
                   (others == 0 ? "" : fmt::format(" (and {} more mistakes in this document)", others)));
  }

 private:
  enum class Known : uint8_t { kNo, kSetting, kGroup };

  [[nodiscard]] Known known(const std::string& path) const {
    const std::string inside = path + ".";
    for (const Setting& setting : settings_of(kind_)) {
      if (setting.path == path) return Known::kSetting;
      if (setting.path.starts_with(inside)) return Known::kGroup;
    }
    return Known::kNo;
  }

  // As in kube-proxy, the last one counts.
  void settle_repeated(Value& value, const std::string& path) {
    for (size_t i = value.keys.size(); i-- > 0;) {
      const std::string inner = path.empty() ? value.keys[i] : path + "." + value.keys[i];
      const auto later = value.keys.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (std::find(later, value.keys.end(), value.keys[i]) == value.keys.end()) {
        settle_repeated(value.items[i], inner);
        continue;
      }
      note(value.items[i].line, inner, "stands twice in its map", "the last one counts");
      value.keys.erase(later - 1);
      value.items.erase(value.items.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void note_unknown(const Value& map, const std::string& path) {
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const std::string& key = map.keys[i];
      const bool heading = path.empty() && (key == "kind" || key == "apiVersion");
      if (heading) continue;
      const std::string inner = path.empty() ? key : path + "." + key;
      const Known found = key.find('.') == std::string::npos ? known(inner) : Known::kNo;
      if (found == Known::kGroup && map.items[i].kind == Value::Kind::kMap) note_unknown(map.items[i], inner);
      if (found == Known::kNo) note(map.items[i].line, inner, "there is no such field", "it is passed over");
    }
  }

  // An error where the kind is strict, else a remark that says what is done instead.
  void note(int line, const std::string& path, std::string_view what, std::string_view instead) {
    if (findings_.remarks.size() >= kMostRemarks) return;
    auto& list = kind_.strict ? findings_.errors : findings_.remarks;
    list.push_back(
        {line, path, fmt::format("{}; {}", what, kind_.strict ? "docs/configuration.md lists all fields" : instead)});
  }

  void read(const Value& document, const Field& root, const Setting& setting) {
    const Value* value = &document;
    Field field = root;
    std::string_view path = setting.path;
    while (value != nullptr && !path.empty()) {
      const std::string_view key = path.substr(0, path.find('.'));
      path.remove_prefix(std::min(path.size(), key.size() + 1));
      field = field.at(key);
      value = value->find(key);
    }
    if (value == nullptr || !field.present()) return;
    take(*value, field, setting);
  }

  void take(const Value& value, const Field& field, const Setting& setting) {
    const ConfigPlace place = setting.place(configuration_);
    if (is_bare_off(value, setting))
      *std::get<std::string*>(place) = "off";
    else
      read_value(place, value, field);
    // What stands for "not set" leaves the default in place.
    if (std::holds_alternative<Anything*>(place) && is_blank(value)) return;
    const bool text = std::holds_alternative<std::string*>(place);
    if (is_zero(place) && (setting.zero_is_default || text)) return restore(setting);
    configuration_.said_by[&setting] = fmt::format("{}:{}: {}:", file_, value.line, setting.path);
  }

  void restore(const Setting& setting) {
    Configuration defaults;
    std::visit([&](auto* target) { *target = *std::get<decltype(target)>(setting.place(defaults)); },
               setting.place(configuration_));
  }

  [[nodiscard]] std::string sentence(const Finding& finding) const {
    const std::string path = finding.path.empty() ? "" : finding.path + ": ";
    return fmt::format("{}:{}: {}: {}{}", file_, finding.line, kind_.name, path, finding.what);
  }

  Configuration& configuration_;
  const Kind& kind_;
  const std::string& file_;
  Findings findings_;
};

}  // namespace

Result<void> read_config_text(Configuration& configuration, const std::string& text, const std::string& file) {
  const auto documents = parse_yaml(text, file, RepeatedKeys::kKept);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->empty())
    return failure(fmt::format("{}: there is no configuration in this file; write a {} or a {}", file, kKinds[0].name,
                               kKinds[1].name));
  std::set<std::string_view> seen;
  for (const Value& document : *documents) {
    if (document.kind != Value::Kind::kMap)
      return failure(
          fmt::format("{}:{}: this document is no configuration: it must be a map that begins with apiVersion "
                      "and kind",
                      file, document.line));
    const auto kind = kind_of(document, file);
    if (!kind) return tl::unexpected(kind.error());
    if (!seen.insert(kind->name).second)
      return failure(
          fmt::format("{}:{}: there is a second {} in this file; keep one", file, document.line, kind->name));
    configuration.kube_proxy_file = configuration.kube_proxy_file || kind->section == Section::kKubeProxy;
    if (auto read = DocumentReader(configuration, *kind, file).read(document); !read) return read;
  }
  configuration.file_text = text;
  return {};
}

}  // namespace waggle
