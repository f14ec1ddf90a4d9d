// A JSON text as a tree whose parts come into being when they are asked for. Objects and arrays
// remember the members that were passed and where to go on, so each byte is stepped over at most
// once a level, and nothing behind what was asked for is looked at.
//
// What is passed is skipped (json_scanner.h), what is read is checked. So whether a member is found
// and what it reads as depends on the text up to its end alone, not on what else was asked for.
#ifndef MATCHER_EVENT_LAZY_DOCUMENT_H_
#define MATCHER_EVENT_LAZY_DOCUMENT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
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
  Kind KindOf(Id id) const {
    const char first = text_[members_[id].begin];
    return first == '{'   ? Kind::kObject
           : first == '[' ? Kind::kArray
           : first == '"' ? Kind::kString
                          : Kind::kScalar;
  }
  // False: `id` is kNone or kFailed.
  static bool IsValue(Id id) { return id + 1 > 1; }
  // The first member of the object `object` with this key.
  Id Find(Id object, std::string_view key);
  // The member or element behind `previous`, in the order of the text; the first if kNone.
  Id Next(Id container, Id previous);
  Id ElementAt(Id array, uint32_t index);

  // Goes from the root through objects along *keys and reads what it finds to *value, which must
  // be Value(), if that is a string. kNone: this is all, *value is right. Else the value at which
  // somebody else has to go on, with those of *keys that are left, or kFailed.
  Id ReadText(std::span<const std::string>* keys, Value* value);
  // Reads all of an array of strings, numbers and literals; nulls are dropped. False: there is
  // something else in it, or something is wrong; go through its elements.
  bool ReadFlatArray(Id array, std::vector<Value>* elements);

  // Reads a value other than an array to *value, which must be Value(): kNull, kBoolean, kText, or
  // kFailed with an empty text.
  void Read(Id id, Value* value);

  // Why the last call gave kFailed.
  const json::Step& failure() const { return failure_; }
  // The furthest byte that was needed.
  size_t bytes_walked() const { return walked_; }
  size_t bytes_held() const;  // for tests

 private:
  enum class State : uint8_t { kOpen, kClosed, kFailed };

  // A value; `Parts` hands it out with the contents of an earlier one.
  struct Member {
    const char* key;  // decoded
    uint32_t key_size;
    uint32_t begin;   // of the value
    uint32_t parent;  // node
    uint32_t end;     // behind it; 0 = not known yet
    uint32_t node;    // of a container that was entered; 0 = it was not
    Id next;
  };
  // A container that was entered.
  struct Node {
    const char* error;  // if kFailed
    uint32_t error_at;
    uint32_t at;  // of the first member; only for a container without one
    Id owner;     // the value that this is
    Id first;
    Id last;
    uint16_t depth;  // the outermost container has 1
    char close;      // } or ]
    State state;
  };

  // An array that keeps its memory, and its elements as they are, when it is emptied. [0] is never
  // handed out and zero.
  template <typename T>
  class Parts {
   public:
    Parts() { Allocate(64); }
    T& operator[](size_t i) { return storage_[i]; }
    const T& operator[](size_t i) const { return storage_[i]; }
    uint32_t size() const { return size_; }
    uint32_t capacity() const { return capacity_; }
    // REQUIRES: at most the capacity; those that are added this way are the caller's to fill.
    void SetSize(uint32_t size) { size_ = size; }
    // Moves the others.
    T& Add() {
      if (size_ == capacity_) [[unlikely]] {
        Grow();
      }
      return storage_[size_++];
    }
    void Clear() {
      size_ = 1;
      if (capacity_ > kPartsKept) [[unlikely]] {
        Allocate(64);
      }
    }
    size_t bytes() const { return capacity_ * sizeof(T); }

   private:
    void Allocate(uint32_t capacity) {
      storage_ = std::make_unique<T[]>(capacity);
      capacity_ = capacity;
    }
    ABSL_ATTRIBUTE_NOINLINE void Grow() {
      const std::unique_ptr<T[]> old = std::move(storage_);
      Allocate(2 * capacity_);
      std::copy_n(old.get(), size_, storage_.get());
    }

    std::unique_ptr<T[]> storage_;
    uint32_t capacity_ = 0;
    uint32_t size_ = 1;
  };
  // More than a usual payload needs; one that needed more gives its memory back.
  static constexpr size_t kPartsKept = 8 * 1024;

  uint32_t Enter(Id id);
  Id Advance(uint32_t node);
  Id WalkPlainly(Node& node, uint32_t index, std::string_view key);
  static bool HasKey(const Member& member, std::string_view key);
  Id EndNode(Node& node, size_t at);
  Id FailNode(Node& node);
  Id StateAsId(const Node& node);
  bool SkipMember(Member& member, uint32_t depth);
  Id AddMember(Node& node, uint32_t index, Member* last, std::string_view key, size_t begin);
  bool ReadKey(size_t* at, std::string_view* key);
  bool DecodeKey(size_t at, size_t* end, std::string_view* key);
  bool Fail(size_t at, const char* error);
  Id FindIn(Id object, std::string_view key);
  bool ReadPlainString(size_t begin, size_t* end, Value* value);
  void ReadString(Member& member, Value* value);
  void ReadObject(Member& member, Value* value);
  json::Step ReadScalar(size_t begin, json::AtTextEnd at_text_end, Value* value) const;
  void FailRead(size_t at, const char* error, Value* value);
  void Walked(size_t at) {
    if (at > walked_) walked_ = at;
  }

  EventArena* const arena_;
  std::string_view text_;
  Parts<Member> members_;  // [0] stands for kNone, [1] for the root
  Parts<Node> nodes_;      // [0] stands for "not entered"
  size_t walked_ = 0;
  json::Step failure_;  // of the last call
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_LAZY_DOCUMENT_H_
