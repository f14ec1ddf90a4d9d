#include "services/event_matcher/shard_map.h"

#include <chrono>
#include <set>
#include <thread>
#include <utility>

namespace cievents::event_matcher {

const std::string& Layout::AddressOf(int shard) const {
  static const auto* const none = new std::string;
  if (shard < 0 || static_cast<size_t>(shard) >= addresses.size()) return *none;
  return addresses[static_cast<size_t>(shard)];
}

ShardMap::ShardMap(int shard_index, int shard_count)
    : shard_index_(shard_index),
      shard_count_(shard_count),
      view_(std::make_shared<const ShardView>()) {}

std::shared_ptr<const ShardView> ShardMap::view() const {
  MutexLock lock(mutex_);
  return view_;
}

std::optional<matcher::SlotSet> ShardMap::wanted() const {
  MutexLock lock(mutex_);
  if (view_->layout.version == 0) return std::nullopt;
  return matcher::SlotsOfShard(shard_index_, view_->layout.shard_count) |
         matcher::SlotsOfShard(shard_index_, shard_count_) | slots_before_;
}

std::vector<int> ShardMap::loaded_shard_counts() const {
  MutexLock lock(mutex_);
  if (view_->loaded.none()) return {};
  std::vector<int> counts;
  for (const int count : std::set<int>{view_->layout.shard_count, shard_count_}) {
    const matcher::SlotSet slots = matcher::SlotsOfShard(shard_index_, count);
    if (slots.any() && (slots & ~view_->loaded).none()) counts.push_back(count);
  }
  return counts;
}

void ShardMap::SetLayout(const Layout& layout, int64_t oldest_version_in_use) {
  MutexLock lock(mutex_);
  if (layout.version < view_->layout.version) return;  // of an answer that was overtaken
  if (layout.version > view_->layout.version && view_->layout.version != 0) {
    slots_before_ |= matcher::SlotsOfShard(shard_index_, view_->layout.shard_count);
  }
  if (oldest_version_in_use >= layout.version) slots_before_.reset();
  if (layout == view_->layout) return;
  Publish({view_->loaded, layout});
}

void ShardMap::SetLoaded(const matcher::SlotSet& slots) {
  MutexLock lock(mutex_);
  Publish({slots, view_->layout});
}

void ShardMap::KeepOnly(const matcher::SlotSet& slots) {
  {
    MutexLock lock(mutex_);
    Publish({view_->loaded & slots, view_->layout});
  }
  AwaitReaders();
}

void ShardMap::AwaitReaders() {
  std::vector<std::weak_ptr<const ShardView>> older;
  {
    MutexLock lock(mutex_);
    Publish(*view_);
    older = older_;
  }
  // Whoever holds one matches one batch by it: milliseconds.
  for (const std::weak_ptr<const ShardView>& view : older) {
    while (!view.expired()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void ShardMap::Publish(ShardView view) {
  std::erase_if(older_, [](const std::weak_ptr<const ShardView>& old) { return old.expired(); });
  older_.push_back(view_);
  view_ = std::make_shared<const ShardView>(std::move(view));
}

}  // namespace cievents::event_matcher
