// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "cli/grammar.h"
#include "cli/similar.h"

namespace waggle::cli {
namespace {

namespace po = boost::program_options;

struct Parsed {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> options;
};

po::options_description boost_options() {
  po::options_description description;
  for (const Option& option : options()) {
    const std::string name =
        option.letter != 0 ? fmt::format("{},{}", option.name, option.letter) : std::string(option.name);
    if (option.argument.empty())
      description.add_options()(name.c_str(), "");
    else
      description.add_options()(name.c_str(), po::value<std::string>(), "");
  }
  description.add_options()("words", po::value<std::vector<std::string>>(), "");
  return description;
}

// Words and options apart, whatever their order; every option of every command is known here.
Outcome<Parsed> split(std::span<char* const> arguments) {
  const std::vector<std::string> input(arguments.begin(), arguments.end());
  const po::options_description description = boost_options();
  po::positional_options_description positional;
  positional.add("words", -1);
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  const auto parsed = po::command_line_parser(input).options(description).positional(positional).style(style).run();
  Parsed result;
  for (const auto& option : parsed.options) {
    const std::string value = option.value.empty() ? "" : option.value.front();
    if (option.string_key == "words")
      result.words.push_back(value);
    else if (!result.options.emplace(option.string_key, value).second && option.string_key != "help")
      return usage(fmt::format("option --{} is given twice", option.string_key));
  }
  return result;
}

std::string unknown_option_text(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Option& option : options()) known.push_back(option.name);
  const std::string_view bare = std::string_view(name).substr(std::min(name.find_first_not_of('-'), name.size()));
  const std::string dashed = name.starts_with('-') ? name : "--" + name;
  std::string suggestion = did_you_mean(bare, known);
  if (const size_t quote = suggestion.find('\''); quote != std::string::npos) suggestion.insert(quote + 1, "--");
  return fmt::format("unknown option {}{}", dashed, suggestion);
}

// The boundary to a library that throws.
Outcome<Parsed> split_caught(std::span<char* const> arguments) {
  try {
    return split(arguments);
  } catch (const po::unknown_option& wrong) {
    return usage(unknown_option_text(wrong.get_option_name()));
  } catch (const po::invalid_command_line_syntax& wrong) {
    const bool missing = wrong.kind() == po::invalid_syntax::missing_parameter ||
                         wrong.kind() == po::invalid_syntax::empty_adjacent_parameter;
    return usage(fmt::format("option {} {}", wrong.get_option_name(), missing ? "needs a value" : "takes no value"));
  } catch (const std::exception& wrong) {
    return usage(wrong.what());
  }
}

bool is_group(const Command& command, std::string_view word) {
  return command.group == word || std::ranges::find(command.alias, word) != command.alias.end();
}

std::vector<const Command*> group_named(std::string_view word) {
  std::vector<const Command*> found;
  for (const Command& command : commands())
    if (is_group(command, word)) found.push_back(&command);
  return found;
}

tl::unexpected<Trouble> unknown_command(std::string_view word) {
  std::vector<std::string_view> known = {"agent"};
  for (const Command& command : commands()) {
    known.push_back(command.group);
    known.insert(known.end(), command.alias.begin(), command.alias.end());
  }
  return usage(fmt::format("unknown command '{}'{}", word, did_you_mean(word, known)));
}

tl::unexpected<Trouble> unknown_verb(const std::vector<const Command*>& group, std::string_view word) {
  std::vector<std::string_view> known;
  for (const Command* command : group) known.push_back(command->verb);
  return usage(fmt::format("'{}' has no '{}'{}", group.front()->group, word, did_you_mean(word, known)),
               std::string(group.front()->group));
}

// Finds the command the words name and leaves its arguments. Without a verb, a group lists.
Outcome<Invocation> resolve(const std::vector<std::string>& words, bool wants_help) {
  Invocation invocation{.wants_help = wants_help};
  if (words.empty()) return invocation;
  const auto group = group_named(words[0]);
  if (group.empty()) return unknown_command(words[0]);
  size_t used = 1;
  if (group.front()->verb.empty() || (words.size() == 1 && !wants_help)) {
    invocation.command = group.front();
  } else if (words.size() == 1) {
    invocation.help_group = group.front()->group;
  } else {
    const auto verb = std::ranges::find(group, words[1], &Command::verb);
    if (verb == group.end()) return unknown_verb(group, words[1]);
    invocation.command = *verb;
    used = 2;
  }
  invocation.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  return invocation;
}

Outcome<void> check_arguments(const Invocation& invocation) {
  const Command& command = *invocation.command;
  const size_t count = invocation.arguments.size();
  if (count < command.least_arguments)
    return usage(fmt::format("'{}' needs {}", command.name(), command.arguments), command.name());
  if (count > command.most_arguments)
    return usage(fmt::format("'{}' takes no '{}'", command.name(), invocation.arguments[command.most_arguments]),
                 command.name());
  return {};
}

Outcome<void> check_options(const Invocation& invocation) {
  const auto known = options_of(*invocation.command);
  for (const auto& given : invocation.options) {
    const std::string& name = given.first;
    const bool takes = std::ranges::any_of(known, [&](const Option* option) { return option->name == name; });
    if (!takes)
      return usage(fmt::format("'{}' has no option --{}", invocation.command->name(), name),
                   invocation.command->name());
  }
  return {};
}

// The command that a line begins with, as far as there is one: its help explains what the line has wrong.
std::string begun_command(std::span<char* const> arguments) {
  const auto is_option = [](std::string_view word) { return word.starts_with('-'); };
  const std::vector<std::string> words(arguments.begin(), std::ranges::find_if(arguments, is_option));
  const auto begun = resolve(words, true);
  if (!begun) return "";
  return begun->command != nullptr ? begun->command->name() : begun->help_group;
}

// `waggle help flow list` is `waggle flow list --help`.
Outcome<Invocation> help_topic(const Invocation& asked) { return resolve(asked.arguments, true); }

}  // namespace

std::optional<std::string> Invocation::option(std::string_view name) const {
  const auto found = options.find(name);
  if (found == options.end()) return std::nullopt;
  return found->second;
}

Outcome<Invocation> parse(std::span<char* const> arguments) {
  auto parsed = split_caught(arguments);
  if (!parsed) return usage(std::move(parsed.error().message), begun_command(arguments));
  const bool wants_help = parsed->options.contains("help");
  auto invocation = resolve(parsed->words, wants_help);
  if (!invocation) return invocation;
  if (invocation->command == nullptr && !wants_help) return usage("no command given");
  invocation->options = std::move(parsed->options);
  if (invocation->command == nullptr || wants_help) return invocation;
  if (auto checked = check_arguments(*invocation); !checked) return tl::unexpected(checked.error());
  if (auto checked = check_options(*invocation); !checked) return tl::unexpected(checked.error());
  return invocation->command->id == CommandId::kHelp ? help_topic(*invocation) : invocation;
}

}  // namespace waggle::cli
