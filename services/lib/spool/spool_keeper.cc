// The keeper: what becomes of segments that are not written any more.
#include <algorithm>
#include <utility>

#include "services/lib/base/log.h"
#include "services/lib/spool/spool.h"

namespace cievents::spool {
namespace {

void LogFailure(const Segment& segment, const absl::Status& status) {
  if (status.ok()) return;
  // Nothing is lost by it: what was taken out stays out of this process's index, and comes back
  // with the next one, where the key in Postgres absorbs it.
  LogWarning("a segment of the spool cannot be written",
             {{"file", segment.path()}, {"error", std::string(status.message())}});
}

}  // namespace

void Spool::RunKeeper() {
  for (bool last = false; !last;) {
    for (Chore& chore : NextChores(&last)) {
      Segment& segment = *chore.segment;
      if (!chore.changes.empty()) LogFailure(segment, segment.Write(chore.changes));
      if (chore.compact) LogFailure(segment, segment.Compact());
      if (chore.then == Chore::Then::kClose) segment.Close();
      if (chore.then == Chore::Then::kDelete) {
        LogFailure(segment, segment.Delete());
      } else {
        NoteFileBytes(segment);
      }
    }
  }
}

std::vector<Spool::Chore> Spool::NextChores(bool* last) {
  const MutexLock lock(mutex_);
  while (!keeper_has_work_ && !writer_ended_) keeper_due_.Wait(mutex_);
  keeper_has_work_ = false;
  *last = writer_ended_;
  std::vector<Chore> chores;
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->first == active_) {
      ++it;
      continue;
    }
    Chore chore = ChoreOf(&it->second);
    const bool deleted = chore.then == Chore::Then::kDelete;
    if (deleted && last_read_ == chore.segment) last_read_ = nullptr;
    if (chore.then != Chore::Then::kNothing || !chore.changes.empty()) {
      chores.push_back(std::move(chore));
    }
    it = deleted ? held_.erase(it) : std::next(it);
  }
  return chores;
}

void Spool::NoteFileBytes(const Segment& segment) {
  const int64_t bytes = FileBytes(segment.path()) + FileBytes(segment.path() + "-wal");
  const MutexLock lock(mutex_);
  const auto found = held_.find(segment.number());
  if (found != held_.end()) found->second.file_bytes = std::max<int64_t>(bytes, 1);
}

Spool::Chore Spool::ChoreOf(Held* held) {
  Chore chore;
  chore.segment = held->segment;
  if (held->disposable()) {
    chore.then = Chore::Then::kDelete;
    return chore;
  }
  Changes changes = std::exchange(held->pending, Changes());
  if (!held->segment->broken()) chore.changes = std::move(changes);
  const bool in_use = held->segment == last_read_ && !held->close_due && !writer_ended_;
  // A few that are left (of a shard that is away, say) are not to keep the space of all.
  const bool mostly_empty = !in_use && held->file_bytes >= options_.compact_bytes_min &&
                            2 * held->left_bytes() < held->file_bytes;
  chore.compact = (mostly_empty || (held->waiting.empty() && !held->compacted)) &&
                  held->damaged == 0 && !held->segment->broken();
  held->compacted = held->compacted || chore.compact;
  const bool opened = held->segment->open() || chore.compact || !chore.changes.empty();
  if (opened && !in_use) chore.then = Chore::Then::kClose;
  held->close_due = false;
  return chore;
}

}  // namespace cievents::spool
