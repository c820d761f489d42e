// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "source/complaint_key.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;

constexpr auto kNextLook = 10s;
constexpr auto kNextLookForDirectory = 1s;  // while it is gone
constexpr off_t kLargestFile = 64L << 20;   // bytes

std::string words_of(int code) { return std::generic_category().message(code); }

tl::unexpected<Error> cannot_read(const std::string& path, int code) {
  return failure(fmt::format("{}: cannot be read: {}", path, words_of(code)), code);
}

tl::unexpected<Error> bad_directory(const std::string& path, int code) {
  if (code == ENOTDIR)
    return failure(fmt::format("{}: is not a directory; name the directory of the manifests", path), code);
  if (code == ENOENT)
    return failure(fmt::format("{}: there is no such directory; make it or name another", path), code);
  return failure(fmt::format("{}: the directory of manifests cannot be read: {}", path, words_of(code)), code);
}

// Editors and kubelet keep what is not ready under names that begin with a dot or end with something else.
bool is_manifest(std::string_view name) {
  const bool known = name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
  return known && !name.starts_with('.');
}

struct Listing {
  std::set<std::string> files;
  std::set<std::string> links;  // those of the files that are symbolic links
};

Result<Listing> list(const std::string& directory) {
  const auto close_directory = [](DIR* open) { closedir(open); };
  const std::unique_ptr<DIR, decltype(close_directory)> open(opendir(directory.c_str()), close_directory);
  if (open == nullptr) return bad_directory(directory, errno);
  Listing out;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(open.get());
    if (entry == nullptr && errno != 0) return bad_directory(directory, errno);
    if (entry == nullptr) return out;
    if (!is_manifest(entry->d_name)) continue;
    out.files.insert(entry->d_name);
    struct stat status {};
    const bool seen = fstatat(dirfd(open.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (seen && S_ISLNK(status.st_mode)) out.links.insert(entry->d_name);
  }
}

// Dangling symbolic links, too, are there.
bool is_there(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

struct OpenFile {
  UniqueFd fd;
  FileStamp stamp;
};

Result<OpenFile> open_file(const std::string& path) {
  OpenFile out;
  // Without O_NONBLOCK, a FIFO of that name would hold up the agent.
  out.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!out.fd.valid() || fstat(out.fd.get(), &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) return failure(path + ": is not a file; move it out of this directory");
  if (status.st_size > kLargestFile) return cannot_read(path, EFBIG);
  out.stamp = {status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
  return out;
}

// The file may have grown since it was opened.
Result<std::string> read_all(const OpenFile& file, const std::string& path) {
  std::string out(static_cast<size_t>(file.stamp.size) + 1, '\0');
  size_t size = 0;
  while (true) {
    const ssize_t got = read(file.fd.get(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > static_cast<size_t>(kLargestFile)) return cannot_read(path, EFBIG);
    if (size == out.size()) out.resize(size * 2);
  }
  out.resize(size);
  return out;
}

}  // namespace

Result<std::unique_ptr<ManifestSource>> ManifestSource::open(const std::string& directory) {
  const std::string path = directory.substr(0, std::max<size_t>(directory.find_last_not_of('/') + 1, 1));
  if (auto listing = list(path); !listing) return tl::unexpected(std::move(listing.error()));
  auto watch = DirectoryWatch::open(path);
  if (!watch) return tl::unexpected(std::move(watch.error()).in(path));
  return std::unique_ptr<ManifestSource>(new ManifestSource(path, std::move(*watch)));
}

ManifestSource::ManifestSource(std::string directory, DirectoryWatch watch)
    : directory_(std::move(directory)), watch_(std::move(watch)) {}

SourceBatch ManifestSource::take() {
  if (!watch_.due()) return SourceBatch{.events = {}, .problems = {}, .complete = complete_, .synced = synced_};
  return batch_of(look());
}

// Answers what is wrong with the directory itself.
std::vector<std::string> ManifestSource::look() {
  const auto watched = watch_.watch_directory();
  const auto listing = list(directory_);
  if (!listing) {
    watch_.look_again_in(kNextLookForDirectory);
    return {listing.error().message + "; what was loaded keeps serving"};
  }
  bool read_any = false;
  for (const std::string& name : listing->files) read_any = look_at(name) || read_any;
  // The trees of large files are ten times their objects, and the heap would keep their room.
  if (read_any) malloc_trim(0);
  forget_files_but(listing->files);
  watch_.watch_targets(listing->links);
  watch_.look_again_in(kNextLook);
  const auto being_written = [this](const std::string& name) { return watch_.being_written(name); };
  synced_ = synced_ || std::none_of(listing->files.begin(), listing->files.end(), being_written);
  if (watched) return {};
  return {fmt::format("{}: {}; changes are noticed after up to 10 s", directory_, watched.error().message)};
}

bool ManifestSource::look_at(const std::string& name) {
  if (watch_.being_written(name)) return false;
  const std::string path = directory_ + "/" + name;
  const auto file = open_file(path);
  if (!file && file.error().code == ENOENT && !is_there(path)) return false;  // gone since; the next look tells
  if (!file) return cannot_take(name, file.error().message);
  if (const auto known = stamps_.find(name); known != stamps_.end() && known->second == file->stamp) return false;
  const auto text = read_all(*file, path);
  if (!text) return cannot_take(name, text.error().message);
  catalogue_.put(name, path, *text);
  stamps_[name] = file->stamp;
  return true;
}

bool ManifestSource::cannot_take(const std::string& name, const std::string& problem) {
  stamps_.erase(name);
  catalogue_.put_unreadable(name, problem);
  return false;
}

void ManifestSource::forget_files_but(const std::set<std::string>& names) {
  for (const std::string& known : catalogue_.file_names()) {
    if (names.contains(known)) continue;
    catalogue_.remove(known);
    stamps_.erase(known);
  }
}

SourceBatch ManifestSource::batch_of(std::vector<std::string> problems) {
  SourceBatch out;
  out.synced = synced_;
  complete_ = complete_ || (synced_ && catalogue_.complete());
  out.complete = complete_;
  out.events = catalogue_.changes();
  problems.insert(problems.end(), catalogue_.problems().begin(), catalogue_.problems().end());
  out.problems = new_complaints(problems_, problems);
  problems_ = std::move(problems);
  return out;
}

}  // namespace waggle
