// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "cli/cli.h"
#include "cli/session.h"
#include "dataplane/cleanup.h"
#include "node/kube_proxy_rules.h"
#include "node/reserved_ports.h"

namespace waggle::cli {
namespace {

// Option, else environment, else default.
std::string setting(const Invocation& invocation, std::string_view option, const char* variable, const char* fallback) {
  if (const auto given = invocation.option(option)) return *given;
  const char* inherited = std::getenv(variable);
  return inherited != nullptr && *inherited != '\0' ? inherited : fallback;
}

Outcome<Format> output_format(const Invocation& invocation) {
  const auto name = invocation.option("output");
  if (!name) return Format::kTable;
  const auto format = parse_format(*name);
  if (!format) return usage(fmt::format("--output takes table, wide, json or yaml, not '{}'", *name));
  return *format;
}

void print_help(const Invocation& invocation, Sink& out) {
  out.write(invocation.command != nullptr ? command_help(*invocation.command) : group_help(invocation.help_group));
}

Outcome<void> dispatch(const Session& session) {
  switch (session.invocation.command->id) {
    case CommandId::kStatus:
      return status_command(session);
    case CommandId::kServiceList:
      return service_list_command(session);
    case CommandId::kServiceGet:
      return service_get_command(session);
    case CommandId::kBackendList:
      return backend_list_command(session);
    case CommandId::kFlowList:
      return flow_list_command(session);
    case CommandId::kMapList:
      return map_list_command(session);
    case CommandId::kMapDump:
      return map_dump_command(session);
    case CommandId::kCleanup:
      return cleanup_command(session);
    case CommandId::kVersion:
      return version_command(session);
    case CommandId::kHelp:
      break;  // parse() turned it into a request for help
  }
  return {};
}

Outcome<void> run_parsed(const Invocation& invocation, Sink& out, Sink& err) {
  if (invocation.wants_help) {
    print_help(invocation, out);
    return {};
  }
  const auto format = output_format(invocation);
  if (!format) return tl::unexpected(format.error());
  return dispatch({.invocation = invocation,
                   .out = out,
                   .err = err,
                   .format = *format,
                   .bpf_root = setting(invocation, "bpf-root", "WAGGLE_BPF_ROOT", "/sys/fs/bpf"),
                   .run_dir = setting(invocation, "run-dir", "WAGGLE_RUN_DIR", "/run/waggle")});
}

// A command that finds its options wrong means its own help.
Trouble about(const Invocation& invocation, Trouble trouble) {
  if (trouble.help_on.empty() && invocation.command != nullptr) trouble.help_on = invocation.command->name();
  return trouble;
}

int tell(const Trouble& trouble, Sink& err) {
  err.write(fmt::format("waggle: {}\n", trouble.text()));
  return trouble.status;
}

}  // namespace

Outcome<void> version_command(const Session& session) {
  const Document document{.fields = {{.key = "version", .title = "waggle", .value = WAGGLE_VERSION},
                                     {.key = "abi_version", .title = "Table layout", .value = WG_ABI_VERSION}},
                          .sections = {}};
  print(session.out, session.format, document);
  return {};
}

namespace {

// Beside Waggle's own numbers: what was there of kube-proxy. Fails if something of it is there still.
Outcome<void> clean_up_kube_proxy(const Session& session, Document& document) {
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  for (const std::string& problem : removed.problems) session.say(problem);
  if (!removed.remains.empty()) session.say(removed.remains);
  const auto add = [&document](std::string_view key, std::string_view title, size_t count) {
    document.fields.push_back({.key = std::string(key), .title = std::string(title), .value = count});
  };
  add("kube_proxy_tables_removed", "kube-proxy's nftables tables removed", removed.tables);
  add("kube_proxy_chains_removed", "kube-proxy's iptables chains removed", removed.chains);
  add("kube_proxy_jumps_removed", "Jumps to them removed", removed.jumps);
  add("kube_proxy_links_removed", "kube-proxy's IPVS links removed", removed.links);
  add("kube_proxy_sets_removed", "kube-proxy's sets removed", removed.sets);
  if (removed.problems.empty()) return {};
  return failed(Error{"not everything of kube-proxy could be removed"});
}

}  // namespace

Outcome<void> cleanup_command(const Session& session) {
  if (const auto reader = open_tables(session); reader && reader->agent_pid() != 0)
    return failed(Error{fmt::format("the agent runs{}: stop it first, cleanup would take its tables away",
                                    reader->agent_pid() > 0 ? fmt::format(" (pid {})", reader->agent_pid()) : "")});
  const auto removed = cleanup_dataplane(session.bpf_root);
  if (!removed) return failed(removed.error());
  std::error_code absent;
  std::filesystem::remove(session.run_dir / "status.json", absent);  // of an agent that is gone: the lock was free
  const auto released = release_ports(session.run_dir);
  if (!released) session.say(fmt::format("the reserved ports stay as they are: {}", released.error().message));
  if (removed->links + removed->maps == 0)
    session.say(fmt::format("there was nothing of Waggle under {}", session.bpf_root.string()));
  Document document{.fields = {{.key = "links_removed", .title = "Links removed", .value = removed->links},
                               {.key = "tables_removed", .title = "Tables removed", .value = removed->maps},
                               {.key = "reserved_ports_released",
                                .title = "Reserved ports released",
                                .value = released ? port_ranges_text(*released) : ""}},
                    .sections = {}};
  Outcome<void> done;
  if (session.invocation.has("kube-proxy")) done = clean_up_kube_proxy(session, document);
  print(session.out, session.format, document);
  return done;
}

int run(std::span<char* const> arguments, Sink& out, Sink& err) {
  const auto invocation = parse(arguments);
  if (!invocation) return tell(invocation.error(), err);
  const auto done = run_parsed(*invocation, out, err);
  const auto written = out.finish();
  if (!done) return tell(about(*invocation, done.error()), err);
  if (!written) return tell({.message = written.error().message}, err);
  return kExitDone;
}

}  // namespace waggle::cli

namespace waggle {

int cli_command(std::span<char* const> arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away shows as a failed write
  cli::Sink out(STDOUT_FILENO);
  cli::Sink err(STDERR_FILENO);
  const int status = cli::run(arguments, out, err);
  static_cast<void>(err.finish());
  return status;
}

}  // namespace waggle
