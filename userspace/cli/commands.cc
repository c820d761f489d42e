// SPDX-License-Identifier: Apache-2.0
// The table of commands and options.
#include "cli/grammar.h"

namespace waggle::cli {
namespace {

constexpr std::string_view kFilterDetails =
    "Filters narrow the list; several given together must all hold. ADDR is an address, or ADDR:PORT ([ADDR]:PORT for\n"
    "IPv6). STATE is half-open, established, client-fin, backend-fin, closed, or spilled: in the spill table, which "
    "keeps\n"
    "no state. Every row is a verified copy: a flow that changed while it was read is left out.";

const std::vector<Option>& option_table() {
  static const std::vector<Option> table = {
      {.name = "output", .letter = 'o', .argument = "FORMAT", .help = "table (default), wide, json or yaml"},
      {.name = "bpf-root", .argument = "PATH", .help = "bpffs mount (default /sys/fs/bpf, or WAGGLE_BPF_ROOT)"},
      {.name = "run-dir", .argument = "PATH", .help = "agent's run directory (default /run/waggle, or WAGGLE_RUN_DIR)"},
      {.name = "help", .letter = 'h', .help = "this help"},
      {.name = "service", .argument = "NS/NAME[:PORT]", .help = "only of this service"},
      {.name = "client", .argument = "ADDR", .help = "only from this client"},
      {.name = "backend", .argument = "ADDR", .help = "only to this backend"},
      {.name = "frontend", .argument = "ADDR", .help = "only through this frontend"},
      {.name = "protocol", .argument = "PROTO", .help = "only tcp, udp or sctp"},
      {.name = "state", .argument = "STATE", .help = "only flows in this state"},
      {.name = "limit", .argument = "N", .help = "at most N rows"},
      {.name = "kube-proxy", .help = "what kube-proxy left, too"},
  };
  return table;
}

std::vector<Command> service_commands() {
  return {{.id = CommandId::kServiceList,
           .group = "service",
           .verb = "list",
           .alias = {"services", "svc"},
           .summary = "all services: frontends, backends, traffic",
           .details = "BACKENDS is ready/known; FLOWS counts flows opened since the tables were made.",
           .examples = "waggle service list\nwaggle svc list -o json | jq '.[] | select(.ready_backends == 0)'\n"},
          {.id = CommandId::kServiceGet,
           .group = "service",
           .verb = "get",
           .alias = {"services", "svc"},
           .arguments = "NS/NAME[:PORT]",
           .least_arguments = 1,
           .most_arguments = 1,
           .summary = "everything about one service",
           .details = "PORT is a port's name or number; without it all ports of the service are shown.",
           .examples =
               "waggle service get kube-system/kube-dns\nwaggle service get kube-system/kube-dns:dns-tcp -o yaml\n"}};
}

std::vector<Command> flow_commands() {
  return {{.id = CommandId::kBackendList,
           .group = "backend",
           .verb = "list",
           .alias = {"backends"},
           .options = {"service"},
           .summary = "backends of all services, or of one",
           .examples = "waggle backend list\nwaggle backend list --service default/web -o wide\n"},
          {.id = CommandId::kFlowList,
           .group = "flow",
           .verb = "list",
           .alias = {"flows"},
           .options = {"service", "client", "backend", "frontend", "protocol", "state", "limit"},
           .summary = "client connections through services",
           .details = kFilterDetails,
           .examples = "waggle flow list --service default/web\n"
                       "waggle flow list --client 10.244.1.7 --protocol udp\n"
                       "waggle flow list --frontend 10.96.0.10:53 --state half-open --limit 20\n"}};
}

std::vector<Command> map_commands() {
  return {{.id = CommandId::kMapList,
           .group = "map",
           .verb = "list",
           .alias = {"maps"},
           .summary = "tables: entries used, capacity, memory",
           .examples = "waggle map list\n"},
          {.id = CommandId::kMapDump,
           .group = "map",
           .verb = "dump",
           .alias = {"maps"},
           .arguments = "NAME",
           .least_arguments = 1,
           .most_arguments = 1,
           .options = {"limit"},
           .summary = "decoded rows of one table",
           .examples = "waggle map dump frontends4\nwaggle map dump control -o yaml\n"}};
}

std::vector<Command> other_commands() {
  return {{.id = CommandId::kCleanup,
           .group = "cleanup",
           .options = {"kube-proxy"},
           .summary = "remove every program and table of Waggle from this node",
           .details =
               "Services stop working through Waggle at once; open connections through them break. Refused while the\n"
               "agent runs: stop it first. With --kube-proxy, what kube-proxy left goes, too: its nftables table, its "
               "chains\n"
               "in iptables with the jumps to them, the link kube-ipvs0 and its sets; kubelet's and the CNI's stay.\n"
               "Connections that they translate break.",
           .examples = "waggle cleanup\nwaggle cleanup --kube-proxy\n"},
          {.id = CommandId::kVersion,
           .group = "version",
           .summary = "version of this program and of the tables it reads",
           .examples = "waggle version -o json\n"},
          {.id = CommandId::kHelp,
           .group = "help",
           .arguments = "[COMMAND]",
           .most_arguments = 2,
           .summary = "help on a command",
           .examples = "waggle help flow list\n"}};
}

std::vector<Command> all_commands() {
  std::vector<Command> all = {
      {.id = CommandId::kStatus,
       .group = "status",
       .summary = "is the agent running, is it in sync, are the tables healthy",
       .details = "Exit status 0 also when the agent is not running: the tables are then told as they are.",
       .examples = "waggle status\nwaggle status -o json | jq .problems\n"}};
  for (const auto& part : {service_commands(), flow_commands(), map_commands(), other_commands()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

std::string Command::name() const {
  return verb.empty() ? std::string(group) : std::string(group) + " " + std::string(verb);
}

std::span<const Command> commands() {
  static const std::vector<Command> all = all_commands();
  return all;
}

std::span<const Option> options() { return option_table(); }

std::vector<const Option*> options_of(const Command& command) {
  std::vector<const Option*> found;
  for (const std::string_view name : command.options)
    for (const Option& option : option_table())
      if (option.name == name) found.push_back(&option);
  for (const std::string_view common : {"output", "bpf-root", "run-dir", "help"})
    for (const Option& option : option_table())
      if (option.name == common) found.push_back(&option);
  return found;
}

}  // namespace waggle::cli
