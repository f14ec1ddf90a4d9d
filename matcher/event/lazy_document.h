// A JSON text as a tree whose parts come into being when they are asked for. Objects and arrays
// remember the members that were passed and where to go on, so each byte is stepped over at most
// once a level, and nothing behind what was asked for is looked at.
//
// What is passed is skipped (json_scanner.h), what is read is checked. So whether a member is found
// and what it reads as depends on the text up to its end alone, not on what else was asked for.
#ifndef MATCHER_EVENT_LAZY_DOCUMENT_H_
#define MATCHER_EVENT_LAZY_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "matcher/event/event_arena.h"
#include "matcher/event/json_scanner.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

class LazyDocument {
 public:
  // A value of the document: the root, a member of an object, an element of an array.
  using Id = uint32_t;
  static constexpr Id kNone = 0;                        // absent
  static constexpr Id kFailed = UINT32_MAX;             // failure() says why
  static constexpr size_t kBytesMax = UINT32_MAX - 64;  // positions have 32 bits

  enum class Kind : uint8_t { kObject, kArray, kString, kScalar };

  // Texts of values live in `arena` or are views into the document.
  explicit LazyDocument(EventArena* arena) : arena_(arena) {}

  // Forgets everything but `text`, which must live until the next Reset.
  void Reset(std::string_view text);

  // kFailed if there is nothing but white space.
  Id Root();
  Kind KindOf(Id id) const;
  // The first member of the object `object` with this key.
  Id Find(Id object, std::string_view key);
  // The member or element behind `previous`, in the order of the text; the first if kNone.
  Id Next(Id container, Id previous);
  Id ElementAt(Id array, uint32_t index);

  // Reads a value other than an array: kNull, kBoolean, kText, or kFailed with an empty text.
  Value Read(Id id);

  // Why the last call gave kFailed.
  const json::Step& failure() const { return failure_; }
  // The furthest byte that was needed.
  size_t bytes_walked() const { return walked_; }
  size_t bytes_held() const;  // for tests

 private:
  enum class State : uint8_t { kOpen, kClosed, kFailed };

  struct Member {
    const char* key = nullptr;  // decoded
    uint32_t key_size = 0;
    uint32_t begin = 0;   // of the value
    uint32_t end = 0;     // behind it; 0 = not known yet
    uint32_t parent = 0;  // node
    uint32_t node = 0;    // of a container that was entered
    Id next = kNone;
  };
  struct Node {
    uint32_t at = 0;   // open: behind the bracket if there is no member yet; closed: behind the end
    Id owner = kNone;  // the value that this is
    Id first = kNone;
    Id last = kNone;
    uint16_t depth = 0;  // the outermost container has 1
    Kind kind = Kind::kObject;
    State state = State::kOpen;
    json::Step failure;
  };

  uint32_t Enter(Id id);
  Id Advance(uint32_t node);
  bool FindNext(Node& node, size_t* at);
  bool EndOfLast(const Node& node, size_t* at);
  bool ReadKey(size_t* at, Member* member);
  bool Fail(size_t at, const char* error);
  Value ReadString(Id id);
  Value ReadObject(Id id);
  Value FailRead(size_t at, const char* error);
  void Walked(size_t at) {
    if (at > walked_) walked_ = at;
  }

  EventArena* const arena_;
  std::string_view text_;
  std::vector<Member> members_;  // [0] stands for kNone, [1] for the root
  std::vector<Node> nodes_;      // [0] stands for "not entered"
  size_t walked_ = 0;
  json::Step failure_;  // of the last call
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_LAZY_DOCUMENT_H_
