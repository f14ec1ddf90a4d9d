#include "matcher/index/index.h"

#include <utility>

#include "matcher/index/index_state.h"

namespace cievents::matcher {

Index::State::State() : tables(new Tables(epochs, ++loads)) {}

Index::State::~State() {
  // What waits to be freed refers to the tables.
  while (epochs.retired() > 0) {
    epochs.Publish();
    epochs.Reclaim();
  }
  delete tables.load();
}

void Index::State::Finish() {
  epochs.Publish();
  tables.load()->Settle();
  epochs.Reclaim();
}

Index::Index() : state_(std::make_unique<State>()) {}
Index::~Index() = default;

std::vector<UnusableSubscription> Index::ReplaceProject(const ProjectSubscriptions& set) {
  std::vector<UnusableSubscription> unusable;
  MutexLock lock(state_->writer);
  state_->tables.load()->Put(set, &unusable);
  state_->Finish();
  return unusable;
}

void Index::RemoveProject(int64_t project_id) {
  MutexLock lock(state_->writer);
  state_->tables.load()->Remove(project_id);
  state_->Finish();
}

std::vector<UnusableSubscription> Index::ReplaceAll(std::span<const ProjectSubscriptions> sets) {
  std::vector<UnusableSubscription> unusable;
  MutexLock lock(state_->writer);
  auto loaded = std::make_unique<Tables>(state_->epochs, ++state_->loads);
  loaded->Load(sets, &unusable);
  Tables* const old = state_->tables.load();
  old->Close();
  state_->tables.store(loaded.release(), std::memory_order_seq_cst);
  state_->epochs.Retire(old, nullptr,
                        [](void* object, void*) { delete static_cast<Tables*>(object); });
  state_->Finish();
  return unusable;
}

Index::Stats Index::stats() const {
  MutexLock lock(state_->writer);
  return state_->tables.load()->stats();
}

}  // namespace cievents::matcher
