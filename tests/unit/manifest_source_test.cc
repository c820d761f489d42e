// SPDX-License-Identifier: Apache-2.0
// The manifests source on a real directory: what it reads, what it follows, what it leaves alone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "manifest_directory.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal_to_open(const std::string& directory) {
  const auto opened = ManifestSource::open(directory);
  return opened ? "opened" : opened.error().message;
}

TEST(ManifestSource, ReadsTheManifestsOfADirectoryAndNothingElse) {
  const TemporaryDirectory directory;
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  write_file(directory / "b.yml", service_text("b", "10.0.0.2"));
  write_file(directory / "c.json", R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"c"},)"
                                   R"("spec":{"clusterIP":"10.0.0.3","ports":[{"port":80}]}})");
  for (const char* other : {".hidden.yaml", "a.yaml~", "#a.yaml#", ".#a.yaml", "notes.txt", ".a.yaml.swp", "yaml"}) {
    write_file(directory / other, service_text("other", "10.0.0.9"));
  }
  fs::create_directory(directory / "deeper");
  write_file(directory / "deeper/d.yaml", service_text("d", "10.0.0.4"));
  FollowedSource source(directory / "");
  EXPECT_FALSE(source.synced);
  source.follow_until_synced();
  EXPECT_EQ(source.state.services().size(), 3U);
  EXPECT_THAT(source.standing(), IsEmpty());
}

// A complaint names its line, which moves when something above it changes: that is no news.
TEST(ManifestSource, SaysAComplaintOnceWhereverItsLineMoves) {
  const TemporaryDirectory directory;
  write_file(directory / "a.yaml", service_text("a", "x"));
  FollowedSource source(directory / "");
  const auto stands_at = [&source](const std::string& line) {
    const auto standing = source.standing();
    return standing.size() == 1 && standing[0].find("a.yaml:" + line + ": Service default/a") != std::string::npos;
  };
  source.follow_until([&] { return stands_at("4"); }, "the complaint stands");
  EXPECT_EQ(source.complaints.size(), 1U);
  write_file(directory / "a.yaml", "# one more line\n" + service_text("a", "x"));
  source.follow_until([&] { return stands_at("5"); }, "the complaint stands a line further down");
  EXPECT_EQ(source.complaints.size(), 1U);
}

TEST(ManifestSource, IsSyncedByAnEmptyDirectory) {
  const TemporaryDirectory directory;
  FollowedSource source(directory / "");
  source.follow_until_synced();
  EXPECT_EQ(source.state, State());
}

TEST(ManifestSource, FollowsFilesThatComeChangeMoveAndGo) {
  const TemporaryDirectory directory;
  FollowedSource source(directory / "");
  source.follow_until_synced();
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  source.follow_until_address("a", "10.0.0.1");
  write_file(directory / "a.yaml", service_text("a", "10.0.0.2"));
  source.follow_until_address("a", "10.0.0.2");
  write_file(directory / ".new", service_text("a", "10.0.0.3"));
  fs::rename(directory / ".new", directory / "a.yaml");
  source.follow_until_address("a", "10.0.0.3");
  fs::rename(directory / "a.yaml", directory / "a.yaml.off");
  source.follow_until_address("a", "gone");
  fs::rename(directory / "a.yaml.off", directory / "a.yaml");
  source.follow_until_address("a", "10.0.0.3");
  fs::remove(directory / "a.yaml");
  source.follow_until_address("a", "gone");
}

TEST(ManifestSource, ReadsABurstOfChangesAtOnce) {
  const TemporaryDirectory directory;
  FollowedSource source(directory / "");
  source.follow_until_synced();
  const size_t before = source.events;
  for (int i = 1; i <= 50; ++i) write_file(directory / "a.yaml", service_text("a", "10.0.0." + std::to_string(i)));
  source.follow_until_address("a", "10.0.0.50");
  EXPECT_EQ(source.events, before + 1);
}

