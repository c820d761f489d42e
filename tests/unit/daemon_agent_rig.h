// SPDX-License-Identifier: Apache-2.0
// For the tests of the agent's loop: an agent with fakes at every edge.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/agent.h"
#include "daemon_fakes.h"

namespace waggle {

struct AgentLoop : testing::Test {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("waggle-agent-" + std::to_string(::getpid()));
  FakeSource* source = nullptr;
  FakeNetwork* network = nullptr;
  FakeKernel* kernel = nullptr;
  Bell stop;
  std::unique_ptr<Agent> agent;

  AgentOptions options;
  TimePoint started = Clock::now();
  std::unique_ptr<UdpSockets> udp_sockets;
  Leftovers::Removal leftovers;

  void SetUp() override {
    options.node_name = "n1";
    options.devices = {"eth0"};
    options.pod_interfaces = {"cali*"};
    options.run_dir = directory / "run";
    std::filesystem::create_directories(directory / "sys/net/ipv4");
    std::filesystem::create_directories(directory / "sys/net/ipv6/conf/all");
    set("net/ipv4/ip_forward", "1");
    set("net/ipv6/conf/all/forwarding", "1");
    make_agent();
  }
  void make_agent() {
    auto source_part = std::make_unique<FakeSource>();
    auto network_part = std::make_unique<FakeNetwork>();
    auto kernel_part = std::make_unique<FakeKernel>(small_sizes());
    source = source_part.get();
    network = network_part.get();
    kernel = kernel_part.get();
    network->add(2, "eth0", 1);
    AgentParts parts;
    parts.source = std::move(source_part);
    parts.network = std::move(network_part);
    parts.kernel = std::move(kernel_part);
    parts.planner = {.sizes = small_sizes(), .hash_key = {1, 2}, .node_name = "n1"};
    parts.stop = UniqueFd(::dup(stop.fd()));
    parts.netns_cookie = 4711;
    parts.started_at = started;
    parts.udp_sockets = std::move(udp_sockets);
    if (leftovers) parts.leftovers.emplace(Leftovers::open(leftovers).value());
    parts.proc_sys = directory / "sys";
    std::ofstream(directory / "config") << "a";
    parts.config = std::move(ConfigWatch::open(directory / "config", "a").value());
    agent = std::make_unique<Agent>(options, std::move(parts));
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void set(const std::string& setting, const std::string& value) const {
    std::ofstream(directory / "sys" / setting) << value << '\n';
  }
  // Rounds until it has nothing to do for 20 ms, or `done` holds.
  void turn(const std::function<bool()>& done) const {
    const auto deadline = Clock::now() + std::chrono::milliseconds(5000);
    while (!done()) {
      ASSERT_LT(Clock::now(), deadline) << "timed out";
      const auto goes_on = agent->run_once(std::chrono::milliseconds(20));
      ASSERT_TRUE(goes_on && *goes_on);
    }
  }
  // The status may be a moment late.
  void expect_status(const std::string& text) const {
    turn([&] { return status().find(text) != std::string::npos; });
  }
  [[nodiscard]] std::string status() const {
    std::ostringstream text;
    text << std::ifstream(directory / "run/status.json").rdbuf();
    return text.str();
  }
};

}  // namespace waggle
