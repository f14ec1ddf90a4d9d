#include "matcher/event/lazy_document.h"

#include <cstring>

#include "absl/base/attributes.h"
#include "matcher/base/check.h"
#include "matcher/event/json_brackets.h"

namespace cievents::matcher {
namespace {

constexpr LazyDocument::Id kRoot = 1;

template <typename T>
T Load(const char* bytes) {
  T word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Keys are short: comparing words that overlap costs less than the call of memcmp.
inline bool AreSameBytes(const char* a, const char* b, size_t size) {
  if (size >= 8) {
    if (size > 16) return std::memcmp(a, b, size) == 0;
    return Load<uint64_t>(a) == Load<uint64_t>(b) &&
           Load<uint64_t>(a + size - 8) == Load<uint64_t>(b + size - 8);
  }
  if (size >= 4) {
    return Load<uint32_t>(a) == Load<uint32_t>(b) &&
           Load<uint32_t>(a + size - 4) == Load<uint32_t>(b + size - 4);
  }
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

}  // namespace

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool LazyDocument::HasKey(const Member& member,
                                                              std::string_view key) {
  return member.key_size == key.size() && AreSameBytes(member.key, key.data(), key.size());
}

void LazyDocument::Reset(std::string_view text) {
  CIEVENTS_CHECK(text.size() <= kBytesMax);
  text_ = text;
  members_.Clear();
  nodes_.Clear();
  Member& root = members_.Add();
  root.begin = static_cast<uint32_t>(json::SkipSpace(text, 0));
  root.end = 0;
  root.parent = 0;
  root.node = 0;
  root.next = kNone;
  walked_ = root.begin;
}

size_t LazyDocument::bytes_held() const { return members_.bytes() + nodes_.bytes(); }

bool LazyDocument::Fail(size_t at, const char* error) {
  failure_ = {at, error};
  Walked(at);
  return false;
}

LazyDocument::Id LazyDocument::Root() {
  if (members_[kRoot].begin < text_.size()) return kRoot;
  Fail(text_.size(), "there is nothing but white space");
  return kFailed;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint32_t LazyDocument::Enter(Id id) {
  Member& member = members_[id];
  if (member.node != 0) return member.node;
  const uint32_t index = nodes_.size();
  member.node = index;
  Node& node = nodes_.Add();
  node.at = member.begin + 1;
  node.owner = id;
  node.first = kNone;
  node.last = kNone;
  node.depth = static_cast<uint16_t>(nodes_[member.parent].depth + 1);
  node.close = static_cast<char>(text_[member.begin] + 2);  // { } and [ ] are two apart
  node.state = State::kOpen;
  if (node.depth > json::kDepthMax) [[unlikely]] {
    node.state = State::kFailed;
    node.error = json::kTooDeep;
    node.error_at = member.begin;
  }
  return index;
}

LazyDocument::Id LazyDocument::StateAsId(const Node& node) {
  if (node.state == State::kClosed) return kNone;
  failure_ = {node.error_at, node.error};
  return kFailed;
}

LazyDocument::Id LazyDocument::FailNode(Node& node) {
  node.state = State::kFailed;
  node.error = failure_.error;
  node.error_at = static_cast<uint32_t>(failure_.at);
  return kFailed;
}

// No further member begins at `at`: the container ends there, or something is wrong.
ABSL_ATTRIBUTE_NOINLINE LazyDocument::Id LazyDocument::EndNode(Node& node, size_t at) {
  if (at < text_.size() && text_[at] == node.close) {
    node.state = State::kClosed;
    members_[node.owner].end = static_cast<uint32_t>(at + 1);
    Walked(at + 1);
    return kNone;
  }
  if (at >= text_.size()) {
    Fail(text_.size(), json::kEndsInContainer);
  } else {
    Fail(at, "`,` or a closing bracket was expected");
  }
  return FailNode(node);
}

// A key with an escape, or that is malformed.
ABSL_ATTRIBUTE_NOINLINE bool LazyDocument::DecodeKey(size_t at, size_t* end,
                                                     std::string_view* key) {
  const json::StringStep string = json::ScanString(text_, at);
  if (string.error != nullptr) return Fail(string.at, string.error);
  *end = string.at;
  char* const decoded = arena_->Allocate(string.at - at);
  size_t size = 0;
  const json::Step step = json::DecodeString(text_, at + 1, string.at - 1, decoded, &size);
  if (step.error != nullptr) return Fail(step.at, step.error);
  *key = std::string_view(decoded, size);
  return true;
}

// Reads a key and its colon; *at: the opening quote, then where the value begins.
bool LazyDocument::ReadKey(size_t* at, std::string_view* key) {
  const size_t begin = *at;
  if (begin >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[begin] != '"') return Fail(begin, json::kNoKey);
  bool has_non_ascii = false;
  size_t end = json::FindStringEvent(text_, begin + 1, &has_non_ascii);
  if (end < text_.size() && text_[end] == '"') {
    *key = text_.substr(begin + 1, end - begin - 1);
    ++end;
  } else if (!DecodeKey(begin, &end, key)) {
    return false;
  }
  end = json::SkipSpace(text_, end);
  if (end >= text_.size()) return Fail(text_.size(), json::kEndsInContainer);
  if (text_[end] != ':') return Fail(end, json::kNoColon);
  *at = json::SkipSpace(text_, end + 1);
  return true;
}

// Where a value ends that is a plain string or a whole number; 0: it may be another.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline size_t PlainValueEnd(std::string_view text, size_t begin) {
  if (text[begin] != '"') return json::FindWholeNumberEnd(text, begin);
  const size_t quote = json::FindPlainString(text, begin + 1).end;
  return quote == 0 ? 0 : quote + 1;
}

// Makes the end of a member's value known.
ABSL_ATTRIBUTE_NOINLINE bool LazyDocument::SkipMember(Member& member, uint32_t depth) {
  const json::Step step = json::SkipValue(text_, member.begin, depth);
  if (step.error != nullptr) return Fail(step.at, step.error);
  member.end = static_cast<uint32_t>(step.at);
  return true;
}

// `last` is the last member that is known, if any.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline LazyDocument::Id LazyDocument::AddMember(
    Node& node, uint32_t index, Member* last, std::string_view key, size_t begin) {
  const Id id = members_.size();
  (last == nullptr ? node.first : last->next) = id;
  node.last = id;
  Member& member = members_.Add();  // moves *last
  member.key = key.data();
  member.key_size = static_cast<uint32_t>(key.size());
  member.begin = static_cast<uint32_t>(begin);
  member.parent = index;
  member.end = 0;
  member.node = 0;
  member.next = kNone;
  return id;
}

// Makes the next member known: steps over the last one and reads up to where the value begins.
ABSL_ATTRIBUTE_NOINLINE LazyDocument::Id LazyDocument::Advance(uint32_t index) {
  Node& node = nodes_[index];
  if (node.state != State::kOpen) return StateAsId(node);
  size_t at = 0;
  if (node.last != kNone) {
    if (members_[node.last].end == 0 && !SkipMember(members_[node.last], node.depth))
      return FailNode(node);
    at = json::SkipSpace(text_, members_[node.last].end);
    if (at >= text_.size() || text_[at] != ',') return EndNode(node, at);
    at = json::SkipSpace(text_, at + 1);
  } else {
    at = json::SkipSpace(text_, node.at);
    if (at >= text_.size() || text_[at] == node.close) return EndNode(node, at);
  }
  std::string_view key;
  if (node.close == '}' && !ReadKey(&at, &key)) return FailNode(node);
  if (at >= text_.size()) {
    Fail(text_.size(), json::kEndsInContainer);
    return FailNode(node);
  }
  Member* const last = node.last == kNone ? nullptr : &members_[node.last];
  return AddMember(node, index, last, key, at);
}

// Advance of an open object, again and again up to the member with `key`, for what machines write:
// no white space, no escapes in keys, room for the members. kNone: Advance must look at what comes
// next. What this function takes Advance would take in the same way; it is there because most of an
// event's cost is here. (What it changes often it keeps in variables of its own: behind each store
// to a member the compiler would have to read members of the class again.)
ABSL_ATTRIBUTE_ALWAYS_INLINE inline LazyDocument::Id LazyDocument::WalkPlainly(
    Node& node, uint32_t index, std::string_view key) {
  const std::string_view text = text_;
  Member* const members = &members_[0];
  const uint32_t capacity = members_.capacity();
  uint32_t size = members_.size();
  Id last = node.last;
  Id found = kNone;
  size_t at = node.at - size_t{1};
  char before = '{';
  for (; size < capacity; ++size) {
    if (last != kNone) [[likely]] {
      Member& member = members[last];
      if (member.end == 0) {
        member.end = static_cast<uint32_t>(PlainValueEnd(text, member.begin));
        // Should it fail, Advance fails at the same place.
        if (member.end == 0 && !SkipMember(member, node.depth)) [[unlikely]] {
          break;
        }
      }
      at = member.end;
      before = ',';
    }
    if (at + 2 >= text.size() || text[at] != before || text[at + 1] != '"') [[unlikely]] {
      break;
    }
    const size_t begin = at + 2;
    const size_t end = json::FindPlainString(text, begin).end;
    if (end == 0 || end + 2 >= text.size() || text[end + 1] != ':' || json::IsSpace(text[end + 2]))
        [[unlikely]] {
      break;
    }
    (last == kNone ? node.first : members[last].next) = size;
    last = size;
    members[last] = {text.data() + begin,
                     static_cast<uint32_t>(end - begin),
                     static_cast<uint32_t>(end + 2),
                     index,
                     0,
                     0,
                     kNone};
    if (HasKey(members[last], key)) {
      found = last;
      ++size;
      break;
    }
  }
  node.last = last;
  members_.SetSize(size);
  return found;
}

LazyDocument::Id LazyDocument::Next(Id container, Id previous) {
  const uint32_t node = Enter(container);
  const Id known = previous == kNone ? nodes_[node].first : members_[previous].next;
  if (known != kNone) return known;
  const Id id = Advance(node);
  if (IsValue(id)) Walked(members_[id].begin);
  return id;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline LazyDocument::Id LazyDocument::FindIn(Id object,
                                                                          std::string_view key) {
  const uint32_t index = Enter(object);
  Node& node = nodes_[index];
  const Member* const members = &members_[0];
  for (Id id = node.first; id != kNone; id = members[id].next) {
    if (HasKey(members[id], key)) return id;
  }
  if (node.state != State::kOpen) [[unlikely]] {
    return StateAsId(node);
  }
  while (true) {
    Id id = WalkPlainly(node, index, key);
    if (id != kNone) [[likely]] {
      return id;
    }
    id = Advance(index);
    if (!IsValue(id) || HasKey(members_[id], key)) return id;
  }
}

LazyDocument::Id LazyDocument::Find(Id object, std::string_view key) {
  const Id id = FindIn(object, key);
  if (IsValue(id)) Walked(members_[id].begin);
  return id;
}

LazyDocument::Id LazyDocument::ReadText(std::span<const std::string>* keys, Value* value) {
  Id id = Root();
  if (id == kFailed) [[unlikely]] {
    return id;
  }
  const std::string* key = keys->data();
  const std::string* const keys_end = key + keys->size();
  for (; key != keys_end && text_[members_[id].begin] == '{'; ++key) {
    id = FindIn(id, *key);
    if (!IsValue(id)) return id;
  }
  Member& member = members_[id];
  size_t end = member.begin;
  if (key == keys_end && text_[end] == '"' && ReadPlainString(end, &end, value)) [[likely]] {
    member.end = static_cast<uint32_t>(end);
    Walked(end);
    return kNone;
  }
  Walked(member.begin);
  *keys = {key, keys_end};
  return id;
}

LazyDocument::Id LazyDocument::ElementAt(Id array, uint32_t index) {
  Id id = Next(array, kNone);
  for (; index > 0 && id != kNone && id != kFailed; --index) id = Next(array, id);
  return id;
}

void LazyDocument::FailRead(size_t at, const char* error, Value* value) {
  Fail(at, error);
  value->kind = Value::Kind::kFailed;
}

// A string of ASCII without escapes. False: it is something else, nothing was done.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool LazyDocument::ReadPlainString(size_t begin, size_t* end,
                                                                       Value* value) {
  const std::string_view text = text_;
  const json::PlainString string = json::FindPlainString(text, begin + 1);
  if (string.end == 0 || string.has_non_ascii) return false;
  *end = string.end + 1;
  value->kind = Value::Kind::kText;
  value->text = std::string_view(text.data() + begin + 1, string.end - begin - 1);
  return true;
}

void LazyDocument::ReadString(Member& member, Value* value) {
  const json::StringStep string = json::ScanString(text_, member.begin);
  if (string.error != nullptr) return FailRead(string.at, string.error, value);
  const size_t begin = member.begin + 1;
  const size_t end = string.at - 1;
  std::string_view text(text_.data() + begin, end - begin);
  if (string.has_non_ascii && !json::IsUtf8(text)) {
    return FailRead(member.begin, "a string is not valid UTF-8", value);
  }
  if (string.has_escapes) {
    char* const decoded = arena_->Allocate(end - begin);
    size_t size = 0;
    const json::Step step = json::DecodeString(text_, begin, end, decoded, &size);
    if (step.error != nullptr) return FailRead(step.at, step.error, value);
    text = std::string_view(decoded, size);
  }
  member.end = static_cast<uint32_t>(string.at);
  Walked(string.at);
  value->kind = Value::Kind::kText;
  value->text = text;
}

void LazyDocument::ReadObject(Member& member, Value* value) {
  const json::ContainerStep object =
      json::ScanContainer(text_, member.begin, nodes_[member.parent].depth);
  if (object.error != nullptr) return FailRead(object.at, object.error, value);
  std::string_view text = text_.substr(member.begin, object.at - member.begin);
  if (object.has_space) {
    char* const compact = arena_->Allocate(text.size());
    text = std::string_view(compact, json::Compact(text_, member.begin, object.at, compact));
  }
  member.end = static_cast<uint32_t>(object.at);
  Walked(object.at);
  value->kind = Value::Kind::kText;
  value->bare_json = true;
  value->text = text;
}

json::Step LazyDocument::ReadScalar(size_t begin, json::AtTextEnd at_text_end, Value* value) const {
  const json::Step step = json::ScanScalar(text_, begin, at_text_end);
  if (step.error != nullptr) return step;
  const char first = text_[begin];
  if (first == 't' || first == 'f') {
    value->kind = Value::Kind::kBoolean;
    value->boolean = first == 't';
  } else if (first != 'n') {
    value->kind = Value::Kind::kText;
    value->bare_json = true;
    value->text = std::string_view(text_.data() + begin, step.at - begin);
  }
  return step;
}

void LazyDocument::Read(Id id, Value* value) {
  Member& member = members_[id];
  const char first = text_[member.begin];
  if (first == '"') return ReadString(member, value);
  CIEVENTS_CHECK(first != '[');
  if (first == '{') return ReadObject(member, value);
  const json::Step step = ReadScalar(
      member.begin, id == kRoot ? json::AtTextEnd::kAllowed : json::AtTextEnd::kRefused, value);
  if (step.error != nullptr) return FailRead(step.at, step.error, value);
  member.end = static_cast<uint32_t>(step.at);
  Walked(step.at);
}

bool LazyDocument::ReadFlatArray(Id array, std::vector<Value>* elements) {
  const std::string_view text = text_;
  size_t at = members_[array].begin;
  do {
    at = json::SkipSpace(text, at + 1);  // behind the bracket or a comma
    Value value;
    if (at < text.size() && text[at] == '"') {
      if (!ReadPlainString(at, &at, &value)) return false;
    } else {
      const json::Step step = ReadScalar(at, json::AtTextEnd::kRefused, &value);
      if (step.error != nullptr) return false;
      at = step.at;
    }
    if (value.kind != Value::Kind::kNull) elements->push_back(value);
    at = json::SkipSpace(text, at);
    if (at >= text.size()) return false;
  } while (text[at] == ',');
  if (text[at] != ']') return false;
  members_[array].end = static_cast<uint32_t>(at + 1);
  Walked(at + 1);
  return true;
}

}  // namespace cievents::matcher
