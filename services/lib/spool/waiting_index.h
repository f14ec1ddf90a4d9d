// Which rows of one segment wait, in order, with what bounds need. About 24 bytes a row, so that
// taking a record out is known at once, before its file knows.
#ifndef SERVICES_LIB_SPOOL_WAITING_INDEX_H_
#define SERVICES_LIB_SPOOL_WAITING_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace cievents::spool {

// Not thread-safe.
class WaitingIndex {
 public:
  struct Entry {
    int64_t row = 0;
    int64_t received_time_ms = 0;
    int64_t bytes = 0;  // 0 = taken
  };

  // REQUIRES: `row` is higher than all before it, bytes > 0.
  void Add(int64_t row, int64_t received_time_ms, int64_t bytes);
  // The bytes of a row that waited and does no more; nothing if it did not wait.
  std::optional<int64_t> Take(int64_t row);
  bool Waits(int64_t row) const;

  // The first row that waits after `row` (which need not be there); null if there is none. Valid
  // until the next change.
  const Entry* Next(int64_t row) const;

  int64_t records() const { return records_; }
  int64_t bytes() const { return bytes_; }
  bool empty() const { return records_ == 0; }

 private:
  size_t LowerBound(int64_t row) const;

  std::deque<Entry> entries_;  // the first one waits
  int64_t records_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_WAITING_INDEX_H_
