// Small disks of a row's own, mounted below its folder: they get full, cannot be written any more,
// and lose their power. All of it needs root. A test that is killed leaves its mounts behind; those
// of a run in a mount namespace of its own (`make faults` as root) end with it.
#ifndef TESTS_FAULTS_DISK_H_
#define TESTS_FAULTS_DISK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cievents::faults {

// Each makes the folder `path` and mounts a file system there. kPermissionDenied: not possible on
// this machine; the message says why.
absl::Status MountMemory(const std::string& path, std::string_view size);  // tmpfs, "16m"
// XFS on a loop device; its blocks are in PATH.img, which takes what is written to it.
absl::Status MountXfs(const std::string& path);

// OK, or why a row that needs such a disk is skipped. Tries it.
absl::Status CanMountMemory();
absl::Status CanMountXfs();

// At once for who asks; when its last file is closed, for the kernel. For clean_up: twice is fine.
void Unmount(const std::string& path);

// Moves the folder `from` onto the disk at `path`, under its own name, and leaves a symbolic link
// behind. What was moved is durable there on return. Nobody may use it meanwhile.
absl::Status MoveOntoDisk(const std::string& from, const std::string& path);

// Writes until nothing more fits; what was there keeps the room that it has.
void FillDisk(const std::string& path);
absl::Status MakeRoom(const std::string& path);

// kUnavailable: a file is open for writing.
absl::Status MakeReadOnly(const std::string& path);
absl::Status MakeWritable(const std::string& path);

// From now on nothing reaches the disk, and calls fail with EIO. What was written and not flushed
// is lost. REQUIRES: MountXfs.
absl::Status CutPower(const std::string& path);
// Mounts again what was cut, which recovers the log of the file system. Whoever had files there
// must be gone, or go within some seconds.
absl::Status RestorePower(const std::string& path);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_DISK_H_