TEST(ManifestSource, LeavesAFileAloneWhileItIsBeingWritten) {
  const TemporaryDirectory directory;
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  FollowedSource source(directory / "");
  source.follow_until_synced();
  UniqueFd file(open((directory / "a.yaml").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  write_file(directory / "b.yaml", service_text("b", "10.0.0.2"));
  source.follow_until_address("b", "10.0.0.2");
  EXPECT_EQ(source.address("a"), "10.0.0.1");
  const std::string text = service_text("a", "10.0.0.3");
  ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  file.reset();
  source.follow_until_address("a", "10.0.0.3");
}

TEST(ManifestSource, ComplainsOnceAndKeepsServingUntilMended) {
  const TemporaryDirectory directory;
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  FollowedSource source(directory / "");
  source.follow_until_synced();
  write_file(directory / "a.yaml", "a: [\n");
  source.follow_until([&] { return !source.standing().empty(); }, "there is a complaint");
  EXPECT_THAT(source.standing(), ElementsAre(HasSubstr(directory / "a.yaml:")));
  EXPECT_EQ(source.address("a"), "10.0.0.1");
  write_file(directory / "b.yaml", service_text("b", "10.0.0.2"));
  source.follow_until_address("b", "10.0.0.2");
  EXPECT_EQ(source.complaints.size(), 1U);
  write_file(directory / "a.yaml", service_text("a", "10.0.0.3"));
  source.follow_until_address("a", "10.0.0.3");
  EXPECT_THAT(source.standing(), IsEmpty());
}

TEST(ManifestSource, FollowsTheSwapOfAConfigMapVolume) {
  const TemporaryDirectory directory;
  const auto publish = [&](const std::string& version, const std::string& address) {
    fs::create_directory(directory / (".." + version));
    write_file(directory / (".." + version + "/a.yaml"), service_text("a", address));
    fs::create_symlink(".." + version, directory / "..data_tmp");
    fs::rename(directory / "..data_tmp", directory / "..data");
  };
  publish("2026_1", "10.0.0.1");
  fs::create_symlink("..data/a.yaml", directory / "a.yaml");
  FollowedSource source(directory / "");
  source.follow_until_synced();
  EXPECT_EQ(source.address("a"), "10.0.0.1");
  publish("2026_2", "10.0.0.2");
  source.follow_until_address("a", "10.0.0.2");
  fs::remove_all(directory / "..2026_1");
  publish("2026_3", "10.0.0.3");
  source.follow_until_address("a", "10.0.0.3");
}

TEST(ManifestSource, FollowsTheTargetOfALinkElsewhere) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  write_file(elsewhere / "real", service_text("a", "10.0.0.1"));
  fs::create_symlink(elsewhere / "real", directory / "a.yaml");
  FollowedSource source(directory / "");
  source.follow_until_synced();
  write_file(elsewhere / "real", service_text("a", "10.0.0.2"));
  source.follow_until_address("a", "10.0.0.2");
  write_file(elsewhere / "new", service_text("a", "10.0.0.3"));
  fs::rename(elsewhere / "new", elsewhere / "real");
  source.follow_until_address("a", "10.0.0.3");
}

TEST(ManifestSource, ADanglingLinkKeepsWhatItNamed) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  write_file(elsewhere / "real", service_text("a", "10.0.0.1"));
  fs::create_symlink(elsewhere / "real", directory / "a.yaml");
  FollowedSource source(directory / "");
  source.follow_until_synced();
  fs::remove(elsewhere / "real");
  source.follow_until([&] { return !source.standing().empty(); }, "there is a complaint");
  EXPECT_THAT(source.standing(), ElementsAre(HasSubstr("cannot be read: No such file or directory")));
  EXPECT_EQ(source.address("a"), "10.0.0.1");
  fs::remove(directory / "a.yaml");
  source.follow_until_address("a", "gone");
  EXPECT_THAT(source.standing(), IsEmpty());
}

TEST(ManifestSource, SaysWhatIsNoFile) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "folder.yaml");
  ASSERT_EQ(mkfifo((directory / "pipe.yaml").c_str(), 0600), 0);
  FollowedSource source(directory / "");
  source.follow_until_synced();
  EXPECT_THAT(source.standing(),
              ElementsAre(HasSubstr("folder.yaml: is not a file; move it"), HasSubstr("pipe.yaml: is not")));
}

TEST(ManifestSource, RefusesToOpenWhatIsNoDirectory) {
  const TemporaryDirectory directory;
  write_file(directory / "file", "");
  EXPECT_THAT(refusal_to_open(directory / "missing"), HasSubstr("missing: there is no such directory; make it"));
  EXPECT_THAT(refusal_to_open(directory / "file"), HasSubstr("file: is not a directory"));
}

TEST(ManifestSource, RefusesToOpenADirectoryItMayNotRead) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "closed");
  fs::permissions(directory / "", fs::perms::all);
  fs::permissions(directory / "closed", fs::perms::none);
  const bool root = geteuid() == 0;
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  const std::string said = refusal_to_open(directory / "closed");
  ASSERT_TRUE(!root || seteuid(0) == 0);
  EXPECT_THAT(said, HasSubstr("closed: the directory of manifests cannot be read: Permission denied"));
}

TEST(ManifestSource, KeepsServingWithoutItsDirectoryAndRecovers) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "m");
  write_file(directory / "m/a.yaml", service_text("a", "10.0.0.1"));
  FollowedSource source(directory / "m");
  source.follow_until_synced();
  fs::remove_all(directory / "m");
  const auto complained = [&] { return !source.standing().empty(); };
  source.follow_until(complained, "the missing directory is noticed");
  source.follow_until([&] { return source.standing().size() == 1; }, "there is one complaint");
  EXPECT_THAT(source.standing(), ElementsAre(HasSubstr("there is no such directory")));
  fs::create_directory(directory / "next");
  write_file(directory / "next/a.yaml", service_text("a", "10.0.0.2"));
  fs::rename(directory / "next", directory / "m");
  source.follow_until_address("a", "10.0.0.2");
  EXPECT_THAT(source.standing(), IsEmpty());
  write_file(directory / "m/a.yaml", service_text("a", "10.0.0.3"));
  source.follow_until_address("a", "10.0.0.3");
}

TEST(ManifestSource, SaysNothingWhereNothingChanges) {
  const TemporaryDirectory directory;
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  FollowedSource source(directory / "");
  source.follow_until_synced();
  pollfd readable{source.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&readable, 1, 100), 0);
  const size_t before = source.events;
  source.take();
  EXPECT_EQ(source.events, before);
  write_file(directory / "b.yaml", service_text("b", "10.0.0.2"));
  write_file(directory / "a.yaml", service_text("a", "10.0.0.1"));
  source.follow_until_address("b", "10.0.0.2");
  EXPECT_EQ(source.events, before + 1);
}

}  // namespace
}  // namespace waggle
