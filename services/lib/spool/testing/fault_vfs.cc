#include "services/lib/spool/testing/fault_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "matcher/base/check.h"

namespace cievents::spool::testing {
namespace {

constexpr int64_t kSectorBytes = 512;

// SQLite allocates it, with room for the real file behind it.
struct ShimFile {
  sqlite3_file base;
  FaultVfs* vfs;
  std::string* path;  // null: a temporary file
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

ShimFile* Shim(sqlite3_file* file) { return reinterpret_cast<ShimFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Shim(file)->real(); }

std::string ReadDisk(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

struct FaultVfs::Registration {
  sqlite3_vfs vfs = {};
  sqlite3_vfs* real = nullptr;
  sqlite3_io_methods methods = {};
};

struct FaultVfs::Hooks {
  static FaultVfs* Of(sqlite3_vfs* vfs) { return static_cast<FaultVfs*>(vfs->pAppData); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out_flags) {
    FaultVfs* self = Of(vfs);
    sqlite3_vfs* real = self->registration_->real;
    ShimFile* shim = Shim(file);
    shim->base.pMethods = nullptr;
    shim->vfs = self;
    shim->path = nullptr;
    const MutexLock lock(self->mutex_);
    if (self->read_only_ && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
      flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    }
    // Before SQLite has it open: closing a file drops the process's locks on it.
    if (name != nullptr) self->KnowFile(name);
    const int code = real->xOpen(real, name, shim->real(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    if (name != nullptr) shim->path = new std::string(name);
    shim->base.pMethods = &self->registration_->methods;
    return SQLITE_OK;
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    FaultVfs* self = Of(vfs);
    sqlite3_vfs* real = self->registration_->real;
    const MutexLock lock(self->mutex_);
    self->files_.erase(name);
    return real->xDelete(real, name, sync_folder);
  }

  static int Close(sqlite3_file* file) {
    delete Shim(file)->path;
    return Real(file)->pMethods->xClose(Real(file));
  }

  static int Write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    FaultVfs* self = Shim(file)->vfs;
    const std::string* path = Shim(file)->path;
    if (path == nullptr) return Real(file)->pMethods->xWrite(Real(file), bytes, count, offset);
    const MutexLock lock(self->mutex_);
    int written = count;
    if (self->room_ >= 0) {
      written = static_cast<int>(std::min<int64_t>(count, self->room_));
      self->room_ -= written;
    }
    if (written > 0) {
      const std::string text(static_cast<const char*>(bytes), static_cast<size_t>(written));
      self->files_[*path].unsynced.push_back({offset, text});
      const int code = Real(file)->pMethods->xWrite(Real(file), bytes, written, offset);
      if (code != SQLITE_OK) return code;
    }
    return written == count ? SQLITE_OK : SQLITE_FULL;
  }

  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultVfs* self = Shim(file)->vfs;
    if (const std::string* path = Shim(file)->path; path != nullptr) {
      const MutexLock lock(self->mutex_);
      self->files_[*path].unsynced.push_back({size, "", true});
    }
    return Real(file)->pMethods->xTruncate(Real(file), size);
  }

  // The real file is not synced: tests are about what was asked for, not about this disk.
  static int Sync(sqlite3_file* file, int /*flags*/) {
    FaultVfs* self = Shim(file)->vfs;
    const std::string* path = Shim(file)->path;
    if (path == nullptr) return SQLITE_OK;
    const MutexLock lock(self->mutex_);
    File& state = self->files_[*path];
    if (self->failing_syncs_ > 0 && path->ends_with(self->failing_suffix_)) {
      --self->failing_syncs_;
      state.unsynced.clear();
      return SQLITE_IOERR_FSYNC;
    }
    ++self->syncs_[*path];
    for (const Change& change : state.unsynced) Apply(change, &state.durable);
    state.unsynced.clear();
    return SQLITE_OK;
  }

  static sqlite3_io_methods Methods() {
    sqlite3_io_methods methods = {};
    methods.iVersion = 2;  // no memory mapping: it would go round xWrite
    methods.xClose = &Close;
    methods.xRead = [](sqlite3_file* f, void* to, int count, sqlite3_int64 offset) {
      return Real(f)->pMethods->xRead(Real(f), to, count, offset);
    };
    methods.xWrite = &Write;
    methods.xTruncate = &Truncate;
    methods.xSync = &Sync;
    methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return Real(f)->pMethods->xFileSize(Real(f), size);
    };
    methods.xLock = [](sqlite3_file* f, int kind) {
      return Real(f)->pMethods->xLock(Real(f), kind);
    };
    methods.xUnlock = [](sqlite3_file* f, int kind) {
      return Real(f)->pMethods->xUnlock(Real(f), kind);
    };
    methods.xCheckReservedLock = [](sqlite3_file* f, int* out) {
      return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
    };
    methods.xFileControl = [](sqlite3_file* f, int op, void* argument) {
      return Real(f)->pMethods->xFileControl(Real(f), op, argument);
    };
    methods.xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); };
    methods.xDeviceCharacteristics = [](sqlite3_file* f) {
      return Real(f)->pMethods->xDeviceCharacteristics(Real(f));
    };
    methods.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
      return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
    };
    methods.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
      return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
    };
    methods.xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); };
    methods.xShmUnmap = [](sqlite3_file* f, int remove) {
      return Real(f)->pMethods->xShmUnmap(Real(f), remove);
    };
    return methods;
  }
};

