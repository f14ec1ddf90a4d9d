#include "matcher/event/payload_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

namespace cievents::matcher {
namespace {

constexpr size_t kElementsKept = 4096;

// The index that a key is of an array: digits without a leading zero. One that is greater than any
// array is long is UINT32_MAX.
std::optional<uint32_t> IndexOf(std::string_view key) {
  if (key.empty() || (key[0] == '0' && key.size() > 1)) return std::nullopt;
  uint64_t index = 0;
  for (char c : key) {
    if (c < '0' || c > '9') return std::nullopt;
    index = std::min<uint64_t>(index * 10 + static_cast<uint64_t>(c - '0'), UINT32_MAX);
  }
  return static_cast<uint32_t>(index);
}

}  // namespace

void PayloadReader::Reset(std::string_view payload) {
  too_long_ = payload.size() > LazyDocument::kBytesMax;
  document_.Reset(too_long_ ? "" : payload.empty() ? "{}" : payload);
}

size_t PayloadReader::bytes_held() const {
  return document_.bytes_held() + frames_.capacity() * sizeof(Frame) +
         elements_.capacity() * sizeof(Value);
}

void PayloadReader::Fail(Value* value) {
  value->kind = Value::Kind::kFailed;
  if (too_long_) {
    value->text = "the payload has more than 4 GiB";
    return;
  }
  static constexpr size_t kMessageMax = 160;
  char* const text = arena_->Allocate(kMessageMax);
  const auto end =
      fmt::format_to_n(text, kMessageMax, "the payload is not valid JSON at byte {}: {}",
                       document_.failure().at, document_.failure().error);
  value->text = {text, std::min(end.size, kMessageMax)};
}

void PayloadReader::Read(Id id, Value* value) {
  document_.Read(id, value);
  if (value->kind == Value::Kind::kFailed) [[unlikely]] {
    Fail(value);
  }
}

// Goes down until the keys are used up or an array must be crossed.
PayloadReader::End PayloadReader::Follow(Id id, std::span<const std::string> keys) {
  while (!keys.empty()) {
    switch (document_.KindOf(id)) {
      case LazyDocument::Kind::kObject:
        id = document_.Find(id, keys[0]);
        break;
      case LazyDocument::Kind::kArray: {
        const std::optional<uint32_t> index = IndexOf(keys[0]);
        if (!index.has_value()) return {id, keys};
        id = document_.ElementAt(id, *index);
        break;
      }
      default: {
        // Nothing is below it; but what stands there must be a value.
        Value value;
        document_.Read(id, &value);
        return {value.kind == Value::Kind::kFailed ? LazyDocument::kFailed : LazyDocument::kNone,
                {}};
      }
    }
    if (id == LazyDocument::kNone || id == LazyDocument::kFailed) return {id, {}};
    keys = keys.subspan(1);
  }
  return {id, keys};
}

void PayloadReader::List(const End& array, Value* list) {
  elements_.clear();
  const bool is_flat = array.keys.empty() && document_.ReadFlatArray(array.id, &elements_);
  if (!is_flat) {
    elements_.clear();
    if (!ListElements(array, list)) return;
  }
  if (elements_.empty()) return;
  Value* const copy = arena_->AllocateArray<Value>(elements_.size());
  std::uninitialized_copy(elements_.begin(), elements_.end(), copy);
  list->kind = Value::Kind::kList;
  list->list = std::span<const Value>(copy, elements_.size());
  if (elements_.capacity() > kElementsKept) std::vector<Value>().swap(elements_);
}

// To elements_. False: *list says what is wrong.
bool PayloadReader::ListElements(const End& array, Value* list) {
  frames_.clear();
  frames_.push_back({array.id, LazyDocument::kNone, array.keys});
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    frame.element = document_.Next(frame.array, frame.element);
    if (frame.element == LazyDocument::kFailed) {
      Fail(list);
      return false;
    }
    if (frame.element == LazyDocument::kNone) {
      frames_.pop_back();
      continue;
    }
    const End end = Follow(frame.element, frame.keys);
    if (end.id == LazyDocument::kFailed) {
      Fail(list);
      return false;
    }
    if (end.id == LazyDocument::kNone) continue;
    if (document_.KindOf(end.id) == LazyDocument::Kind::kArray) {
      frames_.push_back({end.id, LazyDocument::kNone, end.keys});
      continue;
    }
    Value value;
    Read(end.id, &value);
    if (value.kind == Value::Kind::kFailed) {
      *list = value;
      return false;
    }
    if (value.kind != Value::Kind::kNull) elements_.push_back(value);
  }
  return true;
}

void PayloadReader::GetFrom(Id id, std::span<const std::string> keys, Value* value) {
  const End end = keys.empty() || id == LazyDocument::kFailed ? End{id, {}} : Follow(id, keys);
  if (end.id == LazyDocument::kNone) return;
  if (end.id == LazyDocument::kFailed) return Fail(value);
  if (document_.KindOf(end.id) == LazyDocument::Kind::kArray) return List(end, value);
  Read(end.id, value);
}

void PayloadReader::GetOfSubject(std::span<const std::string> keys, Value* value) {
  const Id root = document_.Root();
  if (root == LazyDocument::kFailed || document_.KindOf(root) != LazyDocument::Kind::kObject) {
    return Get(keys, value);
  }
  Id id = document_.Find(root, keys[0]);
  if (id == LazyDocument::kNone) id = document_.Find(root, "object_attributes");
  if (id == LazyDocument::kNone) return;
  if (id == LazyDocument::kFailed) return Fail(value);
  GetFrom(id, keys.subspan(1), value);
}

}  // namespace cievents::matcher
