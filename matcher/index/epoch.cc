#include "matcher/index/epoch.h"

#include <algorithm>

#include "matcher/base/check.h"

namespace cievents::matcher {

EpochDomain::~EpochDomain() {
  {
    MutexLock lock(slots_mutex_);
    for (const std::unique_ptr<Slot>& slot : slots_) CIEVENTS_CHECK(!slot->used);
  }
  while (!retired_.empty()) {
    const Retired retired = retired_.front();
    retired_.pop_front();
    retired.free(retired.object, retired.context);
  }
}

EpochDomain::Reader::Reader(EpochDomain& domain) : domain_(domain) {
  MutexLock lock(domain.slots_mutex_);
  for (const std::unique_ptr<Slot>& slot : domain.slots_) {
    if (slot->used) continue;
    slot->used = true;
    pinned_ = &slot->pinned;
    return;
  }
  domain.slots_.push_back(std::make_unique<Slot>());
  domain.slots_.back()->used = true;
  pinned_ = &domain.slots_.back()->pinned;
}

EpochDomain::Reader::~Reader() {
  CIEVENTS_CHECK(pinned_->load(std::memory_order_relaxed) == kIdle);
  MutexLock lock(domain_.slots_mutex_);
  for (const std::unique_ptr<Slot>& slot : domain_.slots_) {
    if (&slot->pinned == pinned_) slot->used = false;
  }
}

Epoch EpochDomain::OldestPinned() const {
  // Readers that are idle now will see the current epoch, or a later one.
  Epoch oldest = current_.load(std::memory_order_seq_cst);
  MutexLock lock(slots_mutex_);
  for (const std::unique_ptr<Slot>& slot : slots_) {
    oldest = std::min(oldest, slot->pinned.load(std::memory_order_seq_cst));
  }
  return oldest;
}

void EpochDomain::Retire(void* object, void* context, void (*free)(void* object, void* context)) {
  retired_.push_back({next(), object, context, free});
}

void EpochDomain::Reclaim() {
  if (retired_.empty()) return;
  const Epoch oldest = OldestPinned();
  while (!retired_.empty() && retired_.front().epoch <= oldest) {
    const Retired retired = retired_.front();
    retired_.pop_front();
    retired.free(retired.object, retired.context);  // may retire more
  }
}

}  // namespace cievents::matcher
