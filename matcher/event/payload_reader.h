// Finds what a path means in a payload: keys through objects, the rule of arrays (a path that
// crosses or ends at one is the flat list of its elements), the event's own subject.
#ifndef MATCHER_EVENT_PAYLOAD_READER_H_
#define MATCHER_EVENT_PAYLOAD_READER_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_arena.h"
#include "matcher/event/lazy_document.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

class PayloadReader {
 public:
  // What the values view is in the payload or in `arena`.
  explicit PayloadReader(EventArena* arena) : arena_(arena), document_(arena) {}

  // `payload` must live until the next Reset; empty stands for {}.
  void Reset(std::string_view payload);

  // `keys` below the payload; none = the whole payload. *value must be Value().
  void Get(std::span<const std::string> keys, Value* value) {
    const Id id = document_.ReadText(&keys, value);
    if (id != LazyDocument::kNone) GetFrom(id, keys, value);
  }
  // The same, but where the payload is an object without keys[0], that is `object_attributes`.
  void GetOfSubject(std::span<const std::string> keys, Value* value);

  size_t bytes_walked() const { return document_.bytes_walked(); }
  size_t bytes_held() const;  // for tests

 private:
  using Id = LazyDocument::Id;

  // Where following keys ended: at `id` (kNone: at nothing, kFailed), with `keys` left if an array
  // has to be crossed.
  struct End {
    Id id = LazyDocument::kNone;
    std::span<const std::string> keys;
  };
  // An array whose elements are being listed.
  struct Frame {
    Id array = LazyDocument::kNone;
    Id element = LazyDocument::kNone;
    std::span<const std::string> keys;
  };

  End Follow(Id id, std::span<const std::string> keys);
  void GetFrom(Id id, std::span<const std::string> keys, Value* value);
  void List(const End& array, Value* value);
  bool ListElements(const End& array, Value* value);
  void Read(Id id, Value* value);
  void Fail(Value* value);

  EventArena* const arena_;
  LazyDocument document_;
  bool too_long_ = false;
  std::vector<Frame> frames_;
  std::vector<Value> elements_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_PAYLOAD_READER_H_
