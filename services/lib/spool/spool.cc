#include "services/lib/spool/spool.h"

#include <algorithm>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/base/log.h"

namespace cievents::spool {
namespace {

// A segment is retired at half of its rows, so that one more group always fits.
constexpr int64_t kRowsFull = kRowsMax / 2;
constexpr size_t kGroupRecordsMax = static_cast<size_t>(kRowsMax / 4);
constexpr size_t kReasonBytesMax = 4096;

using SteadyClock = std::chrono::steady_clock;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What callers of Append and Done may get.
absl::Status AsWriteError(const absl::Status& status) {
  const bool full = status.code() == absl::StatusCode::kResourceExhausted;
  return absl::Status(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
                      status.message());
}

}  // namespace

Spool::~Spool() { Stop(); }

void Spool::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    writer_due_.NotifyAll();
  }
  if (writer_.joinable()) writer_.join();
  if (keeper_.joinable()) keeper_.join();
}

absl::Status Spool::Append(std::vector<Record> records, Done done) {
  Submission submission;
  for (const Record& record : records) submission.bytes += RecordBytes(record);
  submission.records = std::move(records);
  submission.done = std::move(done);
  const MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the spool is stopped");
  if (disk_failed_) {
    return Error(absl::StatusCode::kUnavailable, "the spool cannot be written: {}",
                 stats_.last_error);
  }
  if (queued_bytes_ + submission.bytes > options_.queued_bytes_max ||
      submission.records.size() > kGroupRecordsMax) {
    stats_.turned_away_by_queue += submission.records.size();
    return Error(absl::StatusCode::kResourceExhausted,
                 "{} bytes wait for the spool's disk, and at most {} may; send it again later",
                 queued_bytes_, options_.queued_bytes_max);
  }
  const int64_t held = HeldBytes();
  if (held + submission.bytes > options_.bytes_max) {
    stats_.turned_away_by_size += submission.records.size();
    return Error(
        absl::StatusCode::kResourceExhausted,
        "the spool {} holds {} bytes, and at most {} may; it is full until Postgres is back",
        options_.dir, held, options_.bytes_max);
  }
  queued_bytes_ += submission.bytes;
  queue_.push_back(std::move(submission));
  writer_due_.NotifyOne();
  return absl::OkStatus();
}

void Spool::RunWriter() {
  for (;;) {
    Work work = NextWork();
    if (work.kind == Work::Kind::kWrite) {
      Write(std::move(work));
    } else if (work.kind == Work::Kind::kBegin) {
      const absl::Status status = BeginSegment();
      if (!status.ok()) RefuseQueue(status);
    } else {
      break;
    }
  }
  const MutexLock lock(mutex_);
  RetireActive();
  writer_ended_ = true;
  keeper_due_.NotifyAll();
}

Spool::Work Spool::NextWork() {
  const MutexLock lock(mutex_);
  for (;;) {
    if (active_ == 0) {
      if (stopping_ && queue_.empty()) return {};
      const auto now = SteadyClock::now();
      if (stopping_ || now >= begin_after_) {
        Work work;
        work.kind = Work::Kind::kBegin;
        return work;
      }
      writer_due_.WaitFor(mutex_, begin_after_ - now);
      continue;
    }
    if (!queue_.empty() || !held_[active_].pending.empty()) return TakeGroup();
    if (stopping_) return {};
    writer_due_.Wait(mutex_);
  }
}

