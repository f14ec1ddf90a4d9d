#include "matcher/index/index.h"

#include <utility>

#include "matcher/base/check.h"
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

void Index::State::Drop(Tables* gone) {
  gone->Close();
  epochs.Retire(gone, nullptr, [](void* object, void*) { delete static_cast<Tables*>(object); });
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
  Load load(*this, sets.size());
  for (size_t i = sets.size(); i > 0; --i) load.Add(sets[i - 1]);
  return load.Finish();
}

Index::Load::Load(Index& index, size_t projects_expected) : state_(*index.state_) {
  MutexLock lock(state_.writer);
  tables_ = std::make_unique<Tables>(state_.epochs, ++state_.loads);
  tables_->Reserve(projects_expected);
}

Index::Load::~Load() {
  if (tables_ == nullptr) return;
  MutexLock lock(state_.writer);
  tables_->FinishLoad();
  state_.Drop(tables_.release());
  state_.Finish();
}

void Index::Load::Add(const ProjectSubscriptions& set) {
  MutexLock lock(state_.writer);  // what tables outgrow is retired in the index' epochs
  tables_->Load(set, &unusable_);
}

std::vector<UnusableSubscription> Index::Load::Finish() {
  CIEVENTS_CHECK(tables_ != nullptr);
  MutexLock lock(state_.writer);
  tables_->FinishLoad();
  Tables* const old = state_.tables.load();
  state_.tables.store(tables_.release(), std::memory_order_seq_cst);
  state_.Drop(old);
  state_.Finish();
  return std::move(unusable_);
}

Index::Stats Index::stats() const {
  MutexLock lock(state_->writer);
  return state_->tables.load()->stats();
}

}  // namespace cievents::matcher
