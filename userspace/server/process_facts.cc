// SPDX-License-Identifier: Apache-2.0
#include "server/process_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

namespace waggle {
namespace {

std::string whole_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The fields of /proc/self/stat behind the command's name, which may hold anything. Field 3 of proc(5) is number 0.
std::vector<std::string> stat_fields(const std::string& proc) {
  const std::string stat = whole_file(proc + "/self/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(stat.substr(name_end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(std::move(field));
  return fields;
}

double boot_time_s(const std::string& proc) {
  std::istringstream lines(whole_file(proc + "/stat"));
  for (std::string word; lines >> word;) {
    double seconds = 0;
    if (word == "btime" && lines >> seconds) return seconds;
  }
  return 0;
}

uint64_t open_descriptors(const std::string& proc) {
  std::error_code error;
  uint64_t count = 0;
  for (std::filesystem::directory_iterator at(proc + "/self/fd", error), end; !error && at != end; at.increment(error))
    ++count;
  return count > 0 ? count - 1 : 0;  // without the one that just looked
}

double soft_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<double>::infinity();
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::optional<ProcessFacts> read_process_facts(const std::string& proc) {
  constexpr size_t kUserTicks = 11, kKernelTicks = 12, kStartTicks = 19, kVirtualBytes = 20, kResidentPages = 21;
  const auto fields = stat_fields(proc);
  if (fields.size() <= kResidentPages) return std::nullopt;
  const auto number = [&fields](size_t index) { return std::strtoull(fields[index].c_str(), nullptr, 10); };
  const auto ticks_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return ProcessFacts{
      .cpu_seconds = static_cast<double>(number(kUserTicks) + number(kKernelTicks)) / ticks_s,
      .start_time_s = boot_time_s(proc) + static_cast<double>(number(kStartTicks)) / ticks_s,
      .virtual_bytes = number(kVirtualBytes),
      .resident_bytes = number(kResidentPages) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)),
      .open_fds = open_descriptors(proc),
      .max_fds = soft_limit(RLIMIT_NOFILE),
      .max_virtual_bytes = soft_limit(RLIMIT_AS),
  };
}

void write_process_metrics(MetricsText& text, const ProcessFacts& facts) {
  text.family("process_cpu_seconds_total", MetricType::kCounter, "Total user and system CPU time spent in seconds.");
  text.sample({}, facts.cpu_seconds);
  text.family("process_open_fds", MetricType::kGauge, "Number of open file descriptors.");
  text.sample({}, facts.open_fds);
  text.family("process_max_fds", MetricType::kGauge, "Maximum number of open file descriptors.");
  text.sample({}, facts.max_fds);
  text.family("process_virtual_memory_bytes", MetricType::kGauge, "Virtual memory size in bytes.");
  text.sample({}, facts.virtual_bytes);
  text.family("process_virtual_memory_max_bytes", MetricType::kGauge,
              "Maximum amount of virtual memory available in bytes.");
  text.sample({}, std::isinf(facts.max_virtual_bytes) ? -1 : facts.max_virtual_bytes);
  text.family("process_resident_memory_bytes", MetricType::kGauge, "Resident memory size in bytes.");
  text.sample({}, facts.resident_bytes);
  text.family("process_start_time_seconds", MetricType::kGauge,
              "Start time of the process since unix epoch in seconds.");
  text.sample({}, facts.start_time_s);
}

}  // namespace waggle
