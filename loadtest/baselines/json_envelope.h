// The way in for whole JSON documents: each is validated to its last byte, and the fields of the
// envelope are taken from it.
#ifndef LOADTEST_BASELINES_JSON_ENVELOPE_H_
#define LOADTEST_BASELINES_JSON_ENVELOPE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_view.h"

namespace cievents::loadtest {

inline constexpr size_t kBatchEvents = 32;

// Decodes up to a batch of documents into memory that it reuses.
class JsonEnvelope {
 public:
  JsonEnvelope();
  ~JsonEnvelope();
  JsonEnvelope(const JsonEnvelope&) = delete;
  JsonEnvelope& operator=(const JsonEnvelope&) = delete;

  // At most kBatchEvents documents, each with EventPool::kReadableBehind readable bytes behind it.
  // Views are valid until the next call; payloads are views into the documents. Ends the process if
  // a document is not what the workloads write.
  std::span<const matcher::EventView> Decode(std::span<const std::string_view> documents);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Milliseconds of `2026-09-01T12:34:56.000Z`; 0 if the text has not this form.
int64_t ParseTime(std::string_view text);

}  // namespace cievents::loadtest

#endif  // LOADTEST_BASELINES_JSON_ENVELOPE_H_