FaultVfs::FaultVfs()
    : name_([] {
        static std::atomic<int> made = 0;
        return fmt::format("cievents-fault-{}", made++);
      }()),
      registration_(std::make_unique<Registration>()) {
  Registration& r = *registration_;
  r.real = sqlite3_vfs_find(nullptr);
  CIEVENTS_CHECK(r.real != nullptr);
  r.methods = Hooks::Methods();
  r.vfs = *r.real;  // what is not about files stays as it is
  r.vfs.pNext = nullptr;
  r.vfs.szOsFile = static_cast<int>(sizeof(ShimFile)) + r.real->szOsFile;
  r.vfs.zName = name_.c_str();
  r.vfs.pAppData = this;
  r.vfs.xOpen = &Hooks::Open;
  r.vfs.xDelete = &Hooks::Delete;
  CIEVENTS_CHECK(sqlite3_vfs_register(&r.vfs, 0) == SQLITE_OK);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&registration_->vfs); }

void FaultVfs::KnowFile(const std::string& path) {
  if (files_.contains(path)) return;
  // A segment is renamed when it is finished, which no VFS sees.
  const auto before = files_.find(path + ".new");
  if (before == files_.end()) {
    files_[path].durable = ReadDisk(path);
    return;
  }
  files_[path] = std::move(before->second);
  files_.erase(before);
}

void FaultVfs::FailSyncs(std::string suffix, int count) {
  const MutexLock lock(mutex_);
  failing_suffix_ = std::move(suffix);
  failing_syncs_ = count;
}

void FaultVfs::SetRoom(int64_t bytes) {
  const MutexLock lock(mutex_);
  room_ = bytes;
}

void FaultVfs::SetReadOnly(bool read_only) {
  const MutexLock lock(mutex_);
  read_only_ = read_only;
}

int64_t FaultVfs::syncs(std::string_view suffix) const {
  const MutexLock lock(mutex_);
  int64_t sum = 0;
  for (const auto& [path, count] : syncs_) {
    if (path.ends_with(suffix)) sum += count;
  }
  return sum;
}

int64_t FaultVfs::UnsyncedBytes(const std::string& path) const {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return 0;
  int64_t sum = 0;
  for (const Change& change : found->second.unsynced) {
    sum += static_cast<int64_t>(change.bytes.size());
  }
  return sum;
}

void FaultVfs::Apply(const Change& change, std::string* content) {
  if (change.truncate) {
    content->resize(static_cast<size_t>(change.offset));
    return;
  }
  const size_t end = static_cast<size_t>(change.offset) + change.bytes.size();
  if (content->size() < end) content->resize(end);
  content->replace(static_cast<size_t>(change.offset), change.bytes.size(), change.bytes);
}

void FaultVfs::Cut(const std::string& to, uint64_t seed) const {
  std::mt19937_64 random(seed);
  const MutexLock lock(mutex_);
  for (const auto& [path, file] : files_) {
    std::string content = file.durable;
    for (Change change : file.unsynced) {
      if (seed == 0 || random() % 2 == 0) continue;
      const int64_t sectors = static_cast<int64_t>(change.bytes.size()) / kSectorBytes;
      if (!change.truncate && random() % 4 == 0) {
        const auto kept = static_cast<int64_t>(random() % static_cast<uint64_t>(sectors + 1));
        change.bytes.resize(static_cast<size_t>(kept * kSectorBytes));
      }
      Apply(change, &content);
    }
    // That a file was deleted may not be on the disk yet; the order of deletions is kept.
    if (seed % 2 == 0 && ::access(path.c_str(), F_OK) != 0) continue;
    // The entry of a file that never was synced may be missing too.
    if (content.empty() && path.find(".db-") != std::string::npos) continue;
    std::ofstream(to + path.substr(path.find_last_of('/')), std::ios::binary) << content;
  }
}

}  // namespace cievents::spool::testing
