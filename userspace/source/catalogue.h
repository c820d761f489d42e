// SPDX-License-Identifier: Apache-2.0
// What the files of a manifest directory hold together: who serves which object, what changed since the last look, and
// what is wrong. Owned by ManifestSource, which reads the files; pure itself.
//
// Rules: what serves keeps serving. An object that became bad keeps its last good version, and a file that cannot be
// read keeps all of them. Of an object defined twice, the one that serves already stays; where none does, the first in
// the order of file names and then of places in the file. The other one is refused.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "source/decode.h"

namespace waggle {

class Catalogue {
 public:
  // The file was read: `path` is how messages call it, `name` orders it.
  void put(const std::string& name, const std::string& path, const std::string& text);
  // The file is there and cannot be read, or is not what its name says. `problem` names it.
  void put_unreadable(const std::string& name, std::string problem);
  // The file is gone, and its objects with it.
  void remove(const std::string& name);
  [[nodiscard]] std::vector<std::string> file_names() const;

  // Events since the last call: deletions first, then nodes, CIDRs, services and slices. Refreshes problems().
  std::vector<Event> changes();
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  // Every file could be understood in full once, so that of whatever is bad now a good version is known.
  [[nodiscard]] bool complete() const;

 private:
  using Objects = std::map<ObjectKey, DecodedObject>;
  struct File {
    std::vector<DecodedObject> read;
    Objects kept;         // last good versions of what is bad now
    bool unknown = true;  // holds, or may hold, an object of which there never was a good version
    std::vector<std::string> problems;
  };
  struct Serving {
    std::string file;
    std::shared_ptr<const Event> event;
  };
  using Served = std::map<ObjectKey, Serving>;
  using Owners = std::map<ObjectKey, std::pair<const std::string*, const DecodedObject*>>;  // file name and object

  void keep_what_became_bad(File& file, const Objects& before, const std::vector<Unrecognized>& unrecognized);
  static Objects good_objects(const File& file);
  static bool has_unknown(const File& file, const std::vector<Unrecognized>& unrecognized);
  [[nodiscard]] Owners current_owners() const;
  Served merge();

  std::map<std::string, File> files_;
  Served served_;
  std::vector<std::string> problems_;
};

}  // namespace waggle
