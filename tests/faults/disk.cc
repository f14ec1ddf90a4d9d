#include "tests/faults/disk.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "matcher/base/status.h"
#include "tests/faults/child_process.h"
#include "tests/faults/cluster_copy.h"

namespace cievents::faults {
namespace {

namespace fs = std::filesystem;

constexpr char kFiller[] = "/filler";
constexpr std::chrono::seconds kCommandMax{60};
constexpr std::chrono::seconds kBusyMax{15};
// Sparse. XFS wants 300 MB at least.
constexpr int64_t kImageBytes = int64_t{2} << 30;

// XFS_IOC_GOINGDOWN and its flag of xfs_fs.h, which is in a package that nothing else needs. The
// flag: the log is not flushed before.
constexpr unsigned long kGoingDown = _IOR('X', 125, uint32_t);
constexpr uint32_t kNoLogFlush = 2;

absl::Status ErrnoError(absl::StatusCode code, std::string_view attempt, const std::string& path) {
  return Error(code, "cannot {} {}: {}", attempt, path, std::strerror(errno));
}

std::string ImageOf(const std::string& path) { return path + ".img"; }

// `command` begins with an absolute path; what it says goes to `log`.
absl::Status RunProgram(const std::vector<std::string>& command, const std::string& log) {
  ChildProcess program({command, log, "", command[0]});
  CIEVENTS_RETURN_IF_ERROR(program.Start());
  return program.AwaitExit(kCommandMax);
}

absl::Status MountImage(const std::string& path) {
  // The loop device goes with the mount.
  return RunProgram({"/bin/mount", "-t", "xfs", "-o", "loop", ImageOf(path), path}, path + ".log");
}

absl::Status Remount(const std::string& path, unsigned long flags) {
  if (mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(absl::StatusCode::kUnavailable, "remount", path);
}

absl::Status Try(const std::function<absl::Status(const std::string&)>& mount_at) {
  const std::string trial = MakeFolder();
  const absl::Status status = mount_at(trial + "/disk");
  Unmount(trial + "/disk");
  std::error_code ignored;
  fs::remove_all(trial, ignored);
  return status;
}

// All that is in the page cache of the disk goes to it.
absl::Status SyncDisk(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && syncfs(fd) == 0;
  const absl::Status status =
      synced ? absl::OkStatus() : ErrnoError(absl::StatusCode::kInternal, "sync", path);
  if (fd >= 0) close(fd);
  return status;
}

}  // namespace

absl::Status MountMemory(const std::string& path, std::string_view size) {
  fs::create_directory(path);
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, fmt::format("size={}", size).c_str()) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(absl::StatusCode::kPermissionDenied, "mount a tmpfs at", path);
}

absl::Status MountXfs(const std::string& path) {
  constexpr char kMake[] = "/sbin/mkfs.xfs";
  if (!fs::exists(kMake)) {
    return Error(absl::StatusCode::kPermissionDenied, "there is no {} (Debian: xfsprogs)", kMake);
  }
  fs::create_directory(path);
  std::ofstream(ImageOf(path)).close();
  fs::resize_file(ImageOf(path), kImageBytes);
  absl::Status status = RunProgram({kMake, "-q", ImageOf(path)}, path + ".log");
  if (status.ok()) status = MountImage(path);
  if (status.ok()) return status;
  return Error(absl::StatusCode::kPermissionDenied, "no XFS on a loop device: {}",
               std::string(status.message()));
}

absl::Status CanMountMemory() {
  return Try([](const std::string& path) { return MountMemory(path, "1m"); });
}

absl::Status CanMountXfs() {
  return Try([](const std::string& path) -> absl::Status {
    CIEVENTS_RETURN_IF_ERROR(MountXfs(path));
    return CutPower(path);
  });
}

void Unmount(const std::string& path) { umount2(path.c_str(), MNT_DETACH); }

absl::Status MoveOntoDisk(const std::string& from, const std::string& path) {
  const std::string to = fmt::format("{}/{}", path, fs::path(from).filename().string());
  CIEVENTS_RETURN_IF_ERROR(RunProgram({"/bin/cp", "-a", from, to}, path + ".log"));
  std::error_code error;
  fs::remove_all(from, error);
  if (!error) fs::create_directory_symlink(to, from, error);
  if (error) {
    return Error(absl::StatusCode::kInternal, "cannot put a link to {} at {}: {}", to, from,
                 error.message());
  }
  return SyncDisk(path);
}

void FillDisk(const std::string& path) {
  std::ofstream filler(path + kFiller, std::ios::binary | std::ios::app);
  const std::string block(64 * 1024, 'x');
  while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

absl::Status MakeRoom(const std::string& path) {
  if (unlink((path + kFiller).c_str()) == 0) return absl::OkStatus();
  return ErrnoError(absl::StatusCode::kInternal, "remove the filler of", path);
}

absl::Status MakeReadOnly(const std::string& path) { return Remount(path, MS_RDONLY); }
absl::Status MakeWritable(const std::string& path) { return Remount(path, 0); }

absl::Status CutPower(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  uint32_t flags = kNoLogFlush;
  const bool cut = fd >= 0 && ioctl(fd, kGoingDown, &flags) == 0;
  const absl::Status status =
      cut ? absl::OkStatus()
          : ErrnoError(absl::StatusCode::kPermissionDenied, "cut the power of", path);
  if (fd >= 0) close(fd);
  return status;
}

absl::Status RestorePower(const std::string& path) {
  const auto end = std::chrono::steady_clock::now() + kBusyMax;
  while (umount2(path.c_str(), 0) != 0) {
    if (errno != EBUSY || std::chrono::steady_clock::now() > end) {
      return ErrnoError(absl::StatusCode::kUnavailable, "unmount", path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return MountImage(path);
}

}  // namespace cievents::faults
