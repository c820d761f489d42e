// SPDX-License-Identifier: Apache-2.0
#include "daemon/options_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "daemon/config_value.h"

namespace waggle {
namespace {

namespace po = boost::program_options;
using Texts = std::vector<std::string>;

constexpr unsigned kHelpWidth = 110;

// Given without a value, it means true.
bool is_switch(const Setting& setting) {
  Configuration any;
  return std::holds_alternative<bool*>(setting.place(any)) || setting.value_name.empty();
}

void describe(po::options_description& all, const Setting& setting) {
  auto* value = po::value<Texts>()->composing();
  if (is_switch(setting))
    value->implicit_value(Texts{"true"}, "true")->value_name("true|false");
  else
    value->value_name(std::string(setting.value_name));
  std::string name(setting.flag);
  if (name == "help") name += ",h";
  if (name == "v") name += ",v";
  all.add_options()(name.c_str(), value, std::string(setting.help).c_str());
}

po::options_description described(std::string_view title, std::span<const Setting> settings) {
  po::options_description all(std::string(title), kHelpWidth, kHelpWidth / 2);
  std::set<std::string_view> seen;
  for (const Setting& setting : settings) {
    if (!setting.flag.empty() && seen.insert(setting.flag).second) describe(all, setting);
  }
  return all;
}

po::options_description all_described() {
  po::options_description all;
  all.add(described("Options", waggle_settings()));
  all.add(described("Start", command_line_settings()));
  all.add(described("As kube-proxy (of no effect beside a KubeProxyConfiguration but for --hostname-override and -v)",
                    kube_proxy_settings()));
  return all;
}

// kube-proxy's flags may be spelled with underscores, and a short one with an equals sign: -v=2.
std::string normal_spelling(std::string word) {
  if (word.starts_with("-v=")) return "--v" + word.substr(2);
  if (!word.starts_with("--")) return word;
  const size_t end = std::min(word.find('='), word.size());
  std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  return word;
}

// The name in "--name=", which Boost refuses where kube-proxy reads an empty value. Nothing: this is no such word.
std::optional<std::string> emptied_flag(const std::string& word) {
  if (!word.starts_with("--") || word.find('=') != word.size() - 1) return std::nullopt;
  std::string name = word.substr(2, word.size() - 3);
  bool known = false;
  for_each_setting([&](const Setting& setting) { known = known || (setting.flag == name && !name.empty()); });
  return known ? std::optional(std::move(name)) : std::nullopt;
}

Result<po::parsed_options> parsed(const Texts& words) {
  constexpr int kStyle = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  static const po::options_description kDescribed = all_described();
  try {
    return po::command_line_parser(words)
        .options(kDescribed)
        .positional(po::positional_options_description())
        .style(kStyle)
        .run();
  } catch (const po::too_many_positional_options_error&) {
    return failure("it takes options only, each with its name in front");
  } catch (const std::exception& error) {
    return failure(error.what());
  }
}

bool is_list(ConfigPlace place) {
  return std::holds_alternative<Texts*>(place) || std::holds_alternative<Gates*>(place);
}

Result<void> apply(Configuration& configuration, const Setting& setting, const Texts& given) {
  const ConfigPlace place = setting.place(configuration);
  // kube-proxy takes an empty value for its default (contract O-05).
  const bool kube_proxy = setting.section == Section::kKubeProxy;
  if (!kube_proxy && std::ranges::any_of(given, &std::string::empty))
    return failure(fmt::format("--{} must not be empty", setting.flag));
  if (std::ranges::all_of(given, &std::string::empty)) return {};
  if (auto* const* list = std::get_if<Texts*>(&place); list != nullptr) (*list)->clear();
  // The last one counts; lists add up.
  const std::span<const std::string> counting = is_list(place) ? std::span(given) : std::span(given).last(1);
  for (const std::string& text : counting) {
    if (auto read = read_text(place, text); !read)
      return failure(fmt::format("--{} {}", setting.flag, read.error().message));
  }
  configuration.said_by[&setting] = fmt::format("--{}", setting.flag);
  return {};
}

}  // namespace

Result<GivenFlags> read_command_line(std::span<char* const> arguments) {
  Texts words;
  GivenFlags flags;
  for (const char* given : arguments) {
    std::string word = normal_spelling(given);
    if (const auto name = emptied_flag(word); name.has_value())
      flags[*name].emplace_back();
    else
      words.push_back(std::move(word));
  }
  const auto options = parsed(words);
  if (!options) return tl::unexpected(options.error());
  for (const po::option& option : options->options) {
    Texts& given = flags[option.string_key];
    given.insert(given.end(), option.value.begin(), option.value.end());
    if (option.value.empty()) given.emplace_back("true");
  }
  return flags;
}

Result<void> apply_flags(Configuration& configuration, const GivenFlags& flags, std::span<const Setting> settings) {
  for (const Setting& setting : settings) {
    const auto given = flags.find(setting.flag);
    if (setting.flag.empty() || given == flags.end()) continue;
    const bool beaten = setting.section == Section::kKubeProxy && configuration.kube_proxy_file && !setting.beats_file;
    if (!beaten) {
      if (auto applied = apply(configuration, setting, given->second); !applied) return applied;
      continue;
    }
    const std::string name = fmt::format("--{}", setting.flag);
    auto& ignored = configuration.ignored_flags;
    if (std::ranges::find(ignored, name) == ignored.end()) ignored.push_back(name);
  }
  return {};
}

std::string flags_help() {
  std::ostringstream text;
  text << all_described();
  const std::string all = text.str();
  return all.substr(std::min(all.find_first_not_of('\n'), all.size()));
}

}  // namespace waggle
