// SPDX-License-Identifier: Apache-2.0
#include "daemon/status_file.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/json_writer.h"
#include "base/unique_fd.h"

namespace waggle {
namespace {

using SystemTime = std::chrono::system_clock::time_point;

constexpr mode_t kReadableByAll = 0644;

int64_t epoch_seconds(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string time_text(SystemTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_work(JsonWriter& json, const StatusFacts& facts) {
  const Reconciler& reconciler = facts.reconciler;
  json.field("synced", reconciler.programmed());
  json.field("services", reconciler.state().services().size());
  json.field("endpoint_slices", reconciler.state().slice_count());
  json.field("nodes", reconciler.state().nodes().size());
  json.field("pending_writes", reconciler.pending_writes());
  write_texts(json, "pending", reconciler.pending());
  write_texts(json, "problems", facts.problems);
  write_texts(json, "notices", facts.notices);
}

void write_address(JsonWriter& json, std::string_view key, const std::optional<IpAddress>& address) {
  json.key(key);
  if (address.has_value())
    json.value(address->text());
  else
    json.null();
}

void write_mode(JsonWriter& json, std::string_view key, const std::optional<AttachMode>& mode) {
  json.key(key);
  if (mode.has_value())
    json.value(attach_mode_name(*mode));
  else
    json.null();
}

void write_links(JsonWriter& json, const LinkKeeper& links) {
  json.key("links").begin_array();
  for (const auto& [ifindex, link] : links.links()) {
    json.begin_object().field("interface", link.name).field("ifindex", ifindex);
    json.field("role", link.uplink ? "uplink" : "pod");
    write_mode(json, "tc", link.tc);
    write_mode(json, "xdp", link.xdp);
    write_address(json, "snat4", links.snat_address(link, Family::kIpv4));
    write_address(json, "snat6", links.snat_address(link, Family::kIpv6));
    write_texts(json, "notices", link.notices);
    json.end_object();
  }
  json.end_array();
}

void write_apply(JsonWriter& json, const std::optional<ApplyRecord>& apply) {
  json.key("last_apply");
  if (!apply.has_value()) {
    json.null();
    return;
  }
  json.begin_object().field("at_unix_s", epoch_seconds(apply->at)).field("at", time_text(apply->at));
  json.field("writes", apply->writes).field("took_us", apply->took.count()).end_object();
}

void write_occupancy(JsonWriter& json, FlowTable table, const FlowOccupancy& found) {
  json.key(flow_table_name(table)).begin_object();
  json.field("slots", found.slots).field("live", found.live()).field("expired", found.expired);
  for (const uint32_t state :
       {WG_FLOW_HALF_OPEN, WG_FLOW_ESTABLISHED, WG_FLOW_CLIENT_FIN, WG_FLOW_BACKEND_FIN, WG_FLOW_CLOSED})
    json.field(flow_state_name(state), found.by_state[state]);
  json.end_object();
}

void write_sweep(JsonWriter& json, const std::optional<SweepRecord>& sweep) {
  json.key("last_sweep");
  if (!sweep.has_value()) {
    json.null();
    return;
  }
  json.begin_object().field("at_unix_s", epoch_seconds(sweep->at)).field("at", time_text(sweep->at));
  json.field("took_us", sweep->took.count()).field("spilled", sweep->result.spilled);
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6})
    write_occupancy(json, table, sweep->result.tables[static_cast<size_t>(table)]);
  json.end_object();
}

tl::unexpected<Error> file_failure(const std::filesystem::path& path, std::string_view operation, int code) {
  return failure(fmt::format("{}: cannot {}: {}", path.string(), operation, std::strerror(code)), code);
}

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kReadableByAll));
  if (!file.valid()) return file_failure(path, "create", errno);
  for (size_t done = 0; done < text.size();) {
    const ssize_t part = ::write(file.get(), text.data() + done, text.size() - done);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return file_failure(path, "write", errno);
    done += static_cast<size_t>(part);
  }
  return {};
}

}  // namespace

std::string status_text(const StatusFacts& facts) {
  JsonWriter json;
  json.begin_object().field("pid", ::getpid()).field("running", facts.running).field("version", WAGGLE_VERSION);
  json.field("started_unix_s", epoch_seconds(facts.started)).field("started", time_text(facts.started));
  if (facts.netns_cookie != 0) json.field("netns_cookie", facts.netns_cookie);
  json.field("node", facts.options.node_name)
      .field("source", facts.options.manifests.empty() ? "Kubernetes API" : facts.options.manifests.string());
  write_work(json, facts);
  write_links(json, facts.links);
  write_apply(json, facts.reconciler.last_apply());
  write_sweep(json, facts.last_sweep);
  json.key("socket_lb").begin_object();
  json.field("tcp", sock_lb_name(facts.options.sock_lb_tcp)).field("udp", sock_lb_name(facts.options.sock_lb_udp));
  json.end_object().end_object();
  return json.text() + "\n";
}

Result<void> StatusFile::update(const std::string& text) {
  if (text == written_) return {};
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) return file_failure(directory_, "create the directory", error.value());
  const std::filesystem::path path = directory_ / "status.json";
  const std::filesystem::path draft = directory_ / fmt::format(".status.json.{}", ::getpid());
  if (auto written = write_file(draft, text); !written) return written;
  std::filesystem::rename(draft, path, error);
  if (error) return file_failure(path, "replace", error.value());
  written_ = text;
  return {};
}

}  // namespace waggle
