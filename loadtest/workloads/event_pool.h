// The events of a workload, in both forms: as views (the envelope is known, the payload is bytes)
// and as whole JSON documents. Both share their bytes: a view's payload lies inside its document.
#ifndef LOADTEST_WORKLOADS_EVENT_POOL_H_
#define LOADTEST_WORKLOADS_EVENT_POOL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_view.h"

namespace cievents::loadtest {

class EventPool {
 public:
  struct Draft {
    std::string name;
    int64_t project_id = 0;
    std::vector<int64_t> namespace_ids;  // root first
    int64_t time_ms = 0;
    std::string document;
    std::string payload;  // a part of `document`
  };

  // So many bytes behind every document may be read: what simdjson wants.
  static constexpr size_t kReadableBehind = 64;

  void Reserve(size_t events, size_t document_bytes);
  void Add(const Draft& draft);
  // Makes the views. No Add after it.
  void Finish();

  std::span<const matcher::EventView> views() const { return views_; }
  std::span<const std::string_view> documents() const { return documents_; }
  size_t size() const { return names_.size(); }

 private:
  struct Place {
    size_t document;
    size_t document_bytes;
    size_t payload;
    size_t payload_bytes;
    size_t namespaces;
    size_t namespace_count;
    int64_t project_id;
    int64_t time_ms;
  };
  std::vector<std::string> names_;
  std::vector<int64_t> namespace_ids_;
  std::string text_;
  std::vector<Place> places_;
  std::vector<matcher::EventView> views_;
  std::vector<std::string_view> documents_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_EVENT_POOL_H_