Spool::Work Spool::TakeGroup() {
  Work work;
  work.kind = Work::Kind::kWrite;
  Held& held = held_[active_];
  work.segment = held.segment;
  work.changes = std::exchange(held.pending, Changes());
  work.changes.first_row = next_row_;
  int64_t bytes = 0;
  size_t records = 0;
  while (!queue_.empty()) {
    const Submission& next = queue_.front();
    bytes += next.bytes;
    records += next.records.size();
    const bool fits = bytes <= options_.commit_bytes_max && records <= kGroupRecordsMax;
    if (!fits && !work.group.empty()) break;
    work.group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  for (const Submission& submission : work.group) {
    for (const Record& record : submission.records) work.changes.appended.push_back(&record);
  }
  return work;
}

absl::Status Spool::BeginSegment() {
  const int64_t number = ++last_number_;
  auto segment = Segment::Create(SegmentPath(options_.dir, number), number, options_.segment);
  const MutexLock lock(mutex_);
  if (!segment.ok()) {
    disk_failed_ = true;
    stats_.writable = false;
    stats_.last_error = std::string(segment.status().message());
    begin_after_ = SteadyClock::now() + options_.retry_after;
    return AsWriteError(segment.status());
  }
  disk_failed_ = false;
  stats_.writable = true;
  held_[number].segment = *std::move(segment);
  active_ = number;
  next_row_ = 1;
  return absl::OkStatus();
}

void Spool::Write(Work work) {
  const absl::Status status = work.segment->Write(work.changes);
  std::vector<std::vector<RecordId>> ids;
  {
    const MutexLock lock(mutex_);
    for (const Submission& submission : work.group) queued_bytes_ -= submission.bytes;
    if (status.ok()) {
      ids = Written(work);
    } else {
      NotWritten(work, status);
    }
  }
  if (!status.ok()) {
    LogError("the spool's segment cannot be written; a new one is begun",
             {{"file", work.segment->path()}, {"error", std::string(status.message())}});
  }
  for (size_t i = 0; i < work.group.size(); ++i) {
    if (status.ok()) {
      work.group[i].done(std::move(ids[i]));
    } else {
      work.group[i].done(AsWriteError(status));
    }
  }
}

std::vector<std::vector<RecordId>> Spool::Written(const Work& work) {
  Held& held = held_[active_];
  std::vector<std::vector<RecordId>> ids;
  for (const Submission& submission : work.group) {
    std::vector<RecordId>& submission_ids = ids.emplace_back();
    for (const Record& record : submission.records) {
      submission_ids.push_back({active_, next_row_});
      held.waiting.Add(next_row_++, record.received_time_ms, RecordBytes(record));
    }
    stats_.bytes += submission.bytes;
  }
  const auto count = static_cast<int64_t>(work.changes.appended.size());
  stats_.records += count;
  stats_.appended += static_cast<uint64_t>(count);
  if (count > 0) ++stats_.commits;
  stats_.writable = true;
  if (next_row_ > kRowsFull || work.segment->wal_bytes() >= options_.segment_bytes_max) {
    RetireActive();
  }
  return ids;
}

void Spool::NotWritten(const Work& work, const absl::Status& status) {
  stats_.writable = false;
  stats_.last_error = std::string(status.message());
  // A segment that never took a record may be followed by more like it: not one a record.
  const bool first = next_row_ == 1 && !work.changes.appended.empty();
  RetireActive();
  if (first) {
    disk_failed_ = true;
    begin_after_ = SteadyClock::now() + options_.retry_after;
  }
}

// The next segment is begun at once: by it a disk that has healed is known before a record comes.
void Spool::RetireActive() {
  if (active_ == 0) return;
  Held& held = held_[active_];
  held.close_due = true;
  held.file_bytes = std::max<int64_t>(held.segment->wal_bytes(), 1);  // until it is closed
  active_ = 0;
  begin_after_ = SteadyClock::now();
  keeper_has_work_ = true;
  keeper_due_.NotifyOne();
}

void Spool::RefuseQueue(const absl::Status& status) {
  std::deque<Submission> refused;
  {
    const MutexLock lock(mutex_);
    refused.swap(queue_);
    for (const Submission& submission : refused) queued_bytes_ -= submission.bytes;
  }
  if (!refused.empty()) {
    LogError("the spool cannot be written",
             {{"dir", options_.dir}, {"error", std::string(status.message())}});
  }
  for (Submission& submission : refused) submission.done(status);
}

std::vector<Spool::Place> Spool::Candidates(RecordId after, int count_max, size_t bytes_max) {
  const MutexLock lock(mutex_);
  std::vector<Place> places;
  size_t bytes = 0;
  for (auto it = held_.lower_bound(after.segment); it != held_.end(); ++it) {
    int64_t row = it->first == after.segment ? after.row : 0;
    while (const WaitingIndex::Entry* entry = it->second.waiting.Next(row)) {
      bytes += static_cast<size_t>(entry->bytes);
      const bool fits = static_cast<int>(places.size()) < count_max && bytes <= bytes_max;
      if (!fits && !places.empty()) return places;
      row = entry->row;
      places.push_back({it->second.segment, {it->first, row}});
    }
  }
  return places;
}

absl::StatusOr<std::vector<StoredRecord>> Spool::Read(RecordId after, int count_max,
                                                      size_t bytes_max) {
  absl::Status error;
  for (;;) {
    const std::vector<Place> places = Candidates(after, count_max, bytes_max);
    std::vector<StoredRecord> records;
    int64_t unreadable = 0;  // segment
    for (const Place& place : places) {
      after = place.id;
      if (place.id.segment == unreadable) continue;
      auto record = place.segment->Fetch(place.id.row);
      if (record.ok()) {
        records.push_back({place.id, *std::move(record)});
      } else if (record.status().code() == absl::StatusCode::kDataLoss ||
                 record.status().code() == absl::StatusCode::kNotFound) {
        MarkDamaged(place.id, record.status());
      } else {
        error = record.status();
        unreadable = place.id.segment;
      }
    }
    // The others are not to wait for a segment that cannot be read now.
    if (unreadable != 0 && after.segment == unreadable) after.row = kRowsMax;
    if (!places.empty()) NoteRead(places.back().segment);
    if (!records.empty()) return records;
    if (places.empty()) break;
  }
  if (!error.ok()) return absl::UnavailableError(error.message());
  return std::vector<StoredRecord>();
}

void Spool::NoteRead(const std::shared_ptr<Segment>& segment) {
  const MutexLock lock(mutex_);
  if (last_read_ == segment) return;
  last_read_ = segment;
  keeper_has_work_ = true;
  keeper_due_.NotifyOne();
}

void Spool::MarkDamaged(RecordId id, const absl::Status& status) {
  {
    const MutexLock lock(mutex_);
    int64_t bytes = 0;
    Held* held = TakeOut(id, &bytes);
    if (held == nullptr) return;  // removed while it was read
    ++held->damaged;
    held->set_aside_bytes += bytes;
    ++stats_.damaged;
    stats_.set_aside_bytes += bytes;
  }
  LogError("a record of the spool is damaged; it is left where it is",
           {{"file", SegmentPath(options_.dir, id.segment)},
            {"row", id.row},
            {"error", std::string(status.message())}});
}

void Spool::Remove(std::vector<RecordId> ids) {
  const MutexLock lock(mutex_);
  for (const RecordId id : ids) {
    int64_t bytes = 0;
    Held* held = TakeOut(id, &bytes);
    if (held == nullptr) continue;
    held->pending.removed.push_back(id.row);
    Wake(id.segment);
  }
}

void Spool::Refuse(RecordId id, const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    int64_t bytes = 0;
    Held* held = TakeOut(id, &bytes);
    if (held == nullptr) return;
    held->pending.refused.push_back({id.row, reason.substr(0, kReasonBytesMax), NowMs()});
    ++held->refused;
    held->set_aside_bytes += bytes;
    ++stats_.refused;
    stats_.set_aside_bytes += bytes;
    Wake(id.segment);
  }
  LogError("a record of the spool is set aside; `cievents spool list` shows it",
           {{"file", SegmentPath(options_.dir, id.segment)}, {"row", id.row}, {"error", reason}});
}

