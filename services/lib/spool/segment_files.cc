#include "services/lib/spool/segment_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "matcher/base/status.h"

namespace cievents::spool {
namespace {

constexpr std::string_view kFormat = "cievents-spool ";
constexpr int kVersion = 1;

absl::Status ErrnoError(int error, std::string_view attempt, const std::string& path) {
  const auto code = error == ENOSPC || error == EDQUOT ? absl::StatusCode::kResourceExhausted
                                                       : absl::StatusCode::kUnavailable;
  return Error(code, "{}: {}: {}; check the folder's owner, its disk and the space on it", path,
               attempt, std::strerror(error));
}

absl::Status MakeFolder(const std::string& dir) {
  const std::filesystem::path parent = std::filesystem::absolute(dir).parent_path();
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error) return ErrnoError(error.value(), "cannot make the folder", parent.string());
  if (::mkdir(dir.c_str(), 0700) == 0) return SyncFolder(parent.string());
  if (errno != EEXIST) return ErrnoError(errno, "cannot make the folder", dir);
  return absl::OkStatus();
}

std::string ReadSmall(int fd) {
  char text[128];
  const ssize_t size = ::pread(fd, text, sizeof(text), 0);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : "";
}

// The number after `prefix`; -1 if there is none.
int64_t NumberAfter(std::string_view text, std::string_view prefix) {
  const size_t at = text.find(prefix);
  if (at == std::string_view::npos) return -1;
  int64_t number = -1;
  const std::string_view rest = text.substr(at + prefix.size());
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

absl::Status WriteLockFile(int fd, const std::string& path) {
  const std::string text = fmt::format("{}{}\npid {}\n", kFormat, kVersion, ::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    // It says who holds the lock; that it is held is what counts.
    if (errno == ENOSPC || errno == EDQUOT) return absl::OkStatus();
    return ErrnoError(errno, "cannot write", path);
  }
  return absl::OkStatus();
}

// segment-000001.db and what follows; -1 for other names.
int64_t SegmentNumber(std::string_view name, std::string_view* rest) {
  constexpr std::string_view kPrefix = "segment-";
  if (!name.starts_with(kPrefix)) return -1;
  int64_t number = -1;
  const char* end = name.data() + name.size();
  const auto [after, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  if (error != std::errc() || number < 1 || number > 999'999'999'999) return -1;
  *rest = std::string_view(after, static_cast<size_t>(end - after));
  return number;
}

absl::Status RenameIfThere(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoError(errno, "cannot rename it to *.damaged", from);
}

absl::Status DeleteIfThere(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoError(errno, "cannot delete", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& dir) {
  CIEVENTS_RETURN_IF_ERROR(MakeFolder(dir));
  const std::string path = dir + "/lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int error = fd < 0 ? errno : 0;
  // A disk that has become read-only: what the spool holds is drained all the same.
  if (error == EROFS) fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(error, "cannot open", path);
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  const std::string text = ReadSmall(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "cannot lock", path);
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{}: another process has this spool open (pid {}); give each its own folder", path,
                 NumberAfter(text, "pid "));
  }
  const int64_t version = NumberAfter(text, kFormat);
  if (version >= 0 && version != kVersion) {
    return Error(
        absl::StatusCode::kFailedPrecondition,
        "{}: the spool has format {}, and this program knows {}; drain it with the program "
        "that wrote it",
        dir, version, kVersion);
  }
  if (error == 0) CIEVENTS_RETURN_IF_ERROR(WriteLockFile(fd, path));
  return lock;
}

FolderLock::~FolderLock() { ::close(fd_); }

absl::StatusOr<FolderContents> ListFolder(const std::string& dir) {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(dir.c_str()), &::closedir);
  if (folder == nullptr) return ErrnoError(errno, "cannot read the folder", dir);
  FolderContents contents;
  std::set<int64_t> numbers;
  std::vector<SegmentFile> logs;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    std::string_view rest;
    const int64_t number = SegmentNumber(name, &rest);
    if (number < 0) continue;
    contents.number_max = std::max(contents.number_max, number);
    const std::string path = fmt::format("{}/{}", dir, name);
    if (rest == ".db" && numbers.insert(number).second) contents.segments.push_back({number, path});
    if (rest == ".db.new") contents.unfinished.push_back(path);
    if (rest == ".db-wal") logs.push_back({number, path});
    if (rest.ends_with(".damaged")) contents.damaged.push_back(path);
  }
  for (const SegmentFile& log : logs) {
    if (!numbers.contains(log.number) && FileBytes(log.path) > 0) {
      contents.orphan_logs.push_back(log.path);
    }
  }
  std::sort(contents.segments.begin(), contents.segments.end(),
            [](const SegmentFile& a, const SegmentFile& b) { return a.number < b.number; });
  std::sort(contents.damaged.begin(), contents.damaged.end());
  return contents;
}

bool IsSpoolFolder(const std::string& dir) { return FileBytes(dir + "/lock") > 0; }

std::string SegmentPath(const std::string& dir, int64_t number) {
  return fmt::format("{}/segment-{:06}.db", dir, number);
}

int64_t FileBytes(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? int64_t{status.st_size} : 0;
}

absl::Status SyncFolder(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, "cannot open the folder", dir);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : ErrnoError(error, "cannot sync the folder", dir);
}

absl::Status SetAside(const std::string& path) {
  // The log first: alone it would be found as an orphan, the segment alone as a sound old state.
  CIEVENTS_RETURN_IF_ERROR(RenameIfThere(path + "-wal", path + ".damaged-wal"));
  CIEVENTS_RETURN_IF_ERROR(RenameIfThere(path, path + ".damaged"));
  return DeleteIfThere(path + "-shm");
}

absl::Status DeleteSegmentFiles(const std::string& path) {
  CIEVENTS_RETURN_IF_ERROR(DeleteIfThere(path + "-wal"));
  CIEVENTS_RETURN_IF_ERROR(DeleteIfThere(path + "-shm"));
  CIEVENTS_RETURN_IF_ERROR(DeleteIfThere(path + "-journal"));
  return DeleteIfThere(path);
}

}  // namespace cievents::spool
