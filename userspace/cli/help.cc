// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "cli/grammar.h"

namespace waggle::cli {
namespace {

std::string option_form(const Option& option) {
  std::string form = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
  form += fmt::format("--{}", option.name);
  if (!option.argument.empty()) form += fmt::format(" {}", option.argument);
  return form;
}

std::string option_lines(const std::vector<const Option*>& list) {
  std::string text;
  for (const Option* option : list) text += fmt::format("  {:<28}  {}\n", option_form(*option), option->help);
  return text;
}

std::string grammar_line(const Command& command) {
  std::string line = "waggle " + command.name();
  if (!command.arguments.empty()) line += fmt::format(" {}", command.arguments);
  for (const Option* option : options_of(command)) {
    if (option->name == "bpf-root") break;  // where things are: told below, not part of the sentence
    line += option->letter != 0 ? fmt::format(" [-{} {}]", option->letter, option->argument)
                                : fmt::format(" [--{} {}]", option->name, option->argument);
  }
  return line;
}

std::string indented(std::string_view lines) {
  std::string text;
  std::istringstream in{std::string(lines)};
  for (std::string line; std::getline(in, line);) text += "  " + line + "\n";
  return text;
}

std::string summaries(std::string_view group) {
  std::string text;
  for (const Command& command : commands()) {
    if (!group.empty() && command.group != group) continue;
    std::string form = command.name();
    if (!command.arguments.empty()) form += fmt::format(" {}", command.arguments);
    text += fmt::format("  {:<28}  {}\n", form, command.summary);
  }
  return text;
}

std::string common_options() {
  std::vector<const Option*> common;
  for (const Command& command : commands())
    if (command.id == CommandId::kStatus) common = options_of(command);
  return option_lines(common);
}

}  // namespace

std::string overview_help() {
  return fmt::format(
      "waggle: Kubernetes services on eBPF\n\n"
      "Usage: waggle COMMAND [OPTIONS]\n\n"
      "Commands:\n"
      "  {:<28}  {}\n{}\n"
      "Options:\n{}\n"
      "'waggle COMMAND --help' shows grammar and examples. Every command but the agent works with the agent stopped.\n",
      "agent", "run the node agent ('waggle agent --help')", summaries(""), common_options());
}

std::string group_help(std::string_view group) {
  if (group.empty()) return overview_help();
  return fmt::format(
      "Usage: waggle {} VERB [OPTIONS]\n\nVerbs:\n{}\n'waggle {} VERB --help' shows grammar and examples.\n", group,
      summaries(group), group);
}

std::string command_help(const Command& command) {
  std::string text =
      fmt::format("waggle {}: {}\n\nUsage: {}\n\n", command.name(), command.summary, grammar_line(command));
  if (!command.details.empty()) text += std::string(command.details) + "\n\n";
  text += "Options:\n" + option_lines(options_of(command));
  text += "\nExamples:\n" + indented(command.examples);
  return text;
}

}  // namespace waggle::cli
