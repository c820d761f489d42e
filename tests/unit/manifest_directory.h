// SPDX-License-Identifier: Apache-2.0
// For the tests of the manifests source: a directory of its own that goes with the test, and a source that is waited
// for.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "source/manifest_source.h"

namespace waggle {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "waggle-manifests-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// A source with the state its events make and all it has complained of.
class FollowedSource {
 public:
  State state;
  std::vector<std::string> complaints;
  size_t events = 0;
  bool synced = false;

  explicit FollowedSource(const std::string& directory) {
    auto opened = ManifestSource::open(directory);
    EXPECT_TRUE(opened) << opened.error().message;
    if (opened) source_ = std::move(*opened);
  }

  // Follows the source until the condition holds; a test failure after ten seconds.
  void follow_until(const std::function<bool()>& condition, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) {
        ADD_FAILURE() << "waited in vain until " << what;
        return;
      }
      follow_for(left);
    }
  }
  void follow_until_synced() {
    follow_until([this] { return synced; }, "the directory was read");
  }
  // Waits for one sign of the source and takes it in.
  void follow_for(std::chrono::milliseconds time) {
    pollfd readable{source_->fd(), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(time.count())) > 0) take();
  }
  void take() {
    const SourceBatch batch = source_->take();
    for (const Event& event : batch.events) state.apply(event);
    events += batch.events.size();
    complaints.insert(complaints.end(), batch.problems.begin(), batch.problems.end());
    synced = batch.synced;
  }
  [[nodiscard]] std::vector<std::string> standing() const { return source_->standing_problems(); }
  [[nodiscard]] int fd() const { return source_->fd(); }
  // The IPv4 address of a service of the default namespace, or "gone".
  [[nodiscard]] std::string address(const std::string& name) const {
    const Service* found = state.service({"default", name});
    return found == nullptr ? "gone" : found->cluster_ips.at(0).text();
  }
  void follow_until_address(const std::string& name, const std::string& wanted) {
    follow_until([&] { return address(name) == wanted; }, name + " is at " + wanted);
  }

 private:
  std::unique_ptr<ManifestSource> source_;
};

inline std::string service_text(const std::string& name, const std::string& address) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + address +
         ", ports: [{port: 80}]}\n---\n";
}

}  // namespace waggle
