#include "services/lib/spool/waiting_index.h"

#include <algorithm>

#include "matcher/base/check.h"

namespace cievents::spool {

void WaitingIndex::Add(int64_t row, int64_t received_time_ms, int64_t bytes) {
  CIEVENTS_CHECK(bytes > 0);
  CIEVENTS_CHECK(entries_.empty() || entries_.back().row < row);
  entries_.push_back({row, received_time_ms, bytes});
  ++records_;
  bytes_ += bytes;
}

std::optional<int64_t> WaitingIndex::Take(int64_t row) {
  const size_t at = LowerBound(row);
  if (at == entries_.size() || entries_[at].row != row || entries_[at].bytes == 0) return {};
  const int64_t bytes = entries_[at].bytes;
  entries_[at].bytes = 0;
  --records_;
  bytes_ -= bytes;
  while (!entries_.empty() && entries_.front().bytes == 0) entries_.pop_front();
  return bytes;
}

bool WaitingIndex::Waits(int64_t row) const {
  const size_t at = LowerBound(row);
  return at < entries_.size() && entries_[at].row == row && entries_[at].bytes > 0;
}

const WaitingIndex::Entry* WaitingIndex::Next(int64_t row) const {
  size_t at = LowerBound(row);
  if (at < entries_.size() && entries_[at].row == row) ++at;
  while (at < entries_.size() && entries_[at].bytes == 0) ++at;
  return at < entries_.size() ? &entries_[at] : nullptr;
}

size_t WaitingIndex::LowerBound(int64_t row) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), row,
                                      [](const Entry& entry, int64_t r) { return entry.row < r; });
  return static_cast<size_t>(found - entries_.begin());
}

}  // namespace cievents::spool