Spool::Held* Spool::TakeOut(RecordId id, int64_t* bytes) {
  const auto found = held_.find(id.segment);
  if (found == held_.end()) return nullptr;
  const std::optional<int64_t> taken = found->second.waiting.Take(id.row);
  if (!taken.has_value()) return nullptr;
  *bytes = *taken;
  --stats_.records;
  stats_.bytes -= *taken;
  return &found->second;
}

void Spool::Wake(int64_t segment) {
  if (segment == active_) {
    writer_due_.NotifyOne();
    return;
  }
  keeper_has_work_ = true;
  keeper_due_.NotifyOne();
}

int64_t Spool::HeldBytes() const {
  int64_t bytes = queued_bytes_;
  for (const auto& [number, held] : held_) bytes += std::max(held.left_bytes(), held.file_bytes);
  return bytes;
}

Stats Spool::stats() const {
  const MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.segments = static_cast<int64_t>(held_.size());
  stats.queued_bytes = queued_bytes_;
  stats.queued_bytes_max = options_.queued_bytes_max;
  stats.held_bytes = HeldBytes();
  for (const auto& [number, held] : held_) {
    const WaitingIndex::Entry* first = held.waiting.Next(0);
    if (first == nullptr) continue;
    stats.oldest_received_ms = first->received_time_ms;
    break;
  }
  return stats;
}

}  // namespace cievents::spool
