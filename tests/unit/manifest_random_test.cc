// SPDX-License-Identifier: Apache-2.0
// Whatever is done to a directory, in the end the source knows what a fresh one reads there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "manifest_directory.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 25;
constexpr int kEditsARound = 12;

class RandomEdits {
 public:
  RandomEdits(const TemporaryDirectory& directory, unsigned seed) : directory_(directory), random_(seed) {}

  void edit() {
    switch (random_() % 6) {
      case 0:
        return remove(any_file());
      case 1:
        return move(any_file(), any_file());
      case 2:
        return write(any_file(), "kind: [\n");
      case 3:
        return write(any_file(), any_objects() + service_text("b0", "bogus"));
      default:
        return write(any_file(), any_objects());
    }
  }

  // Mends what is broken and takes away what is defined twice, so that there is one right answer.
  void mend() {
    for (const char* name : kFiles) remove(name);
    std::set<size_t> left = {0, 1, 2, 3, 4, 5, 6, 7};
    for (const char* name : kFiles) {
      std::string text;
      std::erase_if(left, [&](size_t object) {
        if (random_() % 3 != 0) return false;
        text += any_object(object);
        return true;
      });
      if (random_() % 4 != 0) write(name, text);
    }
  }

 private:
  static constexpr std::array<const char*, 4> kFiles = {"a.yaml", "b.yml", "c.yaml", "d.yaml"};

  std::string any_file() { return kFiles[random_() % kFiles.size()]; }

  std::string any_object(size_t number) {
    const std::string name = "b" + std::to_string(number);
    const std::string address = "10.0." + std::to_string(random_() % 3) + "." + std::to_string(number + 1);
    if (number % 2 == 0) return service_text(name, address);
    return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + name +
           ", labels: {kubernetes.io/service-name: b" + std::to_string(random_() % 8) +
           "}}\naddressType: IPv4\nendpoints: [{addresses: [" + address + "]}]\n---\n";
  }

  std::string any_objects() {
    std::string text;
    for (size_t number = 0; number < 8; ++number) {
      if (random_() % 3 == 0) text += any_object(number);
    }
    return text;
  }

  void write(const std::string& name, const std::string& text) {
    if (random_() % 2 == 0) return write_file(directory_ / name, text);
    write_file(directory_ / ".temporary", text);
    fs::rename(directory_ / ".temporary", directory_ / name);
  }
  void remove(const std::string& name) { fs::remove(directory_ / name); }
  void move(const std::string& from, const std::string& to) {
    std::error_code ignored;
    fs::rename(directory_ / from, directory_ / to, ignored);
  }

  const TemporaryDirectory& directory_;
  std::mt19937 random_;
};

TEST(ManifestSource, EndsInTheStateOfAFreshStartAfterAnyEdits) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const TemporaryDirectory directory;
  RandomEdits edits(directory, seed + 1);
  FollowedSource source(directory / "");
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kEditsARound; ++i) {
      edits.edit();
      if (random() % 3 == 0) source.follow_for(std::chrono::milliseconds(random() % 30));
    }
    edits.mend();
    FollowedSource fresh(directory / "");
    fresh.follow_until_synced();
    ASSERT_TRUE(fresh.standing().empty()) << fresh.standing().front();
    source.follow_until([&] { return source.state == fresh.state && source.standing().empty(); },
                        "the state of a fresh start is reached in round " + std::to_string(round));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace waggle
