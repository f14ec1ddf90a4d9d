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

Value FailedValue(std::string_view text) {
  Value value;
  value.kind = Value::Kind::kFailed;
  value.text = text;
  return value;
}

}  // namespace

void PayloadReader::Reset(std::string_view payload) {
  too_long_ = payload.size() > LazyDocument::kBytesMax;
  document_.Reset(payload.empty() || too_long_ ? "{}" : payload);
}

size_t PayloadReader::bytes_held() const {
  return document_.bytes_held() + frames_.capacity() * sizeof(Frame) +
         elements_.capacity() * sizeof(Value);
}

Value PayloadReader::Failed() {
  static constexpr size_t kMessageMax = 160;
  char* const text = arena_->Allocate(kMessageMax);
  const auto end =
      fmt::format_to_n(text, kMessageMax, "the payload is not valid JSON at byte {}: {}",
                       document_.failure().at, document_.failure().error);
  return FailedValue({text, std::min(end.size, kMessageMax)});
}

Value PayloadReader::Read(Id id) {
  const Value value = document_.Read(id);
  return value.kind == Value::Kind::kFailed ? Failed() : value;
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
      default:
        // Nothing is below it; but what stands there must be a value.
        return {document_.Read(id).kind == Value::Kind::kFailed ? LazyDocument::kFailed
                                                                : LazyDocument::kNone,
                {}};
    }
    if (id == LazyDocument::kNone || id == LazyDocument::kFailed) return {id, {}};
    keys = keys.subspan(1);
  }
  return {id, keys};
}

Value PayloadReader::List(const End& array) {
  frames_.clear();
  elements_.clear();
  frames_.push_back({array.id, LazyDocument::kNone, array.keys});
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    frame.element = document_.Next(frame.array, frame.element);
    if (frame.element == LazyDocument::kFailed) return Failed();
    if (frame.element == LazyDocument::kNone) {
      frames_.pop_back();
      continue;
    }
    const End end = Follow(frame.element, frame.keys);
    if (end.id == LazyDocument::kFailed) return Failed();
    if (end.id == LazyDocument::kNone) continue;
    if (document_.KindOf(end.id) == LazyDocument::Kind::kArray) {
      frames_.push_back({end.id, LazyDocument::kNone, end.keys});
      continue;
    }
    const Value value = Read(end.id);
    if (value.kind == Value::Kind::kFailed) return value;
    if (value.kind != Value::Kind::kNull) elements_.push_back(value);
  }
  Value list;
  if (elements_.empty()) return list;
  Value* const copy = arena_->AllocateArray<Value>(elements_.size());
  std::uninitialized_copy(elements_.begin(), elements_.end(), copy);
  list.kind = Value::Kind::kList;
  list.list = std::span<const Value>(copy, elements_.size());
  if (elements_.capacity() > kElementsKept) elements_ = {};
  return list;
}

Value PayloadReader::GetFrom(Id id, std::span<const std::string> keys) {
  const End end = Follow(id, keys);
  if (end.id == LazyDocument::kFailed) return Failed();
  if (end.id == LazyDocument::kNone) return {};
  if (document_.KindOf(end.id) == LazyDocument::Kind::kArray) return List(end);
  return Read(end.id);
}

Value PayloadReader::Get(std::span<const std::string> keys) {
  if (too_long_) return FailedValue("the payload has more than 4 GiB");
  const Id root = document_.Root();
  return root == LazyDocument::kFailed ? Failed() : GetFrom(root, keys);
}

Value PayloadReader::GetOfSubject(std::span<const std::string> keys) {
  const Id root = too_long_ ? LazyDocument::kFailed : document_.Root();
  if (root == LazyDocument::kFailed || document_.KindOf(root) != LazyDocument::Kind::kObject) {
    return Get(keys);
  }
  Id id = document_.Find(root, keys[0]);
  if (id == LazyDocument::kNone) id = document_.Find(root, "object_attributes");
  if (id == LazyDocument::kFailed) return Failed();
  if (id == LazyDocument::kNone) return {};
  return GetFrom(id, keys.subspan(1));
}

}  // namespace cievents::matcher
