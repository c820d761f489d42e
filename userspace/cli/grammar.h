// SPDX-License-Identifier: Apache-2.0
// The command line of every command but the agent's: what there is, how it is parsed, and its help. One table describes
// it all, so that parser, help and "did you mean" cannot disagree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"

namespace waggle::cli {

enum class CommandId : uint8_t {
  kStatus,
  kServiceList,
  kServiceGet,
  kBackendList,
  kFlowList,
  kMapList,
  kMapDump,
  kCleanup,
  kVersion,
  kHelp,
};

struct Option {
  std::string_view name{};      // "client": --client
  char letter = 0;              // 'o': -o; 0: none
  std::string_view argument{};  // "ADDR"; empty: a switch
  std::string_view help{};
};

struct Command {
  CommandId id = CommandId::kHelp;
  std::string_view group{};               // "service"
  std::string_view verb{};                // "list"; empty: the group is the whole command
  std::vector<std::string_view> alias{};  // other words for the group
  std::string_view arguments{};           // "NS/NAME[:PORT]"
  size_t least_arguments = 0;
  size_t most_arguments = 0;
  std::vector<std::string_view> options{};  // besides the common ones
  std::string_view summary{};
  std::string_view details{};   // more lines for --help; may be empty
  std::string_view examples{};  // lines of "waggle ..."

  [[nodiscard]] std::string name() const;  // "service list"
};

// A parsed command line.
struct Invocation {
  const Command* command = nullptr;
  std::vector<std::string> arguments{};
  std::map<std::string, std::string, std::less<>> options{};  // given ones, by long name; a switch has the value ""
  bool wants_help = false;                                    // --help: show help of `command`, or of `help_group`
  std::string help_group{};                                   // a group without a verb; "" and no command: all

  [[nodiscard]] std::optional<std::string> option(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return options.find(name) != options.end(); }
};

std::span<const Command> commands();
std::span<const Option> options();
// The options each command takes.
std::vector<const Option*> options_of(const Command& command);

// A Trouble is a usage error and says where to find help.
Outcome<Invocation> parse(std::span<char* const> arguments);

std::string overview_help();
std::string group_help(std::string_view group);
std::string command_help(const Command& command);

}  // namespace waggle::cli
