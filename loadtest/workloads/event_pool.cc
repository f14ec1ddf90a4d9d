#include "loadtest/workloads/event_pool.h"

#include "matcher/base/check.h"

namespace cievents::loadtest {

void EventPool::Reserve(size_t events, size_t document_bytes) {
  names_.reserve(events);
  places_.reserve(events);
  text_.reserve(events * document_bytes + kReadableBehind);
}

void EventPool::Add(const Draft& draft) {
  CIEVENTS_CHECK(views_.empty());
  const size_t payload = draft.document.rfind(draft.payload);
  CIEVENTS_CHECK(payload != std::string::npos);
  places_.push_back({text_.size(), draft.document.size(), text_.size() + payload,
                     draft.payload.size(), namespace_ids_.size(), draft.namespace_ids.size(),
                     draft.project_id, draft.time_ms});
  names_.push_back(draft.name);
  namespace_ids_.insert(namespace_ids_.end(), draft.namespace_ids.begin(),
                        draft.namespace_ids.end());
  text_ += draft.document;
}

void EventPool::Finish() {
  text_.append(kReadableBehind, '\0');
  const std::string_view text = text_;
  const std::span<const int64_t> namespaces = namespace_ids_;
  views_.reserve(places_.size());
  documents_.reserve(places_.size());
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    matcher::EventView view;
    view.names = std::span(names_).subspan(i, 1);
    view.project_id = place.project_id;
    view.namespace_ids = namespaces.subspan(place.namespaces, place.namespace_count);
    view.time_ms = place.time_ms;
    view.payload = text.substr(place.payload, place.payload_bytes);
    views_.push_back(view);
    documents_.push_back(text.substr(place.document, place.document_bytes));
  }
}

}  // namespace cievents::loadtest
