// SPDX-License-Identifier: Apache-2.0
// Which changes of a configuration file count (contract O-15). Every event is there as soon as the call that made it
// returns, so nothing here waits.
#include "daemon/config_watch.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace waggle {
namespace {

namespace fs = std::filesystem;

struct ConfigFileWatch : testing::Test {
  fs::path directory = fs::temp_directory_path() / ("waggle-config-" + std::to_string(::getpid()));
  fs::path file = directory / "config.conf";

  void SetUp() override {
    fs::create_directories(directory);
    write(file, "a");
  }
  void TearDown() override { fs::remove_all(directory); }
  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  [[nodiscard]] ConfigWatch watch() const {
    auto opened = ConfigWatch::open(file, "a");
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
};

// Proves: X-230
TEST_F(ConfigFileWatch, AWriteCounts) {
  ConfigWatch watched = watch();
  EXPECT_FALSE(watched.changed());
  write(file, "b");
  EXPECT_TRUE(watched.changed());
}

TEST_F(ConfigFileWatch, AFileThatIsStillWrittenDoesNotCountYet) {
  ConfigWatch watched = watch();
  std::ofstream half(file);
  half << "b" << std::flush;
  EXPECT_FALSE(watched.changed());
  half.close();
  EXPECT_TRUE(watched.changed());
}

TEST_F(ConfigFileWatch, ReplacingItCounts) {
  ConfigWatch watched = watch();
  write(directory / "new", "b");
  EXPECT_FALSE(watched.changed());
  fs::rename(directory / "new", file);
  EXPECT_TRUE(watched.changed());
}

// Proves: O-15
TEST_F(ConfigFileWatch, RenamingItCounts) {
  ConfigWatch watched = watch();
  fs::rename(file, directory / "old");
  EXPECT_TRUE(watched.changed());
}

// Proves: O-15, X-230
TEST_F(ConfigFileWatch, ModeRemovalAndTheSameContentDoNotCount) {
  ConfigWatch watched = watch();
  ::chmod(file.c_str(), 0600);
  EXPECT_FALSE(watched.changed());
  write(file, "a");
  EXPECT_FALSE(watched.changed());
  write(directory / "other", "b");
  EXPECT_FALSE(watched.changed());
  fs::remove(file);
  EXPECT_FALSE(watched.changed());
}

// kubelet: config.conf -> ..data/config.conf, ..data -> a directory of its own for each version.
TEST_F(ConfigFileWatch, AConfigMapThatKubeletReplacesCounts) {
  fs::remove(file);
  for (const std::string version : {"1", "2"}) {
    fs::create_directory(directory / version);
    write(directory / version / "config.conf", version == "1" ? "a" : "b");
  }
  fs::create_directory_symlink("1", directory / "..data");
  fs::create_symlink("..data/config.conf", file);
  ConfigWatch watched = watch();
  fs::create_directory_symlink("2", directory / "..data_tmp");
  EXPECT_FALSE(watched.changed());
  fs::rename(directory / "..data_tmp", directory / "..data");
  EXPECT_TRUE(watched.changed());
}

TEST_F(ConfigFileWatch, AWriteBehindALinkCounts) {
  const fs::path target = directory / "elsewhere" / "config";
  fs::create_directory(target.parent_path());
  fs::rename(file, target);
  fs::create_symlink(target, file);
  ConfigWatch watched = watch();
  write(target, "b");
  EXPECT_TRUE(watched.changed());
}

TEST_F(ConfigFileWatch, WhatChangedBeforeIsRefused) {
  const auto opened = ConfigWatch::open(file, "older");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("changed while the agent started"));
}

TEST_F(ConfigFileWatch, AFileThatIsNotThereIsNamed) {
  const auto opened = ConfigWatch::open(directory / "none.conf", "");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("none.conf: cannot be watched"));
}

}  // namespace
}  // namespace waggle
