// SPDX-License-Identifier: Apache-2.0
// The manifests source: the *.yaml, *.yml and *.json files of one directory, re-read when they change
//. Made and owned by the daemon, which polls fd() and calls take().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/catalogue.h"
#include "source/directory_watch.h"
#include "source/source.h"

namespace waggle {

// What tells a changed file from one that was read already.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;         // bytes
  int64_t modified_ns = 0;  // since 1970
  int64_t changed_ns = 0;   // since 1970; moves even where a copy keeps the time of modification

  bool operator==(const FileStamp&) const = default;
};

class ManifestSource : public Source {
 public:
  // Fails when the directory cannot be read now. Later on it may vanish: what was loaded keeps serving.
  static Result<std::unique_ptr<ManifestSource>> open(const std::string& directory);

  [[nodiscard]] int fd() const override { return watch_.fd(); }
  SourceBatch take() override;
  [[nodiscard]] std::vector<std::string> standing_problems() const override { return problems_; }

 private:
  ManifestSource(std::string directory, DirectoryWatch watch);
  std::vector<std::string> look();
  // True when the file was read anew.
  bool look_at(const std::string& name);
  bool cannot_take(const std::string& name, const std::string& problem);
  void forget_files_but(const std::set<std::string>& names);
  SourceBatch batch_of(std::vector<std::string> problems);

  std::string directory_;
  DirectoryWatch watch_;
  Catalogue catalogue_;
  std::map<std::string, FileStamp> stamps_;
  std::vector<std::string> problems_;
  bool synced_ = false;
  bool complete_ = false;  // see SourceBatch
};

}  // namespace waggle
